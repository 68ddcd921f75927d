// Bad networks between the devices and their broker: each fault of the TCP proxy alone, then all together. A rollout
// ends right, a dead connection is noticed in bounded time, and a download goes on where it was cut.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/proxy.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";
constexpr std::uint64_t kib = 1024;
// What one connection that ends may cost: the window that was asked for and had not arrived.
constexpr std::uint64_t window_bytes = 8 * 64 * kib;

class Links : public World {
 protected:
  // A broker, a proxy before it and `count` started agents that know only the proxy.
  void open_behind_proxy(std::size_t count, const BrokerSettings& settings = {}) {
    open(settings);
    seed_ = seed_or(20261121);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    proxy_.emplace(broker().port(), seed_);
    AgentSettings agents;
    agents.port = proxy_->port();
    agents.keepalive = "2s";
    start_fleet(count, agents);
  }
  void TearDown() override {
    if (proxy_) printf("proxy: %s\n", proxy_->numbers().text().c_str());
  }
  void publish(const std::string& version, std::size_t bytes) {
    make_release({.name = "m",
                  .version = version,
                  .model_txt = "good " + version,
                  .files = {{"weights.bin", noise(bytes, static_cast<std::uint32_t>(bytes))}}});
  }
  void roll_out(const std::string& version, const std::string& timeout = "60s") {
    const std::string name = "m-" + version;
    start_rollout(name, "rollout: " + name + "\nseed: 7\ntargets: 'true'\nversions: { model: m@" + version +
                            " }\nwaves: " + one_wave + "\nunreachable_after: 60s\nattempt_timeout: " + timeout + "\n");
  }
  std::uint64_t partial_bytes(Agent& of) { return bytes_below(of.data_dir() + "/planes/model/partial"); }
  std::uint64_t served() { return metrics().at("chunks").value("bytes", 0UL); }
  std::size_t times_lost(Agent& of) {
    const auto log = of.log();
    std::size_t times = 0;
    for (auto at = log.find("not connected:"); at != std::string::npos; at = log.find("not connected:", at + 1))
      ++times;
    return times;
  }
  // One agent, one release of `bytes`, under `plan`: it arrives whole, and what the broker served for it is bounded.
  void carry_one(const LinkPlan& plan, std::uint64_t bytes) {
    open_behind_proxy(1);
    publish("1", bytes);
    proxy_->strike(plan);
    proxy_->plan(plan);
    roll_out("1");
    ASSERT_EVENTUALLY(50s, state("m-1") == "completed");
    EXPECT_EQ(agent(0).active_file("model", "weights.bin"), noise(bytes, static_cast<std::uint32_t>(bytes)));
    const auto numbers = proxy_->numbers();
    EXPECT_GE(numbers.struck[static_cast<std::size_t>(plan.fault)], 1u) << numbers.text();
    EXPECT_LE(served(), bytes + (numbers.accepted + 1) * window_bytes) << numbers.text();
    EXPECT_EQ(agent(0).call_count("notify-model"), 1u);
    expect_audit_intact();
  }

  std::uint64_t seed_ = 0;
  std::optional<Proxy> proxy_;
};

TEST_F(Links, DelayOnlyDelays) {
  carry_one({.fault = LinkFault::delay, .delay = 40ms}, 1024 * kib);
  EXPECT_EQ(times_lost(agent(0)), 0u);
}

// 64 KiB take four seconds: the agent must not ask again and again for what is on its way.
TEST_F(Links, AThrottledLinkCarriesEachByteOnce) {
  constexpr std::uint64_t bytes = 160 * kib;
  carry_one({.fault = LinkFault::throttle, .bytes_per_s = 16000}, bytes);
  EXPECT_EQ(times_lost(agent(0)), 0u);
  EXPECT_LE(served(), bytes + bytes / 2);
}

TEST_F(Links, AStallIsWaitedFor) {
  carry_one({.fault = LinkFault::stall, .after_bytes = 200 * kib, .lasts = 1500ms}, 1024 * kib);
}

TEST_F(Links, ACutInMidPacketCostsAWindowAtMost) {
  carry_one({.fault = LinkFault::cut, .after_bytes = 300 * kib + 123}, 2048 * kib);
  EXPECT_GE(proxy_->numbers().struck[static_cast<std::size_t>(LinkFault::cut)], 4u);
}

