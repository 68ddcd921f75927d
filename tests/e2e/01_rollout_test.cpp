// A rollout's life, seen by its operator and its devices: waves with gates, latecomers, absent devices, pause, resume,
// abort.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

const std::string three_waves =
    "[{ name: canary, percent: 10, gate: manual, soak: 0s }, { name: half, percent: 50, gate: auto, soak: 0s }, "
    "{ name: all, percent: 100, soak: 0s }]";
const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

class Rollout : public World {
 protected:
  // Version 1 on every agent, by a rollout of its own.
  void settle_on_version_1() {
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
    ASSERT_EQ(agents_with("good 1"), agent_count());
  }
};

// The demo's (a): 10 % wait for a person, then 50 % and 100 % by themselves.
TEST_F(Rollout, GoesThroughItsWaves) {
  open();
  start_fleet(10);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", three_waves));
  ASSERT_EVENTUALLY(15s, state("m-1") == "awaiting_approval");
  EXPECT_EQ(agents_with("good 1"), 1u);
  EXPECT_EQ(count("m-1", "targets"), 10);
  EXPECT_EQ(count("m-1", "reached"), 1);
  EXPECT_EQ(count("m-1", "done"), 1);
  EXPECT_NE(status("m-1").value("waiting_for", ""), "");
  EXPECT_TRUE(throughout(500ms, [&] { return agents_with("good 1") == 1; }));

  ctl().must({"rollout", "approve", "m-1", "--reason", "canary looks well"});
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_EQ(agents_with("good 1"), 10u);
  const auto shown = ctl().json({"rollout", "status", "m-1"});
  EXPECT_EQ(shown.value("state", ""), "completed");
  EXPECT_EQ(shown.value("done", 0), 10);
  EXPECT_EQ(shown.value("failed", -1), 0);
  const auto waves = shown.at("waves");
  ASSERT_EQ(waves.size(), 3u);
  EXPECT_EQ(waves[0].value("devices", 0), 1);
  EXPECT_EQ(waves[1].value("devices", 0), 4);
  EXPECT_EQ(waves[2].value("devices", 0), 5);
  for (const auto& wave : waves) EXPECT_EQ(wave.value("state", ""), "done");
  for (std::size_t i = 0; i < agent_count(); ++i) EXPECT_EQ(agent(i).call_count("notify-model"), 1u) << agent(i).name();
  EXPECT_EQ(audit_count("wave.opened"), 3u);
  EXPECT_EQ(audit_count("rollout.completed"), 1u);
  expect_audit_intact();
}

// The same seed and devices give the same canary, whatever the release.
TEST_F(Rollout, HasTheSameCanaryEveryTime) {
  open();
  start_fleet(5);
  std::vector<std::string> canaries;
  for (const std::string version : {"1", "2"}) {
    make_release({.name = "m", .version = version, .model_txt = "good " + version});
    const std::string name = "m-" + version;
    start_rollout(name, rule(name, "{ model: m@" + version + " }",
                             "[{ name: c, percent: 20, gate: manual, soak: 0s }, { name: all, percent: 100 }]"));
    ASSERT_EVENTUALLY(15s, state(name) == "awaiting_approval");
    for (std::size_t i = 0; i < agent_count(); ++i) {
      if (agent(i).active_file("model", "model.txt") == "good " + version) canaries.push_back(agent(i).name());
    }
    ctl().must({"rollout", "abort", name, "--revert"});
    ASSERT_EVENTUALLY(15s, state(name) == "aborted");
  }
  ASSERT_EQ(canaries.size(), 2u);
  EXPECT_EQ(canaries[0], canaries[1]);
}

TEST_F(Rollout, TakesALateJoinerIn) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", "[{ name: all, percent: 100, gate: manual, soak: 0s }]"));
  ASSERT_EVENTUALLY(15s, state("m-1") == "awaiting_approval");
  auto& late = add_agent("gw-late");
  late.start();
  ASSERT_EVENTUALLY(10s, late.active_file("model", "model.txt") == "good 1");
  ASSERT_EVENTUALLY(10s, count("m-1", "done") == 3);
  EXPECT_EQ(count("m-1", "targets"), 3);
  EXPECT_EQ(audit_count("device.joined"), 1u);
  ctl().must({"rollout", "approve", "m-1"});
  ASSERT_EVENTUALLY(5s, state("m-1") == "completed");
}

TEST_F(Rollout, IsOnlyForItsTargets) {
  open();
  start_fleet(2, {.region = "us"});
  auto& outside = add_agent("gw-cn", {.region = "cn"});
  outside.start();
  auto& lab = add_agent("gw-lab", {.region = "us", .tags = "[lab]"});
  lab.start();
  ASSERT_EVENTUALLY(10s, device("gw-cn").value("reported", false) && device("gw-lab").value("reported", false));
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave, "device.region == \"us\" && !(\"lab\" in device.tags)"));
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
  EXPECT_EQ(count("m-1", "targets"), 2);
  EXPECT_EQ(outside.active_digest("model"), "");
  EXPECT_EQ(lab.active_digest("model"), "");
}

TEST_F(Rollout, IsNotBlockedByAnAbsentDevice) {
  open();
  start_fleet(3);
  agent(1).kill_hard();
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_EQ(count("m-1", "done"), 2);
  EXPECT_EQ(count("m-1", "unreachable"), 1);
  // It finds its assignment when it is back.
  agent(1).start();
  ASSERT_EVENTUALLY(10s, agents_with("good 1") == 3);
  EXPECT_EVENTUALLY(5s, count("m-1", "done") == 3 && count("m-1", "unreachable") == 0);
}

