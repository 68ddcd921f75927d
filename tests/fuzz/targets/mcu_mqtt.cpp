// The MCU client's MQTT session under a hostile broker: the input is a list of steps (bytes from the broker in any
// split, what the device says, time, a port that takes little). What was delivered is what a plain reading of the same
// bytes gives; what the device sends is whole packets; a connection that is over is over.
#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "mcu-client/src/mqtt/session.h"
#include "tests/fuzz/target.h"
#include "tests/unit/mcu/mqtt/twin.h"

namespace {

using namespace muster;
using namespace muster::mcu;
namespace twin = muster::mcu::test::twin;

struct Message {
  std::string topic, payload;
  std::uint16_t id = 0;
  std::size_t total = 0;  // more than the payload's size: the rest has not come
};

// The plain reading of everything that came on one connection.
struct Reading {
  std::vector<Message> messages;
  bool broken = false;    // a packet that MQTT 3.1.1 or our limits forbid
  bool answers = false;   // PUBACK or SUBACK: whether it is right depends on what was asked
  bool accepted = false;  // the CONNACK says 0
  bool refused = false;
};

bool is_good_topic(const std::string& topic) {
  if (topic.empty() || topic.size() > 192) return false;
  for (std::size_t i = 0; i < topic.size();) {
    const auto byte = [&](std::size_t at) { return at < topic.size() ? static_cast<std::uint8_t>(topic[at]) : 0u; };
    std::uint32_t point = byte(i);
    std::size_t more = 0;
    if (point >= 0xf0)
      more = 3, point &= 7;
    else if (point >= 0xe0)
      more = 2, point &= 15;
    else if (point >= 0xc0)
      more = 1, point &= 31;
    else if (point >= 0x80)
      return false;
    if (byte(i) >= 0xf8) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) >> 6 != 2) return false;
      point = point << 6 | (byte(i + k) & 63);
    }
    static constexpr std::uint32_t least[] = {1, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    if (point == '+' || point == '#') return false;
    i += more + 1;
  }
  return true;
}

void read_publish(const twin::Packet& packet, std::size_t missing, Reading& reading) {
  const int qos = packet.first >> 1 & 3;
  const std::size_t id_size = qos == 0 ? 0 : 2;
  if (qos > 1 || (qos == 0 && (packet.first & 8) != 0) || packet.body.size() < 2 ||
      packet.body.size() < 2 + packet.u16_at(0) + id_size || !is_good_topic(packet.body.substr(2, packet.u16_at(0)))) {
    reading.broken = true;
    return;
  }
  const auto message = packet.as_publish();
  if (qos == 1 && message.id == 0) {
    reading.broken = true;
    return;
  }
  const auto come = message.payload.size() - std::min(missing, message.payload.size());
  reading.messages.push_back({message.topic, message.payload.substr(0, come), message.id, message.payload.size()});
}

// `missing`: so many bytes at the end of the body are made up, because they have not come.
void read_packet(const twin::Packet& packet, std::size_t missing, bool first, Reading& reading) {
  const auto& body = packet.body;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(body[i]); };
  if ((packet.type() == 2) != first) {
    reading.broken = true;
  } else if (packet.type() == 3) {
    read_publish(packet, missing, reading);
  } else if (packet.first == 0x20 && body.size() == 2) {
    if (missing > 0) return;
    reading.broken = at(0) > 1 || at(1) > 5 || (at(0) == 1 && at(1) != 0);
    reading.accepted = at(1) == 0;
    reading.refused = !reading.accepted;
  } else if ((packet.first == 0x40 && body.size() == 2) || (packet.first == 0x90 && body.size() == 3)) {
    reading.answers = reading.answers || missing == 0;
  } else if (packet.first != 0xd0 || !body.empty()) {
    reading.broken = true;
  }
}

// With `complete` the last packet is filled up with letters, which break nothing: is what came of it already wrong?
Reading read(std::string bytes, bool complete) {
  Reading reading;
  for (bool first = true; !bytes.empty() && !reading.broken; first = false) {
    std::size_t size = 0, head = 1;
    for (;; ++head) {
      if (head >= bytes.size()) return reading;  // the length has not come
      const auto digit = static_cast<std::uint8_t>(bytes[head]);
      size |= static_cast<std::size_t>(digit & 127) << (7 * (head - 1));
      if ((digit & 128) == 0) break;
      if (head == 4) {
        reading.broken = true;
        return reading;
      }
    }
    if (size > mqtt::packet_max) {
      reading.broken = true;
      return reading;
    }
    const auto whole = head + 1 + size;
    const auto missing = whole - std::min(whole, bytes.size());
    if (missing > 0 && !complete) return reading;
    bytes.append(missing, 'x');
    const twin::Packet packet{static_cast<std::uint8_t>(bytes[0]), bytes.substr(head + 1, size)};
    bytes.erase(0, whole);
    read_packet(packet, missing, first, reading);
  }
  return reading;
}

