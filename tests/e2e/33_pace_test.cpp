// How fast and on whose word a rollout goes on, with real devices: a strategy's waves, a pace that is changed while it
// runs, a gate that two people have to open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

class Pace : public World {
 protected:
  [[nodiscard]] static std::string preset(const std::string& name, const std::string& more) {
    return "rollout: " + name + "\nseed: 7\ntargets: 'true'\nversions: { model: m@1 }\nstrategy: percentage\n" +
           "percentages: [50, 100]\nsoak: 2s\ngate: manual\nattempt_timeout: 60s\nhalt: { failed_devices: 4 }\n" + more;
  }
  // Devices that were assigned and have not ended, in one answer of the broker.
  [[nodiscard]] long at_work(const std::string& rollout) {
    const auto shown = status(rollout);
    return shown.value("reached", 0L) - shown.value("done", 0L) - shown.value("failed", 0L);
  }
};

TEST_F(Pace, AStrategyRunsAtItsPaceUntilSomebodyChangesIt) {
  open();
  start_fleet(7);
  // The one that fails is not at work any more, and in nobody's way.
  add_agent("gw-7", {.probe = "/bin/false"}).start();
  ASSERT_EVENTUALLY(20s, device("gw-7").value("reported", false));
  make_release({.name = "m", .version = "1"});
  const auto file = rule_file("r", preset("r", "pace: { at_once: 1 }\n"));
  ctl().must({"rollout", "start", file});
  long most = 0;
  ASSERT_EVENTUALLY(40s, (most = std::max(most, at_work("r")), state("r") == "awaiting_approval"))
      << status("r").dump(1);
  EXPECT_EQ(most, 1);
  const auto shown = status("r");
  EXPECT_EQ(shown.at("waves").at(0).value("name", ""), "canary");
  EXPECT_EQ(shown.at("waves").at(0).value("devices", 0), 4);

  ctl().must({"rollout", "pace", "r", "--at-once", "4", "--reason", "the canaries were quick"});
  ctl().must({"rollout", "approve", "r"});
  ASSERT_EVENTUALLY(40s, (most = std::max(most, at_work("r")), state("r") == "completed")) << status("r").dump(1);
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 4);
  EXPECT_EQ(count("r", "done"), 7);
  EXPECT_EQ(count("r", "failed"), 1);
  EXPECT_EQ(audit_count("pace.changed"), 1u);
  expect_audit_intact();
}

TEST_F(Pace, TwoPeopleOpenAGateThatAsksForTwo) {
  BrokerSettings settings;
  settings.operators["mara"] = "[view, approve]";
  open(settings);
  start_fleet(2);
  make_release({.name = "m", .version = "1"});
  start_rollout("r", rule("r", "{ model: m@1 }",
                          "[{ name: first, percent: 50, gate: manual, approvers: 2, soak: 0s }, { name: all, "
                          "percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, state("r") == "awaiting_approval");
  ctl().must({"rollout", "approve", "r"});
  EXPECT_EQ(state("r"), "awaiting_approval");
  EXPECT_THAT(status("r").value("waiting_for", ""), HasSubstr("1 of 2 approvals: ops"));
  EXPECT_NE(ctl().run({"rollout", "approve", "r"}).exit_code, 0) << "one person is one approval";
  // The first approval is durable.
  leave_ops();
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  EXPECT_EQ(state("r"), "awaiting_approval");
  ctl_as("mara").must({"rollout", "approve", "r"});
  EXPECT_EVENTUALLY(20s, state("r") == "completed") << status("r").dump(1);
  EXPECT_EQ(audit_count("wave.approved"), 2u);
}

}  // namespace
}  // namespace muster::e2e
