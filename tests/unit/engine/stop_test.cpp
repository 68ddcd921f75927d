// Groups that are stopped in a rollout, and go on.
#include "schemas/limits.h"
#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

TEST_F(Exclude, AStoppedGroupGetsNothingAndTheOthersFinish) {
  join(20);
  start_waves({10, 50, 100});
  const auto first = reached();
  const auto effects = stop("region=de");
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_EQ(World::count_audits(effects, audit::group_stopped), 1u);
  EXPECT_THAT(World::reply(effects), HasSubstr("stopped rollout r for region=de: 10 devices are in it now"));
  const auto before = count_reached("de");
  for (int wave = 0; wave < 3; ++wave) commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(count_reached("de"), before);
  EXPECT_EQ(count_reached("us"), 10u);
  const auto& status = world_.status("r");
  EXPECT_EQ(status.targets, 20u);
  EXPECT_EQ(status.stopped, 10u - before);
  ASSERT_EQ(status.stops.size(), 1u);
  EXPECT_EQ(status.stops[0], (GroupStop{"region=de", false, "alice", "odd labels", world_.now_s}));

  world_.restart();
  EXPECT_EQ(world_.status("r").stops.size(), 1u);
  EXPECT_EQ(world_.status("r").stopped, 10u - before);
  EXPECT_THAT(World::reply(go_on("region=de")), HasSubstr("rollout r goes on for region=de: "));
  EXPECT_EQ(count_reached("de"), 10u);
  commit_reached();
  EXPECT_EQ(world_.status("r").done, 20u);
  EXPECT_TRUE(world_.status("r").stops.empty());
}

TEST_F(Exclude, WhoIsAtWorkOrDoneKeepsWhatItHas) {
  join(8);
  start_waves({100});
  world_.commit("d000");
  const auto effects = stop("region=de");
  EXPECT_TRUE(World::assigned_in(effects).empty());
  EXPECT_THAT(World::reply(effects), HasSubstr("4 keep what they have"));
  EXPECT_EQ(standing("d000"), Standing::done);
  EXPECT_EQ(standing("d002"), Standing::assigned);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(world_.status("r").done, 8u);
  EXPECT_EQ(world_.status("r").stopped, 0u);
}

TEST_F(Exclude, WithRevertItGoesBackAndTheOthersGoOn) {
  join(8);
  start_waves({50, 100});
  const auto had = count_reached("de");
  ASSERT_GT(had, 0u);
  const auto at_work = reached().front();
  for (const auto& id : reached()) {
    if (id != at_work) world_.commit(id);
  }
  std::vector<std::string> back;
  for (const auto& id : World::assigned_in(stop("region=de", true))) {
    if (in(id, "de")) back.push_back(id);
  }
  EXPECT_EQ(back.size(), had);
  for (const auto& id : back) EXPECT_EQ(wanted(id), "reader@1") << id;
  EXPECT_EQ(world_.status("r").wave, 1u);  // it waits for none of them
  commit_reached();
  for (const auto& id : back) EXPECT_EQ(standing(id), Standing::reverted) << id;
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(world_.status("r").reverted, had);
  EXPECT_EQ(world_.status("r").stopped, 4u);
  EXPECT_THAT(why(back[0]), HasSubstr("it went back; its group region=de is stopped by alice: odd labels"));

  world_.restart();
  EXPECT_TRUE(World::accepted(go_on("region=de")));
  EXPECT_EQ(count_reached("de"), 4u);
  for (const auto& id : back) EXPECT_EQ(wanted(id), "reader@2") << id;
  commit_reached();
  EXPECT_EQ(world_.status("r").done, 8u);
  EXPECT_EQ(world_.status("r").reached, 8u);
  // They go back once more, to what they ran before all of this.
  world_.command(AbortRollout{"r", AbortMode::revert});
  for (const auto& [id, device] : world_.devices) EXPECT_EQ(wanted(id), "reader@1") << id;
}

TEST_F(Exclude, WhoGoesOnBeforeItHasGoneBackStillGoesBackToWhatItRanAtFirst) {
  join(2);
  start_waves({100});
  world_.commit("d000");
  stop("region=de", true);
  EXPECT_EQ(standing("d000"), Standing::reverting);
  go_on("region=de");
  EXPECT_EQ(standing("d000"), Standing::assigned);
  EXPECT_EQ(wanted("d000"), "reader@2");
  world_.restart();
  world_.commit("d000");
  EXPECT_EQ(standing("d000"), Standing::done);
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1");
}

TEST_F(Exclude, LateJoinersOfTheGroupAreStoppedTooAndTheirWaveIsNotHeld) {
  join(4);
  start_waves({100}, Gate::manual);
  stop("region=de");
  world_.restart();
  world_.devices["late"].report.active[1] = world_.release("reader@1").manifest;
  const auto effects = world_.join("late", facts_of("rk3566", "de"));
  EXPECT_TRUE(World::assigned_in(effects).empty());
  EXPECT_THAT(why("late"), HasSubstr("and its group region=de is stopped by alice: odd labels"));
  EXPECT_EQ(world_.status("r").waves[0].devices, 5u);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  EXPECT_EQ(world_.status("r").stopped, 1u);
}

