// The pace at which a wave's devices are assigned.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "rules/engine/audit_words.h"
#include "rules/engine/rollout.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

class Paces : public testing::Test {
 protected:
  Paces() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
  }
  void join(int count, int sites = 1) {
    for (int i = 0; i < count; ++i) {
      const auto id = "d" + std::to_string(1000 + static_cast<int>(world_.devices.size()));
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      auto facts = facts_of("rk3566", "eu");
      facts.site = "site-" + std::to_string(i % sites);
      world_.join(id, facts);
    }
  }
  std::vector<Effect> start(const Pace& pace, std::uint32_t halt = 1) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    seed_ = rule.seed;
    rule.pace = pace;
    rule.halt_failed_devices = halt;
    auto effects = world_.start(rule);
    EXPECT_TRUE(World::accepted(effects)) << World::reply(effects);
    return effects;
  }
  [[nodiscard]] std::size_t reached() const { return world_.assigned_by("r").size(); }
  [[nodiscard]] RolloutStatus status() const { return world_.status("r"); }
  [[nodiscard]] std::vector<std::string> at_work() {
    std::vector<std::string> found;
    for (const auto& id : world_.assigned_by("r")) {
      if (world_.devices[id].report.attempt_epoch != world_.devices[id].assigned->epoch) found.push_back(id);
    }
    return found;
  }
  // REQUIRES: not two of them are at one site.
  [[nodiscard]] std::map<std::string, std::string> by_site(const std::vector<std::string>& ids) {
    std::map<std::string, std::string> found;
    for (const auto& id : ids) EXPECT_TRUE(found.emplace(world_.devices[id].report.facts.site, id).second) << id;
    return found;
  }
  [[nodiscard]] std::vector<std::string> waiting_at(const std::string& site) const {
    std::vector<std::string> found;
    for (const auto& [id, device] : world_.devices) {
      if (!device.assigned && device.report.facts.site == site) found.push_back(id);
    }
    return found;
  }
  void move(const std::string& id, const std::string& site) {
    world_.devices[id].report.facts.site = site;
    world_.report(id);
  }

  World world_;
  std::uint64_t seed_ = 0;
};

// Found by a simulated world: it was counted under the site where it had begun to wait.
TEST_F(Paces, OneThatMovesWhileItWaitsIsCountedWhereItIs) {
  join(4, 2);
  start({0, 1, 0, 0});
  const auto working = at_work();
  ASSERT_EQ(working.size(), 2u) << "one at each site";
  const auto site = [&](const std::string& id) { return world_.devices[id].report.facts.site; };
  for (auto& [id, device] : world_.devices) {
    if (std::find(working.begin(), working.end(), id) != working.end() || site(id) != "site-1") continue;
    device.report.facts.site = "site-0";
    world_.report(id);
  }
  world_.commit(site(working[0]) == "site-1" ? working[0] : working[1]);
  world_.tick(2);
  EXPECT_EQ(at_work().size(), 1u) << "nobody is left at site-1";
  for (int round = 0; round < 3; ++round) {
    EXPECT_LE(at_work().size(), 1u);
    for (const auto& id : at_work()) world_.commit(id);
    world_.tick(2);
  }
  EXPECT_EQ(status().state, RolloutState::completed) << status().waiting_for;
}

TEST_F(Paces, SoManyAMinuteAndEvenly) {
  for (const std::uint32_t per_minute : {30u, 60u, 90u, 600u}) {
    SCOPED_TRACE(per_minute);
    world_ = World();
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    join(1000);
    start({per_minute, 0, 0, 0});
    const auto a_second = (per_minute + 59) / 60;
    std::vector<std::size_t> by_second = {reached()};
    EXPECT_EQ(by_second.back(), a_second);
    for (int second = 1; second < 100 && reached() < 1000; ++second) {
      world_.tick(1);
      for (const auto& id : at_work()) world_.commit(id);
      by_second.push_back(reached());
      EXPECT_LE(by_second.back() - by_second[by_second.size() - 2], a_second);
      if (second >= 60) {
        EXPECT_LE(by_second.back() - by_second[by_second.size() - 61], per_minute) << "in the last 60 s";
      }
    }
    EXPECT_GE(by_second.back(), std::min<std::size_t>(1000, per_minute * 99 / 60)) << "and not fewer";
  }
}