// The other side of the port.
struct Stream {
  std::deque<std::string> waiting;
  std::string read, sent;  // of this connection
  std::size_t room = 0;
  bool open = false, gap = false, ended = false;

  static Stream& of(void* self) { return *static_cast<Stream*>(self); }
  Port port() {
    Port port;
    port.context = this;
    port.open = [](void* self) {
      of(self) = Stream();
      of(self).open = true;
      return 0;
    };
    port.close = [](void* self) { of(self).open = false; };
    port.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
      FUZZ_REQUIRE(of(self).open && size > 0, "sends to nobody");
      const auto taken = std::min(size, of(self).room);
      of(self).room -= taken;
      of(self).sent.append(reinterpret_cast<const char*>(bytes), taken);
      return static_cast<int>(taken);
    };
    port.recv = [](void* self, std::uint8_t* to, std::size_t size) {
      FUZZ_REQUIRE(of(self).open && size > 0, "receives from nobody");
      return of(self).give(to, size);
    };
    return port;
  }
  int give(std::uint8_t* to, std::size_t size) {
    if (std::exchange(gap, false)) return 0;
    if (waiting.empty()) return ended ? err_closed : 0;
    auto& front = waiting.front();
    size = std::min(size, front.size());
    std::memcpy(to, front.data(), size);
    read.append(front, 0, size);
    front.erase(0, size);
    if (front.empty()) {
      waiting.pop_front();
      gap = true;
    }
    return static_cast<int>(size);
  }
};

struct Handler : MqttHandler {
  virtual ~Handler() = default;
  std::vector<Message> messages;  // of this connection
  bool connected = false, takes = true, refused_one = false;
  int lost = 0;
  std::size_t in_size = 0;

  void on_connected(bool) override { connected = true; }
  void on_lost(int why) override { lost = why; }
  bool on_message(std::string_view topic, ByteView payload) override {
    FUZZ_REQUIRE(payload.aligned() && payload.size() <= in_size, "a message that does not fit");
    messages.push_back({std::string(topic), std::string(payload.text()), 0, payload.size()});
    refused_one = refused_one || !takes;
    return takes;
  }
  bool on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) override {
    FUZZ_REQUIRE(total > in_size && (piece.size() == in_size || offset + piece.size() == total), "an odd piece");
    if (offset == 0) messages.push_back({std::string(topic), {}, 0, total});
    auto& message = messages.back();
    FUZZ_REQUIRE(message.topic == topic && message.payload.size() == offset && message.total == total,
                 "a piece out of order");
    message.payload += piece.text();
    refused_one = refused_one || !takes;
    return takes;
  }
  void on_acknowledged() override {}
  void on_subscribed(bool) override {}
};

class Run {
 public:
  Run(std::size_t in_size, std::size_t out_size)
      : in_(new std::uint8_t[in_size]),
        out_(new std::uint8_t[out_size]),
        port_(stream_.port()),
        session_(port_, {in_.get(), in_size, out_.get(), out_size}, handler_) {
    handler_.in_size = in_size;
  }
  void step(fuzz::Choices& choices);
  void check();

 private:
  void begin(bool clean);
  void check_sent();

  std::unique_ptr<std::uint8_t[]> in_, out_;  // of exactly their sizes, on 16-byte boundaries
  Stream stream_;
  Handler handler_;
  Port port_;
  MqttSession session_;
  bool clean_ = false;
  std::uint64_t now_ms_ = 1000;
};

void Run::begin(bool clean) {
  handler_.messages.clear();
  handler_.connected = handler_.refused_one = false;
  handler_.lost = 0;
  clean_ = clean;
  MqttConnect options;
  options.client_id = "d";
  options.clean_session = clean;
  FUZZ_REQUIRE(session_.connect(options, now_ms_) == ok, "does not connect");
}

