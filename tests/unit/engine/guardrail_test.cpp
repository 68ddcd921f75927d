// Guardrails: verdicts hold waves, stop and take back.
#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

class Guardrails : public GuardedFleet {};

TEST_F(Guardrails, AWaveIsLeftWhenEnoughDevicesAreFineAndNotBefore) {
  join(220);
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  ASSERT_EQ(canaries.size(), 110u);
  EXPECT_EQ(world_.status("r").wave, 0u) << "all are done, and none has been measured";
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("guardrail latency: 0 of 0 exceeded"));
  world_.tick(window_s);
  for (std::size_t i = 0; i < 109; ++i) say(canaries[i], 40);
  EXPECT_EQ(reached().size(), 110u);
  EXPECT_EQ(verdict().verdict, Verdict::inconclusive) << "109 do not exceed, and one may yet";
  EXPECT_THAT(verdict().sentence, HasSubstr("1 of its devices has not voted yet"));
  const auto effects = say(canaries[109], 40);
  EXPECT_EQ(verdict().verdict, Verdict::pass) << "100 of 100 at tolerate 5 %, 99 %, would do";
  EXPECT_EQ(World::count_audits(effects, audit::guardrail_passed), 1u);
  EXPECT_EQ(reached().size(), 220u);
  commit_reached();
  EXPECT_THAT(verdict().sentence, HasSubstr("110 of its devices have not voted yet and could undo it"));
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  EXPECT_EQ(state(), RolloutState::completed) << "votes count over waves";
}

// What exceeds shows at once where a fine vote takes the whole observation: of those who are observed, few are few.
TEST_F(Guardrails, WhoVotesAgainstFirstIsOneOfAllWhoAreObserved) {
  join(400);
  rail_.metric = "crash_count";
  rail_.limit = 0;
  rail_.observe_s = 10 * window_s;
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  ASSERT_EQ(canaries.size(), 200u);
  const auto crash = [](DeviceHealth& health) { health.readings.set(Reading::crash_count, 1); };
  const auto no_crash = [](DeviceHealth& health) { health.readings.set(Reading::crash_count, 0); };
  world_.tick(window_s);
  for (std::size_t i = 0; i < 10; ++i) say(canaries[i], 40, crash);
  EXPECT_EQ(verdict().exceeded, 10u);
  EXPECT_EQ(verdict().verdict, Verdict::inconclusive) << "10 of 200 are the 5 % that are tolerated";
  for (std::size_t i = 10; i < 30; ++i) say(canaries[i], 40, crash);
  EXPECT_EQ(verdict().verdict, Verdict::fail) << "30 of 200 are not, whatever the others say: nobody waits for them";
  EXPECT_EQ(state(), RolloutState::halted);
  EXPECT_THAT(verdict().sentence, HasSubstr("30 of 30 exceeded"));
  EXPECT_THAT(verdict().sentence, HasSubstr("170 are still observed and count as if they did not"));

  renew();
  join(400);
  start({rail_});
  commit_reached();
  for (int round = 0; round < 10; ++round) {
    world_.tick(window_s);
    const auto all = reached();
    for (std::size_t i = 0; i < all.size(); ++i) say(all[i], 40, i < 1 ? crash : no_crash);
  }
  EXPECT_EQ(verdict().verdict, Verdict::pass);
  EXPECT_EQ(reached().size(), 400u);
}

// A bad device takes longer to vote than a fine one where only its silence speaks.
TEST_F(Guardrails, AWaveIsNotLeftWhileThoseWhoHaveNotVotedCouldUndoIt) {
  join(400);
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (std::size_t i = 0; i < 170; ++i) say(canaries[i], 40);
  EXPECT_EQ(verdict().exceeded, 0u);
  EXPECT_EQ(reached().size(), 200u) << "170 are fine, and 30 have hung";
  for (int round = 0; round < 11 && state() == RolloutState::running; ++round) {
    world_.tick(window_s);
    for (std::size_t i = 0; i < 170; ++i) say(canaries[i], 40);
  }
  EXPECT_EQ(reached().size(), 200u);
  EXPECT_EQ(verdict().verdict, Verdict::fail);
  EXPECT_THAT(verdict().sentence, HasSubstr("30 of 200 exceeded, 30 of them silent"));
}