TEST_F(Paces, ARestartGivesNobodyASecondMinute) {
  join(100);
  start({60, 0, 0, 0});
  for (int second = 0; second < 9; ++second) world_.tick(1);
  ASSERT_EQ(reached(), 10u);
  world_.restart();
  EXPECT_EQ(reached(), 10u);
  for (int second = 0; second < 40; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 50u);
  world_.tick(1);
  for (const auto& id : at_work()) world_.commit(id);
  for (int second = 0; second < 60; ++second) world_.tick(1);
  for (const auto& id : at_work()) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::completed);
  EXPECT_EQ(status().done, 100u);
}

TEST_F(Paces, DevicesAreAssignedInTheOrderOfTheirCohort) {
  join(40);
  std::vector<std::string> order;
  world_.observer = [&](const Event&, const std::vector<Effect>& effects) {
    for (const auto& id : World::assigned_in(effects)) order.push_back(id);
  };
  start({60, 0, 0, 0});
  for (int second = 0; second < 40; ++second) world_.tick(1);
  ASSERT_EQ(order.size(), 40u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    return bucket_of(seed_, a) < bucket_of(seed_, b);
  }));
}

TEST_F(Paces, SoManyAtOnceAndWhoFailsOrIsGoneLeavesItsPlace) {
  join(10);
  start({0, 0, 3, 0}, 5);
  ASSERT_EQ(reached(), 3u);
  EXPECT_THAT(status().waiting_for,
              HasSubstr("7 devices of wave all (100 %) follow at the rule's pace: 3 at work at once"));
  world_.tick(10);
  EXPECT_EQ(reached(), 3u);
  const auto first = at_work();
  world_.commit(first[0]);
  world_.tick(1);
  EXPECT_EQ(reached(), 4u);
  world_.roll_back(first[1], "probe_failed", "exit code 1");
  world_.tick(1);
  EXPECT_EQ(reached(), 5u);
  world_.lose(first[2]);
  world_.tick(60);
  world_.tick(1);
  EXPECT_EQ(reached(), 6u);
}

TEST_F(Paces, SoManyAtASite) {
  join(12, 3);
  start({0, 2, 0, 0});
  EXPECT_EQ(reached(), 6u);
  for (int round = 0; round < 3; ++round) {
    std::map<std::string, int> by_site;
    for (const auto& id : at_work()) ++by_site[world_.devices[id].report.facts.site];
    for (const auto& [site, count] : by_site) EXPECT_LE(count, 2) << site;
    if (round == 0) {
      const auto working = at_work();
      const auto of_site = [&](const std::string& id) { return world_.devices[id].report.facts.site == "site-1"; };
      world_.commit(*std::find_if(working.begin(), working.end(), of_site));
      world_.tick(1);
      EXPECT_EQ(reached(), 7u);
      world_.restart();
      world_.tick(1);
      EXPECT_EQ(reached(), 7u) << "who is at work where is known after a restart";
    }
    for (const auto& id : at_work()) world_.commit(id);
    world_.tick(1);
  }
  for (const auto& id : at_work()) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::completed) << status().waiting_for;
}

