// Waves with a hold on real devices: they come as far as the rule says and no further until an operator lets them go,
// whoever is killed meanwhile. And a fix of higher priority that takes devices from a rollout at work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

class Holds : public World {
 protected:
  void open_with_version_1(std::size_t agents) {
    open();
    start_fleet(agents);
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    make_release({.name = "m", .version = "2", .model_txt = "good 2"});
    start_rollout("first", rule("first", "{ model: m@1 }", "[{ name: all, percent: 100, soak: 0s }]"));
    ASSERT_EVENTUALLY(20s, state("first") == "completed");
  }
  [[nodiscard]] static std::string held(const std::string& hold) {
    return "[{ name: first, percent: 50, soak: 1s, hold: " + hold + " }, { name: all, percent: 100, soak: 0s }]";
  }
  void start_held(const std::string& name, const std::string& hold, long devices) {
    start_rollout(name, rule(name, "{ model: m@2 }", held(hold)));
    ASSERT_EVENTUALLY(20s, count(name, "holding") == devices) << status(name).dump(1);
  }
  void kill_all_agents() {
    for (std::size_t i = 0; i < agent_count(); ++i) {
      agent(i).kill_hard();
      agent(i).start();
    }
  }
  // How many devices say that their attempt is in this state.
  [[nodiscard]] std::size_t attempts_in(const std::string& wanted) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < agent_count(); ++i) {
      if (device(agent(i).name()).at("attempt").value("state", "") == wanted) ++count;
    }
    return count;
  }
};

TEST_F(Holds, BeforeTheSwapNothingIsChangedUntilItIsReleased) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(4));
  ASSERT_NO_FATAL_FAILURE(start_held("r", "before_swap", 2));
  EXPECT_EQ(attempts_in("staged"), 2u);
  EXPECT_EQ(agents_with("good 1"), 4u);
  EXPECT_THAT(status("r").value("waiting_for", ""), HasSubstr("hold before the swap"));

  // All of it stands on disk: neither the devices' end nor the broker's lets anybody go.
  kill_all_agents();
  leave_ops();
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(30s, count("r", "holding") == 2) << status("r").dump(1);
  EXPECT_EQ(agents_with("good 1"), 4u);

  const auto answer = ctl().run({"rollout", "release", "r", "--reason", "the line stands still"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("2 devices hold before the swap and go on"));
  EXPECT_EVENTUALLY(30s, state("r") == "completed") << status("r").dump(1);
  EXPECT_EQ(agents_with("good 2"), 4u);
  EXPECT_EQ(audit_count("wave.released"), 1u);
  expect_audit_intact();
}

TEST_F(Holds, BeforeTheCommitItRunsOnProbationUntilItIsReleased) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(2));
  ASSERT_NO_FATAL_FAILURE(start_held("r", "before_commit", 1));
  EXPECT_EQ(attempts_in("held"), 1u);
  EXPECT_EQ(agents_with("good 2"), 1u);
  kill_all_agents();
  ASSERT_EVENTUALLY(20s, count("r", "holding") == 1) << status("r").dump(1);

  // Going back is as easy as before it: an abort that keeps what was committed keeps nothing of this.
  ctl().must({"rollout", "abort", "r", "--keep", "--reason", "odd labels"});
  EXPECT_EVENTUALLY(20s, agents_with("good 1") == 2) << status("r").dump(1);

  ASSERT_NO_FATAL_FAILURE(start_held("r2", "before_commit", 1));
  // A hold that the rule does not have, on the wave to come.
  ctl().must({"rollout", "hold", "r2", "--before", "swap", "--wave", "all", "--reason", "line 3 runs until six"});
  ctl().must({"rollout", "release", "r2", "--wave", "first"});
  ASSERT_EVENTUALLY(30s, status("r2")["waves"][1].value("holding", 0) == 1) << status("r2").dump(1);
  EXPECT_EQ(attempts_in("staged"), 1u);
  EXPECT_EQ(agents_with("good 2"), 1u);
  EXPECT_EQ(audit_count("wave.hold_set"), 1u);
  EXPECT_EQ(audit_count("wave.holding"), 3u);
  ctl().must({"rollout", "release", "r2"});
  EXPECT_EVENTUALLY(30s, state("r2") == "completed") << status("r2").dump(1);
  EXPECT_EQ(agents_with("good 2"), 2u);
}

TEST_F(Holds, AFixOfHigherPriorityTakesTheDevicesThatHold) {
  ASSERT_NO_FATAL_FAILURE(open_with_version_1(4));
  make_release({.name = "m", .version = "3", .model_txt = "good 3"});
  ASSERT_NO_FATAL_FAILURE(start_held("r", "before_commit", 2));
  const auto all = std::string("[{ name: all, percent: 100, soak: 0s }]");
  const auto plain = rule_file("second", rule("second", "{ model: m@3 }", all));
  const auto refused = ctl().run({"rollout", "start", plain});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("give this rule a priority above its 0"));
  start_rollout("fix", rule("fix", "{ model: m@3 }", all, "true", "priority: 10\n"));
  EXPECT_EVENTUALLY(30s, state("fix") == "completed") << status("fix").dump(1);
  EXPECT_EQ(agents_with("good 3"), 4u);
  EXPECT_EQ(audit_count("rollout.superseded"), 1u);
  EXPECT_EQ(count("r", "held_by_other"), 2);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