TEST_F(Guardrails, ALimitDoesNotExceedItself) {
  join(10);
  rail_.metric = "edit_distance";
  rail_.limit = 0.1;
  auto least = rail_;
  least.name = "least";
  least.limit = 0.7;
  least.lower_is_worse = true;
  least.metric = "f1";
  start({rail_, least});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) {
    say(id, 40, [](DeviceHealth& health) { health.readings.tasks = {{"edit_distance", 0.1}, {"f1", 0.7}}; });
  }
  for (const auto& each : world_.status("r").guardrails) {
    EXPECT_EQ(each.voted, 5u) << each.guardrail;
    EXPECT_EQ(each.exceeded, 0u) << each.guardrail;
  }
}

// A tenth more, or less, than before, in numbers that no float has: it is what the rule allows, and a little beside it
// is not.
TEST_F(Guardrails, AChangeOfExactlyTheLimitDoesNotExceed) {
  for (const double level : {0.01, 0.03, 0.07, 7.0, 11.3, 40.1, 123.4}) {
    for (const bool lower : {false, true}) {
      for (const bool beyond : {false, true}) {
        SCOPED_TRACE(std::to_string(level) + (lower ? " less" : " more") + (beyond ? ", beyond" : ""));
        renew();
        join(10);
        rail_.metric = "edit_distance";
        rail_.against = Against::baseline;
        rail_.lower_is_worse = lower;
        rail_.limit = 0.1;
        start({rail_});
        const auto says = [](double value) {
          return [=](DeviceHealth& health) { health.readings.tasks = {{"edit_distance", value}}; };
        };
        for (auto& [id, device] : world_.devices) say(id, 40, says(level));
        world_.tick(3600);
        commit_reached();
        world_.tick(window_s);
        const double change = (lower ? -1 : 1) * (beyond ? 0.10001 : 0.1);
        for (const auto& id : reached()) say(id, 40, says(level * (1 + change)));
        EXPECT_EQ(verdict().voted, reached().size());
        EXPECT_EQ(verdict().exceeded, beyond ? reached().size() : 0u);
      }
    }
  }
}

TEST_F(Guardrails, ADeviceVotesOnceAnObservationIsCompleteAndMayVoteWorseLater) {
  join(10);
  rail_.observe_s = 3 * window_s;
  start({rail_});
  commit_reached();
  const auto id = reached()[0];
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(verdict().voted, 0u);
    world_.tick(window_s);
    say(id, round == 1 ? 90 : 20);  // its mean is under the limit
  }
  EXPECT_EQ(verdict().voted, 1u);
  EXPECT_EQ(verdict().exceeded, 0u);
  for (int round = 0; round < 3; ++round) {
    world_.tick(window_s);
    say(id, 60);
  }
  EXPECT_EQ(verdict().voted, 1u);
  EXPECT_EQ(verdict().exceeded, 1u);
  for (int round = 0; round < 3; ++round) {
    world_.tick(window_s);
    say(id, 20);
  }
  EXPECT_EQ(verdict().exceeded, 1u) << "a vote against stands";
}

TEST_F(Guardrails, WhatWasMeasuredBeforeTheUpdateDoesNotCount) {
  join(10);
  start({rail_});
  const auto id = reached()[0];
  world_.tick(1000);
  world_.commit(id);
  world_.tick(window_s - 1);
  say(id, 90);
  EXPECT_EQ(verdict().voted, 0u) << "its window began a second before the update";
  // By the device's own clock, which is years behind.
  const auto other = reached()[1];
  world_.devices[other].report.reported_s = 5000;
  world_.commit(other);
  const auto at = [](std::uint64_t start_s) { return [=](DeviceHealth& health) { health.window_start_s = start_s; }; };
  world_.tick(10 * window_s);
  say(other, 90, at(4999));
  EXPECT_EQ(verdict().voted, 0u) << "it waited in a queue";
  say(other, 90, at(5000));
  EXPECT_EQ(verdict().voted, 1u);
}