// Found by an audit: they were limited as if all of them were at one place.
TEST_F(Paces, ThoseThatNameNoSiteAreAtNoneTogether) {
  join(10);
  for (auto& [id, device] : world_.devices) move(id, "");
  const auto fit = [&](const Pace& pace) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.pace = pace;
    return world_.engine.fit(world_.start_of(rule));
  };
  move("d1000", "site-0");
  EXPECT_EQ(fit({.per_minute = 5}).without_site, 0u);
  EXPECT_EQ(describe_without_site(fit({.per_site = 2}).without_site),
            "9 targets name no site, and per_site does not limit them");
  const auto effects = start({.per_site = 2});
  EXPECT_EQ(reached(), 10u);
  EXPECT_THAT(World::why_of(effects, "rollout.started"), HasSubstr("9 targets name no site"));
  // Who comes to a site counts there from then on.
  for (const auto* id : {"d1001", "d1002", "d1003"}) move(id, "site-0");
  join(2);
  EXPECT_EQ(reached(), 10u);
  for (const auto* id : {"d1000", "d1001"}) world_.commit(id);
  world_.tick(1);
  EXPECT_EQ(reached(), 10u) << "two are still at work there";
  move("d1002", "");
  world_.tick(1);
  EXPECT_EQ(reached(), 11u);
}

TEST_F(Paces, WhoMovesWaitsForATurnAtItsNewSite) {
  join(6, 2);
  start({.per_site = 1});
  ASSERT_EQ(reached(), 2u);
  const auto workers = by_site(at_work());
  // All who waited at site-0 are at site-1 now, where somebody is at work.
  for (const auto& id : waiting_at("site-0")) move(id, "site-1");
  world_.commit(workers.at("site-0"));
  world_.tick(1);
  EXPECT_EQ(reached(), 2u) << "nobody waits at site-0";
  world_.restart();
  world_.tick(1);
  EXPECT_EQ(reached(), 2u);
  // One of them comes back, and does not wait for those at site-1.
  const auto back = waiting_at("site-1").front();
  move(back, "site-0");
  world_.tick(1);
  EXPECT_EQ(reached(), 3u);
  EXPECT_TRUE(world_.assigned_by("r").contains(back));
  world_.commit(workers.at("site-1"));
  world_.tick(1);
  EXPECT_EQ(reached(), 4u);
}

TEST_F(Paces, WhoMovesWhileItIsAtWorkCountsAtItsNewSite) {
  join(6, 2);
  start({.per_site = 1});
  ASSERT_EQ(reached(), 2u);
  const auto workers = by_site(at_work());
  move(workers.at("site-0"), "site-1");
  world_.tick(1);
  EXPECT_EQ(reached(), 3u) << "nobody is at work at site-0";
  world_.commit(workers.at("site-1"));
  world_.tick(1);
  EXPECT_EQ(reached(), 3u) << "the one that came is still at work at site-1";
  world_.restart();
  world_.tick(1);
  EXPECT_EQ(reached(), 3u);
  world_.commit(workers.at("site-0"));
  world_.tick(1);
  EXPECT_EQ(reached(), 4u);
}

// Places of members are used again: the turn of one that left is nobody's, least of all that of one at another site.
TEST_F(Paces, TheTurnOfOneThatLeftIsNobodyElses) {
  join(4, 2);
  start({.per_site = 1});
  ASSERT_EQ(reached(), 2u);
  const auto workers = by_site(at_work());
  EXPECT_TRUE(World::accepted(world_.command(CancelDevice{"r", waiting_at("site-0").front(), false})));
  auto facts = facts_of("rk3566", "eu");
  facts.site = "site-1";
  world_.devices["late"].report.active[1] = world_.release("reader@1").manifest;
  world_.join("late", facts);
  world_.commit(workers.at("site-0"));
  world_.tick(1);
  EXPECT_EQ(reached(), 2u) << "both that wait are at site-1, where one is at work";
  world_.commit(workers.at("site-1"));
  world_.tick(1);
  EXPECT_EQ(reached(), 3u);
}

