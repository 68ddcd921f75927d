// Long conversations with a plain broker of the test, cut and chopped by chance: every message of QoS 1 arrives at
// least once and in order in both directions, whatever the connections do, and nothing arrives that nobody sent.
#include <random>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/mqtt/fixture.h"

namespace muster::mcu::test {
namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t end) {
  return static_cast<std::size_t>(random() % end);
}

// Keeps what it sent until it is acknowledged, answers everything, and can forget the session.
class PlainBroker {
 public:
  PlainBroker(Random& random, ScriptedStream& stream) : random_(random), stream_(stream) {}

  void connection_lost() { from_client_.clear(); }
  void take() {
    from_client_ += std::exchange(stream_.from_client, {});
    while (auto packet = twin::take(from_client_)) answer(*packet);
  }
  // To be acknowledged, or not.
  void publish(const std::string& payload, bool qos1) {
    twin::Publish message{"down/" + std::to_string(below(random_, 100)), payload, 0, false, false};
    if (qos1) {
      message.id = ++last_id_ == 0 ? ++last_id_ : last_id_;
      waiting_.push_back(message);
    }
    give(twin::publish(message, 1 + static_cast<unsigned>(below(random_, 4))));
  }
  [[nodiscard]] bool all_acknowledged() const { return waiting_.empty(); }
  bool forget_session = false;
  std::vector<std::string> received;  // payloads of QoS 1, repetitions with DUP included
  std::size_t small_received = 0;

 private:
  void answer(const twin::Packet& packet) {
    switch (packet.type()) {
      case 1: {
        const bool known = session_ && !forget_session;
        session_ = true;
        forget_session = false;
        connections_ = known ? connections_ + 1 : 1;
        give(twin::connack(known));
        for (auto& message : waiting_) {
          message.dup = known;
          give(twin::publish(message));
        }
        return;
      }
      case 3: {
        const auto message = packet.as_publish();
        if (message.id == 0) {
          ++small_received;
          return;
        }
        EXPECT_FALSE(message.dup && connections_ == 1) << "DUP of what this session cannot know";
        received.push_back(message.payload);
        give(twin::puback(message.id));
        return;
      }
      case 4: {
        ASSERT_FALSE(waiting_.empty());
        const auto id = packet.u16_at(0);
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& m) { return m.id == id; });
        ASSERT_NE(found, waiting_.end()) << "acknowledged what nobody sent";
        waiting_.erase(found);
        return;
      }
      case 8:
        give(twin::suback(packet.u16_at(0)));
        return;
      case 12:
        give(twin::pingresp());
        return;
      case 14:
        return;
      default:
        FAIL() << "type " << packet.type();
    }
  }
  // In pieces of any size.
  void give(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = 1 + below(random_, below(random_, 4) == 0 ? 4 : 400);
      stream_.give(bytes.substr(at, size));
      at += size;
    }
  }
  Random& random_;
  ScriptedStream& stream_;
  std::string from_client_;
  std::vector<twin::Publish> waiting_;
  std::uint16_t last_id_ = 0;
  bool session_ = false;
  unsigned connections_ = 0;  // of this session
};

// Puts messages together again.
struct Device : Recorder {
  std::vector<std::string> payloads;  // of whole messages
  unsigned acknowledged = 0;
  bool on_message(std::string_view, ByteView payload) override {
    EXPECT_TRUE(payload.aligned());
    payloads.emplace_back(payload.text());
    return true;
  }
  bool on_piece(std::string_view, std::uint32_t offset, std::uint32_t total, ByteView piece) override {
    if (offset == 0) put_together.clear();
    EXPECT_EQ(put_together.size(), offset);
    put_together += piece.text();
    if (put_together.size() == total) payloads.push_back(put_together);
    return true;
  }
  void on_acknowledged() override { ++acknowledged; }
  std::string put_together;
};

// The order of first arrivals of QoS 1, without repetitions.
std::vector<std::string> firsts(const std::vector<std::string>& all) {
  std::vector<std::string> found;
  for (const auto& one : all) {
    if (one[0] != 'q' && std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  }
  return found;
}

void converse(std::uint64_t seed) {
  Random random(seed);
  const std::size_t in_size = 32 + 8 * below(random, 20);
  std::vector<std::uint64_t> in(in_size / 8), out(64);
  ScriptedStream stream;
  const auto port = stream.port();
  Device device;
  MqttSession session(
      port, {reinterpret_cast<std::uint8_t*>(in.data()), in_size, reinterpret_cast<std::uint8_t*>(out.data()), 512},
      device);
  PlainBroker broker(random, stream);
  const bool cuts = below(random, 3) != 0, chops = below(random, 3) != 0;
  std::vector<std::string> up, down;
  std::uint64_t now = random() % 1000000;
  for (int step = 0; step < 600 || !broker.all_acknowledged() || device.acknowledged < up.size(); ++step) {
    ASSERT_LT(step, 20000) << "does not come to an end";
    const bool acting = step < 600;
    now += below(random, 40);
    if (session.idle()) {
      broker.connection_lost();
      stream.from_client.clear();
      stream.to_client.clear();  // what the broker said to the connection before
      broker.forget_session = below(random, 4) == 0;
      auto options = World::options();
      options.client_id = "d";
      ASSERT_EQ(session.connect(options, now), ok);
    }
    stream.step = chops ? 1 + below(random, 30) : ScriptedStream::all;
    const int polled = session.poll(now);
    ASSERT_TRUE(polled == ok || polled == err_closed) << polled;
    stream.ends = false;
    broker.take();
    if (!acting || !session.connected()) continue;
    const auto number = std::to_string(step) + ":" + std::string(below(random, 300), 'x');
    switch (below(random, 12)) {
      case 0:
      case 1:
        down.push_back(number);
        broker.publish(number, true);
        break;
      case 2:
        if (session.publish("up", bytes_of(number), false) == ok) up.push_back(number);
        break;
      case 3:
        static_cast<void>(session.publish_small("small", bytes_of("s")));
        break;
      case 6:
        broker.publish("q" + number, false);  // may be lost with a connection
        break;
      case 4:
        if (cuts && below(random, 4) == 0) stream.ends = true;
        break;
      case 5:
        if (cuts && below(random, 8) == 0) session.disconnect();
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(firsts(broker.received), up);
  EXPECT_EQ(firsts(device.payloads), down);
  EXPECT_EQ(device.acknowledged, up.size());
}

TEST(McuMqttRandom, ConversationsLoseNothing) {
  const auto first = testing::seed_or(20261121);
  const auto count = testing::size_for<std::uint64_t>(150, 5000);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    converse(seed);
    ASSERT_FALSE(HasFailure()) << "MUSTER_SEED=" << seed;
  }
}

}  // namespace
}  // namespace muster::mcu::test
