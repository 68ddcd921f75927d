// What goes wrong around a rollout: a bad release, a killed broker, a killed agent, a full disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";
const std::string canary_first = "[{ name: canary, percent: 10, soak: 0s }, { name: all, percent: 100, soak: 0s }]";

class Faults : public World {
 protected:
  void settle_on_version_1() {
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  }
  // What the device's folder holds of a download under way.
  std::uint64_t partial_bytes(Agent& of) { return bytes_below(of.data_dir() + "/planes/model/partial"); }
};

// The demo's (b): the canary puts itself back, the rollout halts, nine devices never saw the release.
TEST_F(Faults, ABadReleaseStopsAtTheCanary) {
  open();
  start_fleet(10);
  settle_on_version_1();
  make_release({.name = "m", .version = "2", .model_txt = "broken"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", canary_first));
  ASSERT_EVENTUALLY(15s, state("m-2") == "halted");
  EXPECT_EVENTUALLY(5s, agents_with("good 1") == 10);
  const auto halted = status("m-2");
  EXPECT_EQ(halted.value("reached", 0), 1);
  EXPECT_EQ(halted.value("failed", 0), 1);
  EXPECT_EQ(halted.value("rolled_back", 0), 1);
  EXPECT_EQ(halted.value("done", -1), 0);
  ASSERT_EQ(halted.at("failures").size(), 1u);
  EXPECT_EQ(halted.at("failures")[0].value("error", ""), "probe_failed");
  const std::string canary = halted.at("failures")[0].value("device", "");
  EXPECT_EQ(device_state(canary), "rolled_back");
  for (std::size_t i = 0; i < agent_count(); ++i) {
    const bool is_canary = agent(i).name() == canary;
    EXPECT_EQ(agent(i).slot_count("model"), is_canary ? 2u : 1u) << agent(i).name();
    EXPECT_EQ(agent(i).call_count("notify-model"), is_canary ? 3u : 1u) << agent(i).name();
  }
  EXPECT_TRUE(throughout(1s, [&] { return count("m-2", "reached") == 1; }));
  EXPECT_EQ(audit_count("rollout.halted"), 1u);
  EXPECT_EQ(audit_count("device.failed"), 1u);
  expect_audit_intact();
}

TEST_F(Faults, AProbeThatHangsIsEnded) {
  open();
  start_fleet(1);
  settle_on_version_1();
  make_release({.name = "m", .version = "2", .model_txt = "hang", .probes = "[{ exec: good-file, timeout: 1s }]"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-2") == "halted");
  EXPECT_EQ(status("m-2").at("failures")[0].value("error", ""), "probe_timeout");
  EXPECT_EQ(agents_with("good 1"), 1u);
}

// The device needs nobody to go back: the broker is gone while the probe fails.
TEST_F(Faults, ADeviceGoesBackWithoutTheBroker) {
  open();
  start_fleet(1);
  settle_on_version_1();
  make_release({.name = "m",
                .version = "2",
                .model_txt = "broken",
                .probes = "[{ exec: good-file, timeout: 5s, initial_delay: " + std::to_string(slowness()) + "s }]"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(10s, agent(0).active_file("model", "model.txt") == "broken");
  broker().kill_hard();
  ASSERT_EVENTUALLY(10s, agent(0).active_file("model", "model.txt") == "good 1");
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, state("m-2") == "halted");
  EXPECT_EQ(count("m-2", "rolled_back"), 1);
}

// The demo's (c), first half: nothing repeated, nothing lost.
TEST_F(Faults, ABrokerKilledMidWaveGoesOnWhereItWas) {
  open();
  start_fleet(6);
  settle_on_version_1();
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }",
                            "[{ name: canary, percent: 10, soak: 0s }, { name: half, percent: 50, soak: 2s }, { name: "
                            "all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(15s, count("m-2", "reached") == 3 && state("m-2") == "running");
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(20s, state("m-2") == "completed");
  EXPECT_EQ(agents_with("good 2"), 6u);
  EXPECT_EQ(count("m-2", "done"), 6);
  EXPECT_EQ(count("m-2", "failed"), 0);
  for (std::size_t i = 0; i < agent_count(); ++i) EXPECT_EQ(agent(i).call_count("notify-model"), 2u) << agent(i).name();
  std::size_t opened = 0;
  for (const auto& entry : audit())
    opened += entry.value("what", "") == "wave.opened" && entry.value("subject", "").find("m-2") == 0 ? 1u : 0u;
  EXPECT_EQ(opened, 3u);
  EXPECT_EQ(audit_count("rollout.completed"), 2u);
  expect_audit_intact();
}

// The same bytes are retained again: no new epoch, no new signature, so devices have nothing to do.
TEST_F(Faults, ARestartedBrokerRetainsTheSameAssignments) {
  open();
  start_fleet(1);
  settle_on_version_1();
  const std::string topic = "muster/v1/device/gw-0/assignment";
  const auto read = [&] {
    auto observer = device_session("gw-0");
    agent(0).kill_hard();  // the session takes no other client's place: it has an id of its own
    EXPECT_TRUE(observer->subscribe(topic));
    return observer->wait_for(topic, 5s);
  };
  const auto before = read();
  ASSERT_TRUE(before.has_value());
  EXPECT_TRUE(before->retained);
  EXPECT_TRUE(read_assignment(before->payload).valid);
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  const auto after = read();
  ASSERT_TRUE(after.has_value());
  EXPECT_TRUE(after->retained);
  EXPECT_EQ(to_hex(ByteView(before->payload)), to_hex(ByteView(after->payload)));
}

// The demo's (c), second half: the download goes on at the byte where it was cut.
TEST_F(Faults, AnAgentKilledMidDownloadGoesOnAtTheSameByte) {
  constexpr std::size_t size = 6 << 20;
  open({.chunk_bytes_per_s = static_cast<std::uint64_t>((3 << 20) / slowness())});
  start_fleet(1);
  make_release({.name = "m", .version = "1", .model_txt = "good 1", .files = {{"weights.bin", noise(size, 1)}}});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, partial_bytes(agent(0)) > size / 3);
  agent(0).kill_hard();
  const auto kept = partial_bytes(agent(0));
  ASSERT_LT(kept, size);
  const auto served_before = metrics().at("chunks").value("bytes", 0UL);
  agent(0).start();
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_EQ(agent(0).active_file("model", "weights.bin"), noise(size, 1));
  // What was still to come, and at most one window that was under way.
  const auto served_after = metrics().at("chunks").value("bytes", 0UL) - served_before;
  EXPECT_LE(served_after, size - kept + (1 << 20) + 65536);
  EXPECT_GE(served_after, size - kept);
}

TEST_F(Faults, ABrokerKilledMidDownloadCostsNothingEither) {
  constexpr std::size_t size = 6 << 20;
  open({.chunk_bytes_per_s = static_cast<std::uint64_t>((3 << 20) / slowness())});
  start_fleet(1);
  make_release({.name = "m", .version = "1", .model_txt = "good 1", .files = {{"weights.bin", noise(size, 2)}}});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, partial_bytes(agent(0)) > size / 3);
  broker().kill_hard();
  const auto kept = partial_bytes(agent(0));
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_EQ(agent(0).active_file("model", "weights.bin"), noise(size, 2));
  EXPECT_LE(metrics().at("chunks").value("bytes", 0UL), size - kept + (1 << 20) + 65536);
}

TEST_F(Faults, AFullDiskFailsTheAttemptAndNothingElse) {
  open();
  auto& small = add_agent("gw-small", {.disk_bytes = 3 << 20});
  small.start();
  ASSERT_EVENTUALLY(10s, device("gw-small").value("reported", false));
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
  const auto planes_before = device("gw-small").at("planes").at("model");

  make_release({.name = "m", .version = "2", .model_txt = "good 2", .files = {{"weights.bin", noise(6 << 20, 3)}}});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(20s, state("m-2") == "halted");
  EXPECT_EQ(status("m-2").at("failures")[0].value("error", ""), "disk_full");
  EXPECT_TRUE(small.running());
  EXPECT_EQ(device("gw-small").at("planes").at("model"), planes_before);
  // Room for what it needs to go on: a smaller release still fits.
  make_release({.name = "m", .version = "3", .model_txt = "good 3"});
  ctl().must({"rollout", "abort", "m-2", "--keep"});
  start_rollout("m-3", rule("m-3", "{ model: m@3 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-3") == "completed");
}

// The broker's own disk: what does not fit, with room to write decisions down, is refused whole, and what is there goes
// on.
TEST_F(Faults, AFullDiskAtTheBrokerRefusesTheReleaseAndNothingElse) {
  open({.disk_bytes = 48 << 20});
  start_fleet(1);
  build_release({.name = "big", .version = "1", .files = {{"weights.bin", noise(56 << 20, 7)}}});
  const auto refused = ctl().run({"release", "publish", release_folder("big@1")});
  EXPECT_EQ(refused.exit_code, 8) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("space"), std::string::npos) << refused.err;
  EXPECT_NE(ctl().run({"release", "show", "big@1"}).exit_code, 0);
  settle_on_version_1();
  EXPECT_EQ(agents_with("good 1"), 1u);
  expect_audit_intact();
}

// A slot that was damaged on the disk is noticed at the start, and its release fetched again or left for what was
// before.
TEST_F(Faults, ADamagedSlotIsNotRunOnSilently) {
  open();
  start_fleet(1);
  settle_on_version_1();
  agent(0).kill_hard();
  flip_bit(agent(0).data_dir() + "/planes/model/active/model.txt", 5);
  ASSERT_NE(agent(0).active_file("model", "model.txt"), "good 1");
  agent(0).start();
  EXPECT_EVENTUALLY(10s, agent(0).active_file("model", "model.txt") == "good 1");
}

}  // namespace
}  // namespace muster::e2e