TEST_F(Guardrails, AFailHaltsAndGoesOnOnlyWhenSomebodyHasAccepted) {
  join(20);
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (std::size_t i = 0; i < 4; ++i) say(canaries[i], 90);
  EXPECT_EQ(state(), RolloutState::running);
  const auto effects = say(canaries[4], 90);
  EXPECT_EQ(state(), RolloutState::halted) << "5 of 10 at tolerate 5 %, 99 %";
  EXPECT_EQ(World::count_audits(effects, audit::guardrail_failed), 1u);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("guardrail latency: 5 of 5 exceeded (tolerate 5 % at 99 %)"));
  EXPECT_FALSE(World::accepted(world_.command(ResumeRollout{"r", false})));
  EXPECT_EQ(state(), RolloutState::halted);
  const auto resumed = world_.command(ResumeRollout{"r", true}, "bob");
  EXPECT_TRUE(World::accepted(resumed)) << World::reply(resumed);
  EXPECT_EQ(World::count_audits(resumed, audit::failures_acknowledged), 1u);
  EXPECT_EQ(verdict().voted, 0u);
  EXPECT_EQ(reached().size(), 20u) << "the wave is done, and its verdict was accepted";
  world_.tick(window_s);
  say(canaries[0], 90);
  EXPECT_EQ(verdict().voted, 0u) << "its vote was accepted";
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) {
    if (std::find(canaries.begin(), canaries.end(), id) == canaries.end()) say(id, 90);
  }
  EXPECT_EQ(state(), RolloutState::halted) << "others fail anew";
}

TEST_F(Guardrails, AFailAfterAPassStillStops) {
  join(220);
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  ASSERT_EQ(verdict().verdict, Verdict::pass);
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 90);
  EXPECT_EQ(verdict().verdict, Verdict::fail);
  EXPECT_EQ(state(), RolloutState::halted);
}

TEST_F(Guardrails, RollbackTakesAllBack) {
  join(20);
  rail_.on_fail = OnFail::rollback;
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (std::size_t i = 0; i < 4; ++i) say(canaries[i], 90);
  const auto effects = say(canaries[4], 90);
  EXPECT_EQ(state(), RolloutState::reverting);
  EXPECT_EQ(World::assigned_in(effects).size(), 10u);
  for (const auto& id : canaries) world_.commit(id);
  EXPECT_EQ(state(), RolloutState::aborted);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("aborted by muster with revert: guardrail latency"));
  for (const auto& id : canaries) EXPECT_EQ(world_.devices[id].report.active[1], world_.release("reader@1").manifest);
}

TEST_F(Guardrails, WhatWasTakenBackDoesNotComeAgainUntilItIsThawed) {
  world_.add_release(Plane::config, "sorter", "1");
  for (int i = 0; i < 20; ++i) {
    const auto id = "d" + std::to_string(100 + i);
    world_.devices[id].report.active = {Sha256(), world_.release("reader@1").manifest,
                                        world_.release("sorter@1").manifest};
    world_.join(id, facts_of("rk3566", "de"));
  }
  Wave first, all;
  first.name = "first";
  first.percent = 50;
  all.name = "all";
  all.percent = 100;
  rail_.on_fail = OnFail::rollback;
  // All of them run the configuration already: going back changes nothing about it, and it is not what has failed.
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "1"}}, {first, all});
  rule.guardrails = {rail_};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  commit_reached();
  world_.tick(window_s);
  const auto canaries = reached();
  std::vector<Effect> effects;
  for (std::size_t i = 0; i < 5; ++i) effects = say(canaries[i], 90);
  ASSERT_EQ(state(), RolloutState::reverting);
  EXPECT_EQ(World::count_audits(effects, audit::order_given), 1u);
  EXPECT_THAT(World::why_of(effects, audit::order_given),
              HasSubstr("freeze of reader@2 ordered for fleet (epoch 1); 1 order stands there; guardrail latency"));
  for (const auto& id : canaries) world_.commit(id);
  EXPECT_EQ(state(), RolloutState::aborted) << "nothing keeps them from going back";

  const auto again = [&](const std::string& name, const std::string& version) {
    return world_.start(World::rule(name, "true", {{Plane::model, "reader", version}}, {all}));
  };
  EXPECT_EQ(World::reply(again("again", "2")), "release reader@2 is frozen for the fleet by muster; thaw it first");
  EXPECT_TRUE(World::accepted(again("older", "1"))) << "which is no business of the freeze";
  for (const auto& id : world_.assigned_by("older")) world_.commit(id);
  EXPECT_EQ(world_.status("older").state, RolloutState::completed);
  GiveOrder thaw;
  thaw.scope = "fleet";
  thaw.kind = OrderKind::thaw;
  thaw.plane = Plane::model;
  thaw.release = world_.release("reader@2").manifest;
  thaw.release_name = "reader@2";
  EXPECT_TRUE(World::accepted(world_.command(thaw)));
  EXPECT_TRUE(World::accepted(again("again", "2")));
}