TEST_F(Paces, JitterSpreadsAWaveOverTime) {
  join(200);
  start({0, 0, 0, 100});
  EXPECT_LT(reached(), 20u);
  world_.tick(50);
  EXPECT_NEAR(static_cast<double>(reached()), 100, 40);
  world_.tick(50);
  EXPECT_EQ(reached(), 200u);
}

TEST_F(Paces, NothingIsAssignedWhileItIsPausedAndTheRestFollowsLater) {
  join(20);
  start({60, 0, 0, 0});
  world_.command(PauseRollout{"r"});
  for (int second = 0; second < 30; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 1u);
  world_.command(ResumeRollout{"r", false});
  for (int second = 0; second < 30; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 20u);
}

TEST_F(Paces, ItCanBeChangedWhileTheRolloutRuns) {
  join(30, 3);
  start({0, 0, 2, 0});
  ASSERT_EQ(reached(), 2u);
  EXPECT_FALSE(World::accepted(world_.command(ChangePace{"none", {}})));
  auto effects = world_.command(ChangePace{"r", {0, 3, 0, 0}}, "alice", "the night is long");
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_EQ(World::reply(effects), "the pace of rollout r is now 3 at work at one site; it was 2 at work at once");
  EXPECT_EQ(World::count_audits(effects, audit::pace_changed), 1u);
  EXPECT_EQ(reached(), 9u) << "at once; the two that are at work count at their sites";
  world_.restart();
  for (int second = 0; second < 5; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 9u) << "the new pace is recorded";
  world_.command(ChangePace{"r", {60, 0, 0, 0}});
  for (int second = 0; second < 100 && reached() == 9; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 10u);
  world_.command(ChangePace{"r", {}});
  EXPECT_EQ(reached(), 30u) << "no limit any more";
  for (const auto& id : at_work()) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::completed);
  world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_FALSE(World::accepted(world_.command(ChangePace{"r", {1, 0, 0, 0}})));
}

TEST_F(Paces, ItCanBeLiftedWhileTheRolloutIsPaused) {
  join(10);
  start({.at_once = 2});
  ASSERT_EQ(reached(), 2u);
  world_.command(PauseRollout{"r"});
  EXPECT_TRUE(World::accepted(world_.command(ChangePace{"r", {}})));
  EXPECT_EQ(reached(), 2u);
  const auto resumed = world_.command(ResumeRollout{"r", false});
  EXPECT_TRUE(World::accepted(resumed));
  EXPECT_EQ(reached(), 10u);
  EXPECT_EQ(status().reached, 10u) << "each once";
}

TEST_F(Paces, ALateJoinerWaitsForItsTurnAndItsAuditSaysSo) {
  join(10);
  start({0, 0, 2, 0});
  world_.devices["late"].report.active[1] = world_.release("reader@1").manifest;
  const auto effects = world_.join("late", facts_of("rk3566", "eu"));
  EXPECT_TRUE(World::assigned_in(effects).empty());
  EXPECT_THAT(World::why_of(effects, audit::device_joined),
              HasSubstr("its turn comes at the rule's pace: 2 at work at once"));
  for (int round = 0; round < 8; ++round) {
    for (const auto& id : at_work()) world_.commit(id);
    world_.tick(1);
  }
  EXPECT_EQ(status().done, 11u);
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_F(Paces, WhoIsKeptBackByAnOrderLosesItsTurnAndNobodyElses) {
  join(4);
  GiveOrder order;
  order.scope = "device/d1002";
  order.kind = OrderKind::pause_updates;
  start({60, 0, 0, 0});
  ASSERT_EQ(reached(), 1u);
  if (world_.assigned_by("r").contains("d1002")) order.scope = "device/d1001";
  world_.command(order);
  for (int second = 0; second < 10; ++second) world_.tick(1);
  EXPECT_EQ(reached(), 3u);
  order.kind = OrderKind::resume;
  world_.command(order);
  world_.tick(1);
  EXPECT_EQ(reached(), 4u);
}

}  // namespace
}  // namespace muster::rules::test