TEST_F(Rollout, StandsStillWhilePaused) {
  open();
  start_fleet(4);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1",
                rule("m-1", "{ model: m@1 }",
                     "[{ name: first, percent: 25, gate: auto, soak: 2s }, { name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(10s, count("m-1", "reached") == 1);
  ctl().must({"rollout", "pause", "m-1", "--reason", "odd latency"});
  EXPECT_EQ(state("m-1"), "paused");
  // The canary ends what it began; nobody follows.
  ASSERT_EVENTUALLY(10s, count("m-1", "done") == 1);
  EXPECT_TRUE(throughout(1s, [&] { return state("m-1") == "paused" && count("m-1", "reached") == 1; }));
  EXPECT_EQ(agents_with("good 1"), 1u);
  ctl().must({"rollout", "resume", "m-1"});
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
  EXPECT_EQ(agents_with("good 1"), 4u);
}

TEST_F(Rollout, GoesOnWhenItsFailuresAreAcknowledged) {
  open();
  for (const auto* name : {"gw-a", "gw-b", "gw-c"}) add_agent(name);
  add_agent("gw-sick", {.probe = "/bin/false"});
  for (std::size_t i = 0; i < agent_count(); ++i) agent(i).start();
  ASSERT_EVENTUALLY(15s, ops().control("listDevices")["data"]["devices"].size() == 4);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-1") == "halted");
  EXPECT_EQ(count("m-1", "failed"), 1);
  const auto failures = status("m-1").at("failures");
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].value("device", ""), "gw-sick");
  EXPECT_EQ(failures[0].value("error", ""), "probe_failed");
  EXPECT_FALSE(failures[0].value("acknowledged", true));
  // Without the acknowledgement the reason to halt is still there.
  const auto plain = ctl().run({"rollout", "resume", "m-1"});
  EXPECT_NE(plain.exit_code, 0) << plain.out;
  EXPECT_EQ(state("m-1"), "halted");
  ctl().must({"rollout", "resume", "m-1", "--acknowledge-failures", "--reason", "gw-sick has a bad disk"});
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
  EXPECT_EQ(count("m-1", "done"), 3);
  EXPECT_TRUE(status("m-1").at("failures")[0].value("acknowledged", false));
  EXPECT_EQ(audit_count("failures.acknowledged"), 1u);
}

TEST_F(Rollout, KeepsWhatIsThereWhenAbortedSo) {
  open();
  start_fleet(4);
  settle_on_version_1();
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }",
                            "[{ name: half, percent: 50, gate: manual, soak: 0s }, { name: all, percent: 100 }]"));
  ASSERT_EVENTUALLY(15s, state("m-2") == "awaiting_approval");
  ctl().must({"rollout", "abort", "m-2", "--keep", "--reason", "not needed after all"});
  ASSERT_EVENTUALLY(10s, state("m-2") == "aborted");
  EXPECT_TRUE(throughout(1s, [&] { return agents_with("good 2") == 2 && agents_with("good 1") == 2; }));
  const auto refused = ctl().run({"rollout", "approve", "m-2"});
  EXPECT_NE(refused.exit_code, 0) << refused.out;
}

// The demo's (d).
TEST_F(Rollout, BringsEveryDeviceBackWhenAbortedSo) {
  open();
  start_fleet(4);
  settle_on_version_1();
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }",
                            "[{ name: half, percent: 50, gate: manual, soak: 0s }, { name: all, percent: 100 }]"));
  ASSERT_EVENTUALLY(15s, state("m-2") == "awaiting_approval");
  ASSERT_EQ(agents_with("good 2"), 2u);
  ctl().must({"rollout", "abort", "m-2", "--revert", "--reason", "wrong thresholds"});
  ASSERT_EVENTUALLY(15s, state("m-2") == "aborted");
  EXPECT_EQ(agents_with("good 1"), 4u);
  EXPECT_EQ(count("m-2", "reverted"), 2);
  ASSERT_EVENTUALLY(5s, audit_count("rollout.aborted") == 1u);
  expect_audit_intact();
}

// A model and its config go together, the config after its model; and an empty plane is what a revert brings back here.
TEST_F(Rollout, BringsAVersionSetOverTwoPlanes) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1.0.0", .model_txt = "good 1"});
  make_release({.name = "c",
                .version = "1.0.0",
                .model_txt = "threshold 5",
                .plane = "config",
                .probes = "",
                .more = "requires: { model: \">= 1.0.0\" }\n"});
  start_rollout(
      "set", rule("set", "{ config: c@1.0.0, model: m@1.0.0 }", "[{ name: all, percent: 100, gate: manual, soak: 0s }]",
                  "device.region == \"eu\"", "order: [model, config]\n"));
  ASSERT_EVENTUALLY(15s, state("set") == "awaiting_approval");
  for (std::size_t i = 0; i < agent_count(); ++i) {
    EXPECT_EQ(agent(i).active_file("model", "model.txt"), "good 1");
    EXPECT_EQ(agent(i).active_file("config", "model.txt"), "threshold 5");
    const std::vector<std::string> in_order = {"notify-model", "notify-config"};
    EXPECT_EQ(agent(i).calls(), in_order);
  }
  ctl().must({"rollout", "abort", "set", "--revert"});
  ASSERT_EVENTUALLY(15s, state("set") == "aborted");
  for (std::size_t i = 0; i < agent_count(); ++i) {
    EXPECT_EQ(agent(i).active_digest("model"), "");
    EXPECT_EQ(agent(i).active_digest("config"), "");
  }
}

}  // namespace
}  // namespace muster::e2e
