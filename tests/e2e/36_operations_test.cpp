// What rules and operators ask of real devices through musterctl: a stopped group, a cancelled device, a release of one
// device's own, a rehearsed way back, a second attempt, a maintenance window by the device's clock. And the canaries
// that a simulation picks are the real ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdio>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

class Operations : public World {
 protected:
  Agent& start_agent(const std::string& name, const AgentSettings& settings = {}) {
    auto& agent = add_agent(name, settings);
    agent.start();
    EXPECT_EVENTUALLY(20s, device(name).value("reported", false));
    return agent;
  }
  // A release m@VERSION, and its rollout to all, complete.
  void settle_on(const std::string& version) {
    make_release({.name = "m", .version = version, .model_txt = "good " + version});
    start_rollout("m-" + version, rule("m-" + version, "{ model: m@" + version + " }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-" + version) == "completed") << status("m-" + version).dump(1);
  }
  [[nodiscard]] std::string model_of(const std::string& name) {
    return agent_named(name).active_file("model", "model.txt");
  }
  [[nodiscard]] std::vector<std::string> who_has(const std::string& model_txt) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < agent_count(); ++i) {
      if (agent(i).active_file("model", "model.txt") == model_txt) names.push_back(agent(i).name());
    }
    return names;
  }
};

TEST_F(Operations, AStoppedGroupGoesBackWhileTheOthersGoOnAndComesAfterThem) {
  open();
  for (const std::string name : {"eu-1", "eu-2"}) start_agent(name);
  for (const std::string name : {"us-1", "us-2"}) start_agent(name, {.region = "us"});
  ASSERT_NO_FATAL_FAILURE(settle_on("1"));
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("r", rule("r", "{ model: m@2 }",
                          "[{ name: us, ring: \"device.region == 'us'\", gate: manual, soak: 0s }, "
                          "{ name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, state("r") == "awaiting_approval") << status("r").dump(1);
  ASSERT_THAT(who_has("good 2"), UnorderedElementsAre("us-1", "us-2"));

  const auto unexplained = ctl().run({"rollout", "stop", "r", "--group", "region=us"});
  EXPECT_NE(unexplained.exit_code, 0) << "without a reason";
  ctl().must({"rollout", "stop", "r", "--group", "region=us", "--revert", "--reason", "odd labels over there"});
  EXPECT_EVENTUALLY(20s, who_has("good 1").size() == 4) << status("r").dump(1);
  EXPECT_THAT(ctl().run({"rollout", "status", "r"}).out, HasSubstr("odd labels over there"));
  EXPECT_THAT(ctl().run({"rollout", "why", "us-1"}).out, HasSubstr("stopped"));
  // A ring of stopped devices holds nothing up but its gate, which is a person's.
  ctl().must({"rollout", "approve", "r"});
  EXPECT_EVENTUALLY(20s, state("r") == "completed") << status("r").dump(1);
  EXPECT_THAT(who_has("good 2"), UnorderedElementsAre("eu-1", "eu-2"));

  ctl().must({"rollout", "continue", "r", "--group", "region=us", "--reason", "the labels were right"});
  EXPECT_EVENTUALLY(20s, who_has("good 2").size() == 4) << status("r").dump(1);
  EXPECT_EVENTUALLY(10s, audit_count("group.stopped") == 1u);
  EXPECT_EVENTUALLY(10s, audit_count("group.continued") == 1u);
  expect_audit_intact();
}

TEST_F(Operations, OneDeviceIsCancelledReadmittedAndGivenAReleaseOfItsOwn) {
  open();
  for (const std::string name : {"gw-1", "gw-2", "gw-3"}) start_agent(name);
  ASSERT_NO_FATAL_FAILURE(settle_on("1"));
  ASSERT_NO_FATAL_FAILURE(settle_on("2"));

  ctl().must({"rollout", "cancel", "m-2", "--device", "gw-2", "--revert", "--reason", "the customer waits for a part"});
  EXPECT_EVENTUALLY(20s, model_of("gw-2") == "good 1") << status("m-2").dump(1);
  EXPECT_THAT(ctl().run({"rollout", "why", "gw-2"}).out, HasSubstr("the customer waits for a part"));
  EXPECT_THAT(who_has("good 2"), UnorderedElementsAre("gw-1", "gw-3"));
  ctl().must({"rollout", "readmit", "m-2", "--device", "gw-2"});
  EXPECT_EVENTUALLY(20s, model_of("gw-2") == "good 2") << status("m-2").dump(1);

  ctl().must({"device", "override", "gw-3", "--plane", "model", "--release", "m@1", "--reason", "to compare the two"});
  EXPECT_EVENTUALLY(20s, model_of("gw-3") == "good 1") << device("gw-3").dump(1);
  EXPECT_THAT(ctl().run({"device", "show", "gw-3"}).out, HasSubstr("to compare the two"));
  // No rollout brings the plane while it stands.
  ASSERT_NO_FATAL_FAILURE(settle_on("3"));
  EXPECT_EQ(model_of("gw-3"), "good 1");
  EXPECT_EQ(count("m-3", "targets"), 2);
  ctl().must({"device", "override", "gw-3", "--plane", "model", "--clear", "--reason", "seen enough"});
  EXPECT_EVENTUALLY(20s, model_of("gw-3") == "good 3") << device("gw-3").dump(1);
  for (const std::string what : {"device.cancelled", "device.readmitted", "device.overridden", "override.cleared"})
    EXPECT_EVENTUALLY(10s, audit_count(what) == 1u) << what;
  expect_audit_intact();
}

TEST_F(Operations, ADeviceGoesForwardBackAndForwardAgainBeforeTheOthersFollow) {
  open();
  for (const std::string name : {"gw-1", "gw-2", "gw-3"}) start_agent(name);
  ASSERT_NO_FATAL_FAILURE(settle_on("1"));
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  std::map<std::string, std::size_t> before;
  for (std::size_t i = 0; i < agent_count(); ++i) before[agent(i).name()] = agent(i).call_count("notify-model");
  start_rollout("r", rule("r", "{ model: m@2 }", one_wave, "true", "rehearse: { devices: 1, soak: 0s }\n"));
  ASSERT_EVENTUALLY(40s, state("r") == "completed") << status("r").dump(1);
  EXPECT_EQ(who_has("good 2").size(), 3u);
  std::vector<std::size_t> switches;
  for (std::size_t i = 0; i < agent_count(); ++i)
    switches.push_back(agent(i).call_count("notify-model") - before[agent(i).name()]);
  EXPECT_THAT(switches, UnorderedElementsAre(3u, 1u, 1u)) << "one of them rehearsed";
  for (const std::string what : {"device.rehearsing_back", "device.rehearsing_forth", "device.rehearsed"})
    EXPECT_EVENTUALLY(10s, audit_count(what) == 1u) << what;
}

TEST_F(Operations, AnAttemptThatFailedIsTriedAgain) {
  open();
  // A probe that fails the first time that it is asked.
  const auto probe = folder_.file("probe"), mark = folder_.file("asked");
  write_text(probe, "#!/bin/sh\n[ -e " + mark + " ] && exit 0\n: > " + mark + "\nexit 1\n");
  ASSERT_EQ(::chmod(probe.c_str(), 0755), 0);
  start_agent("gw-1", {.probe = probe});
  start_agent("gw-2", {.probe = "/bin/false"});
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("r", rule("r", "{ model: m@1 }", one_wave, "true",
                          "retry: { attempts: 2, wait: 1s, on: [probe_failed] }\nhalt: { failed_devices: 2 }\n"));
  ASSERT_EVENTUALLY(40s, state("r") == "completed") << status("r").dump(1);
  EXPECT_THAT(who_has("good 1"), ElementsAre("gw-1"));
  EXPECT_EQ(count("r", "done"), 1);
  EXPECT_EQ(count("r", "failed"), 1);
  EXPECT_EVENTUALLY(10s, audit_count("device.retrying") == 2u);
  EXPECT_EVENTUALLY(10s, audit_count("device.failed") == 1u) << "after its second attempt, and nobody else";
}

// A time zone that is UTC now and six hours ahead from `in` seconds on, as POSIX writes it: N/HH:MM:SS of day N of the
// year.
std::string summer_time_in(std::time_t in) {
  const std::time_t now = std::time(nullptr);
  std::tm today{};
  ::gmtime_r(&now, &today);
  const auto at = today.tm_hour * 3600 + today.tm_min * 60 + today.tm_sec + static_cast<int>(in);
  char zone[64];
  std::snprintf(zone, sizeof zone, "TZ=STD0DST-6,%d/%02d:%02d:%02d,%d/0", today.tm_yday, at / 3600, at / 60 % 60,
                at % 60, (today.tm_yday + 180) % 365);
  return zone;
}

// A window that is open in one time zone and closed in another, now.
TEST_F(Operations, AMaintenanceWindowOpensByTheDevicesOwnClock) {
  open();
  start_agent("far", {.environment = {"TZ=FAR-6"}});  // six hours east of UTC
  const auto change = 10 * slowness();
  start_agent("near", {.environment = {summer_time_in(change)}});
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  const auto minute = std::time(nullptr) / 60 % 1440;
  const auto clock = [&](long minutes) {
    char text[8];
    const auto at = static_cast<int>((minute + minutes + 1440) % 1440);
    std::snprintf(text, sizeof text, "%02d:%02d", at / 60, at % 60);
    return std::string(text);
  };
  start_rollout("r", rule("r", "{ model: m@1 }", one_wave, "true",
                          "windows: [{ from: \"" + clock(360 - 60) + "\", to: \"" + clock(360 + 120) + "\" }]\n"));
  ASSERT_EVENTUALLY(20s, model_of("far") == "good 1") << status("r").dump(1);
  EXPECT_EQ(count("r", "awaiting_window"), 1);
  EXPECT_EQ(model_of("near"), "");
  EXPECT_THAT(ctl().run({"rollout", "why", "near"}).out, HasSubstr("its window opens at"));
  // Its clock is put forward while it runs: it says so by itself, and is assigned.
  EXPECT_EVENTUALLY(30s, state("r") == "completed") << status("r").dump(1);
  EXPECT_EQ(model_of("near"), "good 1");
}

TEST_F(Operations, ASimulationPicksTheCohortsThatTheBrokerPicks) {
  open();
  start_fleet(6);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  const auto fleet = folder_.file("fleet.yaml");
  write_text(fleet,
             "groups: [{ class: rk3566, region: eu, update_takes: 1s, ids: [gw-0, gw-1, gw-2, gw-3, gw-4, gw-5] }]\n");
  const auto file = rule_file("r", rule("r", "{ model: m@1 }",
                                        "[{ name: canary, percent: 34, gate: manual, soak: 0s }, "
                                        "{ name: most, percent: 67, gate: manual, soak: 0s }, "
                                        "{ name: all, percent: 100, soak: 0s }]"));
  const auto simulated = ctl().json({"simulate", file, "--fleet", fleet, "--seeds", "1", "--approve-after", "1m"});
  const auto waves = simulated.at("first_run").at("waves");
  ASSERT_EQ(waves.size(), 3u);
  ctl().must({"rollout", "start", file});
  std::vector<std::string> picked;  // by the simulation, of all waves so far
  const std::size_t sizes[] = {3, 5, 6};
  for (std::size_t wave = 0; wave < waves.size(); ++wave) {
    SCOPED_TRACE(wave);
    if (wave != 0) ctl().must({"rollout", "approve", "r"});
    const std::string then = wave + 1 < waves.size() ? "awaiting_approval" : "completed";
    for (const auto& device : waves.at(wave).at("first_devices")) picked.push_back(device.get<std::string>());
    ASSERT_EQ(picked.size(), sizes[wave]);
    ASSERT_EVENTUALLY(20s, state("r") == then && who_has("good 1").size() == sizes[wave]) << status("r").dump(1);
    EXPECT_THAT(who_has("good 1"), testing::UnorderedElementsAreArray(picked));
  }
}

}  // namespace
}  // namespace muster::e2e