TEST_F(Guardrails, FreezeReleaseFreezesItForTheFleet) {
  join(20);
  rail_.on_fail = OnFail::freeze_release;
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  for (std::size_t i = 0; i < 4; ++i) say(reached()[i], 90);
  const auto effects = say(reached()[4], 90);
  EXPECT_EQ(state(), RolloutState::halted);
  std::size_t freezes = 0;
  for (const auto& effect : effects) {
    const auto* direct = std::get_if<Direct>(&effect);
    if (direct == nullptr) continue;
    EXPECT_EQ(direct->scope, "fleet");
    for (const auto& order : direct->orders) {
      freezes += order.kind == OrderKind::freeze && order.release == world_.release("reader@2").manifest ? 1u : 0u;
      EXPECT_EQ(order.by, "muster");
    }
  }
  EXPECT_EQ(freezes, 1u);
}

TEST_F(Guardrails, ASegmentIsFrozenAndGoesBackWhileTheOthersGoOn) {
  join(400);
  rail_.by = {Attribute::region};
  rail_.on_fail = OnFail::freeze_segment;
  rail_.tolerate_ppm = 200'000;
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (const auto& id : canaries) say(id, in(id, "de") ? 90 : 40);
  EXPECT_EQ(verdict("region=de").verdict, Verdict::fail);
  EXPECT_TRUE(verdict("region=de").frozen);
  EXPECT_EQ(verdict("region=us").verdict, Verdict::pass);
  for (const auto& id : canaries) {
    const auto& assigned = world_.devices[id].assigned->releases;
    ASSERT_EQ(assigned.size(), 1u);
    EXPECT_EQ(assigned[0].second, world_.release(in(id, "de") ? "reader@1" : "reader@2").manifest) << id;
  }
  world_.restart();
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  EXPECT_EQ(state(), RolloutState::completed) << world_.status("r").waiting_for;
  for (const auto& id : reached()) {
    if (std::find(canaries.begin(), canaries.end(), id) == canaries.end()) {
      EXPECT_TRUE(in(id, "us")) << id << " is in the frozen segment and was assigned after the freeze";
    }
  }
  world_.join("late", facts_of("rk3566", "de"));
  EXPECT_FALSE(world_.devices["late"].assigned.has_value());
  world_.join("late2", facts_of("rk3566", "us"));
  EXPECT_TRUE(world_.devices["late2"].assigned.has_value());
}

// The way back of a segment keeps to the rule's order like that of a whole rollout (Aborts).
TEST_F(Guardrails, AFrozenSegmentGoesBackInTheOrderThatTheRuleSays) {
  using Way = std::vector<std::pair<Plane, Sha256>>;
  for (const auto first : {std::optional<Plane>(), std::optional<Plane>(Plane::model)}) {
    renew();
    world_.add_release(Plane::config, "sorter", "1");
    world_.add_release(Plane::config, "sorter", "2");
    for (int i = 0; i < 80; ++i) {
      const auto id = "d" + std::to_string(100 + i);
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.devices[id].report.active[2] = world_.release("sorter@1").manifest;
      world_.join(id, facts_of("rk3566", i % 2 == 0 ? "de" : "us"));
    }
    rail_.by = {Attribute::region};
    rail_.on_fail = OnFail::freeze_segment;
    rail_.tolerate_ppm = 200'000;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "2"}}, {all});
    rule.guardrails = {rail_};
    rule.rollback_first = first;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
    commit_reached();
    world_.tick(window_s);
    for (const auto& id : reached()) say(id, in(id, "de") ? 90 : 40);
    ASSERT_TRUE(verdict("region=de").frozen);
    const std::pair model{Plane::model, world_.release("reader@1").manifest};
    const std::pair config{Plane::config, world_.release("sorter@1").manifest};
    const Way in_reverse{config, model}, model_first{model, config};
    const Way forward{{Plane::model, world_.release("reader@2").manifest},
                      {Plane::config, world_.release("sorter@2").manifest}};
    for (const auto& id : reached()) {
      const auto& assigned = world_.devices[id].assigned->releases;
      EXPECT_EQ(Way(assigned.begin(), assigned.end()), in(id, "us") ? forward : first ? model_first : in_reverse) << id;
    }
  }
}

}  // namespace
}  // namespace muster::rules::test