void Run::step(fuzz::Choices& choices) {
  const auto step = choices.byte();
  if (session_.idle()) {
    begin((step & 0x80) != 0);
    stream_.room = (step & 0x40) != 0 ? 5 : 4096;
  }
  switch (step & 7) {
    case 0:
      now_ms_ += choices.byte() * 300u;
      break;
    case 1:
      stream_.room = choices.byte();
      break;
    case 2:
      static_cast<void>(session_.publish("a", ByteView(choices.text(choices.byte())), true));
      break;
    case 3:
      static_cast<void>(session_.publish_small("b", ByteView(choices.text(choices.byte()))));
      break;
    case 4:
      static_cast<void>(session_.subscribe("c/#"));
      break;
    case 5:
      handler_.takes = (step & 0x20) == 0;
      stream_.ended = (step & 0x10) != 0;
      break;
    default: {
      const std::string bytes(choices.text(choices.byte()));
      if (!bytes.empty()) stream_.waiting.push_back(bytes);
    }
  }
  const int polled = session_.poll(now_ms_);
  FUZZ_REQUIRE(polled == handler_.lost, "poll and on_lost say different things");
  FUZZ_REQUIRE(session_.idle() == (polled < 0) && stream_.open != session_.idle(), "over and not over");
  if (session_.idle()) check();
  if ((step & 0x18) == 0x18 && !session_.idle()) {
    check();
    session_.disconnect();
    FUZZ_REQUIRE(session_.idle() && !stream_.open && handler_.lost == 0, "disconnect");
    check_sent();
  }
}

// What was heard of this connection against the plain reading: when it is over, or the input is.
void Run::check() {
  const bool wrong = handler_.lost == err_protocol;
  const auto reading = read(stream_.read, true);
  const auto finished = read(stream_.read, false);
  FUZZ_REQUIRE(wrong || !finished.broken, "took what is broken");
  FUZZ_REQUIRE(!wrong || reading.broken || reading.answers || !handler_.connected, "refused what is right");
  FUZZ_REQUIRE(!handler_.connected || finished.accepted, "connected without being accepted");
  FUZZ_REQUIRE(handler_.lost != err_refused || finished.refused, "refused by nobody");
  std::size_t next = 0;
  for (const auto& expected : reading.messages) {
    const bool pieces = expected.total > handler_.in_size;
    const bool whole = expected.payload.size() == expected.total;
    const auto size = whole    ? expected.total
                      : pieces ? expected.payload.size() / handler_.in_size * handler_.in_size
                               : 0;
    // A packet that was made up to its end counts as far as it came; none of it is no message.
    const bool last = &expected == &reading.messages.back();
    if (!whole && size == 0) continue;
    if (last && next == handler_.messages.size() && reading.messages.size() > finished.messages.size()) continue;
    FUZZ_REQUIRE(next < handler_.messages.size(), "a message that came was not delivered");
    const auto& heard = handler_.messages[next++];
    FUZZ_REQUIRE(heard.topic == expected.topic && heard.total == expected.total, "another topic or length");
    FUZZ_REQUIRE(heard.payload == expected.payload.substr(0, heard.payload.size()), "other bytes");
    FUZZ_REQUIRE(heard.payload.size() == size || handler_.refused_one, "not as far as it came");
  }
  FUZZ_REQUIRE(next == handler_.messages.size(), "delivered what nobody sent");
  check_sent();
}

// Whole packets that a client may send, and each QoS 1 message acknowledged once, in order.
void Run::check_sent() {
  auto sent = stream_.sent;
  const auto reading = read(stream_.read, false);
  std::vector<std::uint16_t> to_acknowledge;
  for (const auto& message : reading.messages) {
    if (message.id != 0) to_acknowledge.push_back(message.id);
  }
  std::size_t acknowledged = 0;
  bool first = true;
  for (const auto& packet : twin::take_all(sent)) {
    FUZZ_REQUIRE((packet.first == 0x10) == first, "CONNECT is first and only first");
    first = false;
    static constexpr int known[] = {0x10, 0x30, 0x33, 0x3b, 0x40, 0x82, 0xc0, 0xe0};
    FUZZ_REQUIRE(std::find(std::begin(known), std::end(known), packet.first) != std::end(known), "what is this?");
    if (packet.first != 0x40) continue;
    FUZZ_REQUIRE(acknowledged < to_acknowledge.size() && packet.u16_at(0) == to_acknowledge[acknowledged],
                 "acknowledged what did not come");
    ++acknowledged;
  }
}

}  // namespace

FUZZ_TARGET(mcu_mqtt) {
  fuzz::Choices choices(input);
  const auto sizes = choices.byte();
  Run run(32 + 8 * (sizes & 15u), 8 + 8 * (sizes / 16u));
  while (!choices.empty()) run.step(choices);
  run.check();
}
