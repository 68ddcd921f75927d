// Guardrails: devices that were assigned, are so no more, and are assigned again. What they measured before the update
// is what they are compared with then too.
#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

const std::string group = "region=de";

class GuardrailAnew : public GuardedFleet {
 protected:
  // The first wave of half is open, and its devices are done.
  void begin(int count) {
    join(count);
    start({rail_});
    for (int round = 0; round < 6; ++round) {
      world_.tick(window_s);
      for (const auto& [id, device] : world_.devices) say(id, 100);
    }
    world_.tick(0);
    for (const auto& id : reached()) {
      if (in(id, "de")) back_.push_back(id);
    }
    ASSERT_FALSE(back_.empty());
    commit_reached();
  }
  // Those of the group go back, and may go on again.
  void send_back() {
    ASSERT_TRUE(World::accepted(world_.command(StopGroup{"r", group, true}, "alice", "odd labels")));
    for (const auto& id : back_) ASSERT_EQ(model_after_commit(id), world_.release("reader@1").manifest);
  }
  void go_on() { ASSERT_TRUE(World::accepted(world_.command(ContinueGroup{"r", group}))); }
  void take_again() {
    for (const auto& id : back_) ASSERT_EQ(model_after_commit(id), world_.release("reader@2").manifest);
  }
  Sha256 model_after_commit(const std::string& id) {
    world_.commit(id);
    return world_.devices[id].report.active[1];
  }
  // Summaries of ten minutes of every device that nothing was ever assigned to.
  void say_others(int rounds, double p95_ms) {
    for (int round = 0; round < rounds; ++round) {
      world_.tick(window_s);
      for (const auto& [id, device] : world_.devices) {
        if (!device.assigned) say(id, p95_ms);
      }
    }
  }
  void order(OrderKind kind) {
    GiveOrder order;
    order.scope = "group/" + group;
    order.kind = kind;
    EXPECT_TRUE(World::accepted(world_.command(order)));
  }

  std::vector<std::string> back_;
};

TEST_F(GuardrailAnew, ABaselineStandsAlsoForThoseThatGoOn) {
  for (const bool vanishes : {false, true}) {
    SCOPED_TRACE(vanishes ? "it measures no more" : "it is slower");
    renew();
    back_.clear();
    rail_.against = Against::baseline;
    rail_.limit = 0.1;
    ASSERT_NO_FATAL_FAILURE(begin(20));
    ASSERT_NO_FATAL_FAILURE(send_back());
    ASSERT_NO_FATAL_FAILURE(go_on());
    ASSERT_NO_FATAL_FAILURE(take_again());
    world_.tick(window_s);
    for (const auto& id : back_) say(id, vanishes ? -1 : 115);
    EXPECT_EQ(verdict().voted, back_.size());
    EXPECT_EQ(verdict().exceeded, back_.size());
  }
}

// It was heard before; that it is not since it goes on says something about the release.
TEST_F(GuardrailAnew, TheSilenceOfThoseThatGoOnVotesAgainst) {
  rail_.against = Against::baseline;
  ASSERT_NO_FATAL_FAILURE(begin(20));
  ASSERT_NO_FATAL_FAILURE(send_back());
  ASSERT_NO_FATAL_FAILURE(go_on());
  ASSERT_NO_FATAL_FAILURE(take_again());
  world_.tick(rail_.silent_after_s - 1);
  for (const auto& id : reached()) {
    if (!in(id, "de")) say(id, 100);
  }
  EXPECT_EQ(verdict().exceeded, 0u);
  world_.tick(1);
  EXPECT_EQ(verdict().exceeded, back_.size());
}

// What they voted the first time stays in the counts, beside what they vote now.
TEST_F(GuardrailAnew, VotesOfTheFirstTimeStay) {
  rail_.against = Against::baseline;
  rail_.limit = 0.5;
  ASSERT_NO_FATAL_FAILURE(begin(20));
  world_.tick(window_s);
  for (const auto& id : back_) say(id, 100);
  ASSERT_EQ(verdict().voted, back_.size());
  ASSERT_NO_FATAL_FAILURE(send_back());
  ASSERT_NO_FATAL_FAILURE(go_on());
  EXPECT_EQ(verdict().voted, back_.size());
  ASSERT_NO_FATAL_FAILURE(take_again());
  world_.tick(window_s);
  for (const auto& id : back_) say(id, 160);
  EXPECT_EQ(verdict().voted, 2 * back_.size());
  EXPECT_EQ(verdict().exceeded, back_.size());
}

