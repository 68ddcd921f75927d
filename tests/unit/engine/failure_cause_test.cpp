// Whether a failure speaks of the release or of what carries it, and how many of each there were.
#include "rules/engine/failure_cause.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "schemas/common_generated.h"
#include "tests/unit/engine/guarded_fleet.h"
#include "tests/unit/engine/rehearsal_fleet.h"

namespace muster::rules::test {
namespace {

// An error code that is added has to be told apart too.
TEST(FailureCauses, EveryErrorCodeHasOne) {
  const std::vector<std::string_view> unclear = {"install_failed", "no_previous", "internal", "directed_rollback"};
  for (const auto code : wire::EnumValuesErrorCode()) {
    const std::string_view name = wire::EnumNameErrorCode(code);
    if (name == "none") continue;
    const bool is_unclear = std::find(unclear.begin(), unclear.end(), name) != unclear.end();
    EXPECT_EQ(cause_of(name) == FailureCause::unclear, is_unclear) << name;
  }
  EXPECT_EQ(cause_of("from_the_future"), FailureCause::unclear);
}

class Troubles : public GuardedFleet {
 protected:
  [[nodiscard]] std::vector<std::uint64_t> failures() const {
    const auto& counts = world_.engine.troubles().failures;
    return {counts.begin(), counts.end()};
  }
};

TEST_F(Troubles, AreCountedByCause) {
  join(4);
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.retry.attempts = 2;
  rule.halt_failed_devices = 10;
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  EXPECT_EQ(failures(), (std::vector<std::uint64_t>{0, 0, 0, 0}));
  world_.fail("d000", "probe_failed", "exit code 1");
  world_.report("d000");
  EXPECT_EQ(failures(), (std::vector<std::uint64_t>{1, 0, 0, 0})) << "said twice, and one failure";
  world_.fail("d001", "fetch_timeout", "no answer for 300 s");
  world_.report("d001");
  EXPECT_EQ(failures(), (std::vector<std::uint64_t>{1, 1, 0, 0})) << "one that is tried again is one";
  for (int i = 0; i < 600; ++i) world_.tick(1);
  world_.fail("d001", "fetch_timeout", "no answer for 300 s");
  world_.fail("d002", "under_security_floor", "its floor is 3");
  world_.tick(7200);
  EXPECT_EQ(failures(), (std::vector<std::uint64_t>{1, 2, 1, 1})) << "d003 has shown no end in time";
  EXPECT_EQ(world_.engine.troubles().guardrails_failed, 0u);
}

// The wave stops all the same; but a second download that did not arrive is a matter of the link.
TEST_F(Rehearsals, OneCountsByWhatItFailedBy) {
  start_two();
  world_.commit(a_);
  world_.commit(a_);
  world_.fail(a_, "fetch_failed", "no answer");
  ASSERT_EQ(error(), "rehearsal_failed: on its second way forward: fetch_failed: no answer");
  const auto& troubles = world_.engine.troubles();
  EXPECT_EQ(troubles.of(FailureCause::infrastructure), 1u);
  EXPECT_EQ(troubles.of(FailureCause::release), 0u);
}

TEST_F(Troubles, AGuardrailThatFailsIsOne) {
  join(20);
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (const auto& id : canaries) say(id, 90);
  ASSERT_EQ(state(), RolloutState::halted);
  EXPECT_EQ(world_.engine.troubles().guardrails_failed, 1u) << "its verdict, not each vote";
  EXPECT_EQ(failures(), (std::vector<std::uint64_t>{0, 0, 0, 0})) << "no device failed";
}

}  // namespace
}  // namespace muster::rules::test