TEST_F(Links, AResetInMidPacketCostsAWindowAtMost) {
  carry_one({.fault = LinkFault::reset, .after_bytes = 300 * kib + 77}, 2048 * kib);
  EXPECT_GE(proxy_->numbers().struck[static_cast<std::size_t>(LinkFault::reset)], 4u);
}

// Connections that never live long enough for a whole chunk of 64 KiB.
TEST_F(Links, ConnectionsTooShortForAChunkStillCarryTheFile) {
  carry_one({.fault = LinkFault::cut, .after_bytes = 40 * kib + 11}, 128 * kib);
}

TEST_F(Links, AnUpstreamHalfCloseIsNoticed) {
  carry_one({.fault = LinkFault::half_close_up, .after_bytes = 400 * kib}, 1024 * kib);
}

TEST_F(Links, ADownstreamHalfCloseIsNoticed) {
  carry_one({.fault = LinkFault::half_close_down, .after_bytes = 400 * kib}, 1024 * kib);
}

// Nobody is told: the keepalive of 2 s has to find out, within twice its time.
TEST_F(Links, ABlackHoleIsNoticedByTheKeepalive) {
  open_behind_proxy(1);
  proxy_->strike({.fault = LinkFault::black_hole});
  ASSERT_EVENTUALLY(7s, times_lost(agent(0)) >= 1) << agent(0).log();
  ASSERT_EVENTUALLY(3s, proxy_->numbers().accepted >= 2u);
  ASSERT_EVENTUALLY(5s, device("gw-0").value("connected", false));
  publish("1", 64 * kib);
  roll_out("1");
  EXPECT_EVENTUALLY(15s, state("m-1") == "completed");
}

// The same while the agent itself has something to send all the time, so that its side is never idle.
TEST_F(Links, ABlackHoleInADownloadIsNoticedToo) {
  carry_one({.fault = LinkFault::black_hole, .after_bytes = 600 * kib}, 1024 * kib);
  EXPECT_GE(times_lost(agent(0)), 1u);
}

// The broker, too: it gives the session up after one and a half times the keepalive, and says so.
TEST_F(Links, TheBrokerNoticesADeadDevice) {
  open_behind_proxy(1);
  proxy_->refuse(true);
  proxy_->strike({.fault = LinkFault::black_hole});
  ASSERT_EVENTUALLY(10s, !device("gw-0").value("connected", true));
  auto observer = operator_session("viewer");
  ASSERT_TRUE(observer->subscribe("muster/v1/device/gw-0/link"));
  const auto gone = [](const host::MqttMessage& message) { return ByteView(message.payload).text() == "0"; };
  EXPECT_TRUE(observer->wait_for("muster/v1/device/gw-0/link", 5s, gone).has_value());
  proxy_->refuse(false);
  EXPECT_EVENTUALLY(10s, device("gw-0").value("connected", false));
}

// A connection that dies in the middle of its handshake must not keep the agent waiting for ever.
TEST_F(Links, AHandshakeThatIsNeverAnsweredIsGivenUp) {
  open_behind_proxy(1);
  proxy_->plan({.fault = LinkFault::black_hole, .after_bytes = 1500});
  proxy_->strike({.fault = LinkFault::reset});
  ASSERT_EVENTUALLY(5s, proxy_->numbers().struck[static_cast<std::size_t>(LinkFault::black_hole)] >= 1u);
  ASSERT_EVENTUALLY(30s, proxy_->numbers().accepted >= 3u) << agent(0).log();
  proxy_->heal();
  EXPECT_EVENTUALLY(20s, device("gw-0").value("connected", false));
}