// While they wait to go on they are of the control cohort, and drift with it; they take nothing from it, and bring
// nothing into it.
TEST_F(GuardrailAnew, WhoGoesOnHasDriftedWithTheControlCohort) {
  for (int i = 0; i < 4; ++i) {
    const bool restarted = i % 2 != 0;
    const bool waits = i / 2 != 0;
    SCOPED_TRACE(std::string(restarted ? "restarted at some drift" : "not restarted") +
                 (waits ? ", and they are measured while they wait" : ", and they go on at once"));
    renew();
    back_.clear();
    rail_.against = Against::control;
    rail_.limit = 0.05;
    rail_.silent_after_s = 240 * 3600;
    ASSERT_NO_FATAL_FAILURE(begin(20));
    if (restarted) {
      say_others(40, 110);
      world_.tick(1);
      world_.restart();
      say_others(1, 110);
    }
    say_others(40, 120);
    ASSERT_NO_FATAL_FAILURE(send_back());
    if (waits) order(OrderKind::pause_updates);
    ASSERT_NO_FATAL_FAILURE(go_on());
    for (int round = 0; round < 40; ++round) {
      say_others(1, 150);
      for (const auto& id : back_) {
        if (waits) say(id, 150);
      }
    }
    if (waits) order(OrderKind::resume);
    ASSERT_NO_FATAL_FAILURE(take_again());
    for (const double factor : {1.02, 1.3}) {
      for (int round = 0; round < 3; ++round) {
        say_others(1, 150);
        for (const auto& id : back_) say(id, 150 * factor);
      }
      EXPECT_EQ(verdict().voted, back_.size());
      EXPECT_EQ(verdict().exceeded, factor < 1.1 ? 0u : back_.size());
    }
  }
}

// Found by the simulated world 6763: the abort of another rollout left out what was held, and gave it anew at once.
TEST_F(GuardrailAnew, WhatWasLeftOutOfAWayBackIsComparedAsWell) {
  world_.add_release(Plane::config, "sorter", "1");
  join(3);
  Wave all;
  all.name = "all";
  all.percent = 100;
  all.gate = Gate::manual;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("c", "true", {{Plane::config, "sorter", "1"}}, {all}))));
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  all.hold = HoldPoint::before_commit;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rail_.against = Against::baseline;
  rule.guardrails = {rail_};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  for (const auto& [id, device] : world_.devices) say(id, 100);
  world_.tick(3600);
  const auto ids = reached();
  ASSERT_EQ(ids.size(), 3u);
  for (const auto& id : ids) world_.go_on(id);
  ASSERT_TRUE(World::accepted(world_.command(AbortRollout{"c", AbortMode::revert})));
  for (const auto& id : ids) world_.commit(id);
  ASSERT_EQ(reached(), ids) << "it is given anew";
  for (const auto& id : ids) world_.go_on(id);
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
  for (const auto& id : ids) world_.commit(id);
  ASSERT_EQ(world_.status("r").done, 3u);
  world_.tick(window_s);
  for (const auto& id : ids) say(id, -1);
  EXPECT_EQ(verdict().voted, 3u);
  EXPECT_EQ(verdict().exceeded, 3u);
}

// A device of which nothing was known before the update is compared with what it measured while it fetched. Once it has
// run the release, a summary may be of that, also while it fetches again: it would be compared with itself.
TEST_F(GuardrailAnew, WhatItMeasuresOnASecondWayIsNotWhatWasBefore) {
  enum class Again { rehearses, tries_again, goes_on_from_a_hold };
  const auto start_with = [&](Again again) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    all.rehearse = again == Again::rehearses;
    if (again == Again::goes_on_from_a_hold) all.hold = HoldPoint::before_commit;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.guardrails = {rail_};
    rule.retry.attempts = 2;
    rule.retry.on = all_retry_reasons;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
    world_.tick(3600);
    ASSERT_EQ(reached().size(), 1u);
  };
  const auto run_it_once = [&](Again again) {
    const std::string id = reached()[0];
    switch (again) {
      case Again::rehearses:
        world_.commit(id);
        world_.commit(id);  // the way back
        break;
      case Again::tries_again:
        world_.roll_back(id, "soak_failed", "too slow");
        world_.tick(3600);
        break;
      case Again::goes_on_from_a_hold:
        world_.go_on(id);
        ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
        break;
    }
    ASSERT_GT(world_.devices[id].assigned->epoch, world_.devices[id].report.attempt_epoch) << "it is given once more";
  };
  rail_.against = Against::baseline;
  rail_.limit = 0.1;
  for (const auto again : {Again::rehearses, Again::tries_again, Again::goes_on_from_a_hold}) {
    for (const bool known : {false, true}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(again)) + (known ? ", measured before" : ""));
      renew();
      join(1);
      ASSERT_NO_FATAL_FAILURE(start_with(again));
      const std::string id = reached()[0];
      if (known) say(id, 100);
      ASSERT_NO_FATAL_FAILURE(run_it_once(again));
      say(id, 300);
      world_.commit(id);
      ASSERT_EQ(world_.status("r").done, 1u);
      world_.tick(window_s);
      say(id, 300);
      EXPECT_EQ(verdict().voted, known ? 1u : 0u) << "it has nothing to be compared with";
      EXPECT_EQ(verdict().exceeded, known ? 1u : 0u);
    }
  }
}

}  // namespace
}  // namespace muster::rules::test
