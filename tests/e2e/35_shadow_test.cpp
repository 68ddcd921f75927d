// A release in the shadow of the active one, on real devices: nothing is switched, what it measures is judged, and it
// ends with its attempt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

class Shadow : public World {
 protected:
  void open_with_version_1(std::size_t agents) {
    open();
    start_fleet(agents, {.shadow = true});
    make("1", "good 10");
    start_rollout("first", rule("first", "{ model: m@1 }", "[{ name: all, percent: 100, soak: 0s }]"));
    ASSERT_EVENTUALLY(20s, state("first") == "completed");
  }
  void make(const std::string& version, const std::string& model_txt) {
    make_release({.name = "m", .version = version, .model_txt = model_txt, .more = "shadow: { exec: run-beside }\n"});
  }
  [[nodiscard]] static std::string soak(int seconds) { return std::to_string(seconds * slowness()) + "s"; }
  void start_shadow(const std::string& name, const std::string& version, int soak_s, const std::string& more = {}) {
    start_rollout(
        name, rule(name, "{ model: m@" + version + " }", "[{ name: all, percent: 100, soak: " + soak(soak_s) + " }]",
                   "true", "shadow: true\n" + more));
  }
  // Programs of a shadow that run now, of all agents of this test.
  [[nodiscard]] std::size_t running() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      const std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      if (line.find("shadow_work") != std::string::npos && line.find(folder_.path()) != std::string::npos) ++count;
    }
    return count;
  }
};

TEST_F(Shadow, RunsBesideTheActiveVersionAndSwitchesNothing) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(3));
  make("2", "good 11");
  start_shadow("s", "2", 20);
  ASSERT_EVENTUALLY(20s, running() == 3) << status("s").dump(1);
  EXPECT_EQ(agents_with("good 10"), 3u);
  // Beside what the active version measures, under a name of its own.
  agent(0).statsd("edit_distance:10|g");
  EXPECT_EVENTUALLY(20s, device("gw-0").contains("health") &&
                             device("gw-0").at("health").dump().find("shadow.edit_distance") != std::string::npos)
      << device("gw-0").dump(1);
  // The agent's end is that of its shadow, and the next one has one only.
  agent(1).kill_hard();
  EXPECT_EVENTUALLY(10s, running() == 2);
  agent(1).start();
  EXPECT_EVENTUALLY(20s, running() == 3) << status("s").dump(1);
  ASSERT_EVENTUALLY(60s, state("s") == "completed") << status("s").dump(1);
  EXPECT_EVENTUALLY(10s, running() == 0);
  EXPECT_EQ(agents_with("good 10"), 3u);
  EXPECT_EQ(agent(0).call_count("notify-model"), 1u) << "the workload never noticed";

  // The real rollout finds everything in place.
  start_rollout("real", rule("real", "{ model: m@2 }", "[{ name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, state("real") == "completed") << status("real").dump(1);
  EXPECT_EQ(agents_with("good 11"), 3u);
  expect_audit_intact();
}

TEST_F(Shadow, AWorseOneIsFoundBeforeAnybodyHasIt) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(4));
  make("2", "good 30");
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < agent_count(); ++i) agent(i).statsd("edit_distance:10|g");
    const auto seen = [this] {
      for (std::size_t i = 0; i < agent_count(); ++i) {
        const auto shown = device(agent(i).name());
        if (!shown.contains("health") || shown.at("health").dump().find("edit_distance") == std::string::npos)
          return false;
      }
      return true;
    };
    ASSERT_EVENTUALLY(20s, seen());
  }
  start_shadow("s", "2", 30,
               "guardrails: [{ name: quality, metric: edit_distance, against: baseline, max_increase: 20%, tolerate: "
               "20%, observe: 2s, on_fail: pause }]\nbaseline_window: " +
                   soak(4) + "\n");
  // The baseline is that of the active version, which goes on measuring.
  const auto judged = [this] {
    for (std::size_t i = 0; i < agent_count(); ++i) agent(i).statsd("edit_distance:10|g");
    return state("s") == "halted";
  };
  EXPECT_EVENTUALLY(60s, judged()) << status("s").dump(1);
  EXPECT_THAT(status("s").at("guardrails").at(0).value("sentence", ""), HasSubstr("exceeded"));
  EXPECT_EQ(agents_with("good 10"), 4u) << "nobody ever had it";
  ctl().must({"rollout", "abort", "s", "--reason", "reads badly"});
  EXPECT_EVENTUALLY(20s, running() == 0);
}

TEST_F(Shadow, OneThatEndsByItselfHasFailed) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(2));
  make("2", "crash");
  start_shadow("s", "2", 20);
  EXPECT_EVENTUALLY(20s, state("s") == "halted") << status("s").dump(1);
  const auto failure = status("s").at("failures").at(0);
  EXPECT_EQ(failure.value("error", ""), "shadow_failed");
  EXPECT_THAT(failure.value("detail", ""), HasSubstr("exit code 3"));
  EXPECT_EQ(agents_with("good 10"), 2u);
  EXPECT_EQ(device_state("gw-0"), "healthy");
}

}  // namespace
}  // namespace muster::e2e