// What was decided while the device was away is there when it comes back, in the session that the broker kept for it.
TEST_F(Links, TheSessionSurvivesALostConnection) {
  open_behind_proxy(1);
  proxy_->refuse(true);
  proxy_->strike({.fault = LinkFault::reset});
  ASSERT_EVENTUALLY(5s, !device("gw-0").value("connected", true));
  agent(0).kill_hard();
  ctl().must({"directive", "safe-mode", "--device", "gw-0", "--reason", "smoke"});
  host::MqttOptions options;
  options.port = broker().port();
  options.client_id = "gw-0";
  options.ca = keys_.ca();
  options.cert = keys_.device("gw-0") + ".crt";
  options.key = keys_.device("gw-0") + ".key";
  options.clean_start = false;
  options.session_expiry_s = 3600;
  std::mutex mutex;
  std::vector<std::string> topics;
  host::MqttClient same_session(
      options,
      [&](host::MqttMessage&& message) {
        const std::lock_guard lock(mutex);
        topics.push_back(message.topic);
      },
      [](const std::string&) {});
  const auto connected = same_session.connect();
  ASSERT_TRUE(connected.has_value()) << connected.error().message;
  EXPECT_TRUE(*connected) << "the broker had no session for gw-0";
  // Nothing was subscribed on this connection.
  EXPECT_EVENTUALLY(5s, [&] {
    const std::lock_guard lock(mutex);
    return std::find(topics.begin(), topics.end(), "muster/v1/device/gw-0/directive") != topics.end();
  }());
  same_session.close();
  proxy_->refuse(false);
  agent(0).start();
  EXPECT_EVENTUALLY(10s, device_state("gw-0") == "safe_mode");
}

// Devices that do not read what they asked for: the broker holds no more than what may be under way.
TEST_F(Links, StalledReadersDoNotGrowTheBroker) {
  const std::size_t count = size_for<std::size_t>(6, 20);
  open_behind_proxy(count);
  publish("1", 4096 * kib);
  const auto before_kib = broker().resident_kib();
  proxy_->strike({.fault = LinkFault::throttle, .bytes_per_s = 4000});
  proxy_->plan({.fault = LinkFault::throttle, .bytes_per_s = 4000});
  roll_out("1");
  // Long enough for several silences, in each of which a device asks again.
  std::uint64_t most_kib = 0;
  static_cast<void>(throughout(size_for(12s, 60s), [&] {
    most_kib = std::max(most_kib, broker().resident_kib());
    return true;
  }));
  printf("broker: %llu KiB before, %llu KiB at most, %zu stalled readers\n",
         static_cast<unsigned long long>(before_kib), static_cast<unsigned long long>(most_kib), count);
  if (memory_is_ours()) {
    EXPECT_LE(most_kib, before_kib + count * (window_bytes + 256 * kib) / kib + 4096);
  }
  // Others are served meanwhile.
  add_agent("gw-free").start();
  EXPECT_EVENTUALLY(15s, agent_named("gw-free").active_file("model", "model.txt") == "good 1");
  proxy_->heal();
  EXPECT_EVENTUALLY(60s, agents_with("good 1") == count + 1);
}

// Everything at once, drawn from the seed.
TEST_F(Links, ARolloutThroughEveryFaultEndsRight) {
  const std::size_t count = size_for<std::size_t>(5, 20);
  const int releases = size_for(2, 6);
  open_behind_proxy(count);
  proxy_->plan([](std::mt19937_64& random) {
    LinkPlan plan;
    plan.fault = static_cast<LinkFault>(random() % 9);
    plan.after_bytes = random() % (700 * kib);
    plan.lasts = std::chrono::milliseconds(200 + random() % 2500);
    plan.delay = std::chrono::milliseconds(1 + random() % 60);
    plan.bytes_per_s = 20000 + random() % 200000;
    return plan;
  });
  proxy_->strike({.fault = LinkFault::reset});
  constexpr std::uint64_t bytes = 384 * kib;
  for (int i = 1; i <= releases; ++i) {
    const auto version = std::to_string(i);
    publish(version, bytes + static_cast<std::uint64_t>(i));
    roll_out(version, "5m");
    ASSERT_EVENTUALLY(150s, state("m-" + version) == "completed") << proxy_->numbers().text();
    EXPECT_EQ(agents_with("good " + version), count);
    for (std::size_t a = 0; a < count; ++a)
      EXPECT_EQ(agent(a).call_count("notify-model"), static_cast<std::size_t>(i)) << agent(a).name();
  }
  const auto numbers = proxy_->numbers();
  EXPECT_GE(numbers.faults(), count) << numbers.text();
  EXPECT_LE(served(), count * static_cast<std::uint64_t>(releases) * bytes + (numbers.accepted + count) * window_bytes);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