TEST_F(Exclude, ADeviceThatMovesIsStoppedOrGoesOn) {
  join(20);
  start_waves({10, 100});
  stop("region=de", true);
  commit_reached();
  commit_reached();
  // d001 has it already and keeps it, wherever it moves to.
  EXPECT_EQ(standing("d001"), Standing::done);
  move("d001", "de");
  EXPECT_EQ(standing("d001"), Standing::done);
  // One that got nothing, or went back, begins when it leaves the group, and not when it comes back in.
  EXPECT_NE(wanted("d000"), "reader@2");
  move("d000", "us");
  EXPECT_EQ(wanted("d000"), "reader@2");
  world_.devices["late"].report.active[1] = world_.release("reader@1").manifest;
  world_.join("late", facts_of("rk3566", "de"));
  EXPECT_EQ(wanted("late"), "nothing");
  move("late", "us");
  EXPECT_EQ(wanted("late"), "reader@2");
}

TEST_F(Exclude, AWaveOfStoppedDevicesAloneIsPassedOverUnlessNobodyIsLeft) {
  join(4);
  Wave ring;
  ring.name = "de";
  ring.ring_text = "device.region == \"de\"";
  ring.ring = World::compile(ring.ring_text);
  ring.gate = Gate::manual;
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {ring, all});
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  world_.lose("d000");
  stop("region=de", true);
  world_.tick(60);
  EXPECT_EQ(state(), RolloutState::awaiting_approval) << world_.status("r").waiting_for;
  stop("region=us");
  EXPECT_EQ(state(), RolloutState::running);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("all targets that are left are in stopped groups (region=de by "
                                                        "alice, region=us by alice); continue one of them"));
  go_on("region=us");
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
}

TEST_F(Exclude, StopsOverlapAndAreRefusedWithTheWayOut) {
  join(4);
  start_waves({50, 100});
  const auto refused = [](const std::vector<Effect>& effects) {
    EXPECT_FALSE(World::accepted(effects));
    EXPECT_EQ(World::count_audits(effects, audit::command_refused), 1u);
    return World::reply(effects);
  };
  EXPECT_THAT(refused(stop("de")), HasSubstr("write ATTRIBUTE=VALUE with one of class, region"));
  EXPECT_THAT(refused(go_on("region=de")), HasSubstr("is not stopped; stopped are: none"));
  stop("region=de");
  EXPECT_THAT(refused(stop("region=de")), HasSubstr("is stopped already by alice: odd labels"));
  EXPECT_TRUE(World::accepted(stop("region=de", true)));  // on top of it
  EXPECT_THAT(refused(stop("region=de")), HasSubstr("is stopped already"));
  stop("class=rk3566");
  EXPECT_THAT(World::reply(go_on("region=de")), HasSubstr("more stay stopped: class=rk3566 by alice"));
  for (std::size_t i = 1; i < limits::group_stops_max; ++i)
    EXPECT_TRUE(World::accepted(stop("site=s" + std::to_string(i))));
  EXPECT_THAT(refused(stop("site=one-more")), HasSubstr("the most one rollout keeps"));
  world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_THAT(refused(go_on("site=s1")), HasSubstr("is aborted and assigns nothing"));
  EXPECT_FALSE(World::accepted(world_.command(StopGroup{"q", "region=de", false})));
}

TEST_F(Exclude, AStoppedDeviceWaitsForNoTurn) {
  join(6);
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.pace.at_once = 1;
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  stop("region=de");
  for (int i = 0; i < 12; ++i) {
    commit_reached();
    world_.tick(1);
  }
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_LE(count_reached("de"), 1u);
  go_on("region=de");
  for (int i = 0; i < 12; ++i) {
    world_.tick(1);
    commit_reached();
  }
  EXPECT_EQ(world_.status("r").done, 6u);
}

TEST_F(Exclude, AFrozenSegmentStaysFrozenWhenItsGroupGoesOn) {
  join(40);
  rail_.by = {Attribute::region};
  rail_.on_fail = OnFail::freeze_segment;
  rail_.tolerate_ppm = 200'000;
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, in(id, "de") ? 90 : 20);
  ASSERT_TRUE(verdict("region=de").frozen);
  stop("region=de", true);
  go_on("region=de");
  commit_reached();
  for (const auto& id : reached()) {
    if (in(id, "de")) {
      EXPECT_EQ(wanted(id), "reader@1") << id;
    }
  }
}

TEST_F(Exclude, ACanaryThatIsStoppedIsReplacedBeforeTheNextWaveOpens) {
  join(20);
  start_waves({10, 100});
  const auto canaries = reached();
  ASSERT_EQ(canaries.size(), 2u);
  for (const auto& id : canaries) move(id, "pl");
  const auto effects = stop("region=pl", true);
  EXPECT_EQ(world_.status("r").wave, 0u) << "nobody has shown yet that the release is good";
  EXPECT_EQ(world_.status("r").waves[0].devices, 4u);
  EXPECT_EQ(World::count_audits(effects, audit::wave_refilled), 1u);
  const auto fresh = World::assigned_in(effects);
  EXPECT_EQ(fresh.size(), 4u);  // two go back, two are new
  world_.restart();
  commit_reached();
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(world_.status("r").done, 18u);
  // Those that the boundary has passed are placed too, and go on later.
  EXPECT_TRUE(World::accepted(go_on("region=pl")));
  commit_reached();
  EXPECT_EQ(world_.status("r").done, 20u);
}

TEST_F(Exclude, AStoppedAndASilentCanaryTogetherAreNoHealth) {
  join(20);
  start_waves({10, 100});
  const auto canaries = reached();
  move(canaries[0], "pl");
  world_.lose(canaries[1]);
  world_.tick(60);
  stop("region=pl", true);
  EXPECT_EQ(world_.status("r").wave, 0u);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("waiting for " + canaries[1]));
  world_.see(canaries[1]);
  world_.commit(canaries[1]);
  EXPECT_EQ(world_.status("r").wave, 1u);
}

}  // namespace
}  // namespace muster::rules::test
