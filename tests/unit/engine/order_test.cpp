// Standing orders: which ones a scope holds, and what they keep the engine from doing.
#include <gtest/gtest.h>

#include <algorithm>

#include "schemas/limits.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class OrdersOf : public testing::Test {
 protected:
  OrdersOf() {
    for (int i = 0; i < 20; ++i) world_.add_release(Plane::model, "reader", std::to_string(i));
    for (const auto* id : {"a", "b"}) world_.join(id, facts_of("rk3566", "eu"));
    auto facts = facts_of("rk3566", "us");
    facts.tags = {"lab"};
    world_.join("c", facts);
  }
  std::vector<Effect> give(const std::string& scope, OrderKind kind, const std::string& release = {}) {
    GiveOrder order;
    order.scope = scope;
    order.kind = kind;
    if (!release.empty()) {
      order.plane = world_.release(release).plane;
      order.release = world_.release(release).manifest;
      order.release_name = release;
    }
    return world_.command(std::move(order), "carol", "because");
  }
  static const Direct* direct_in(const std::vector<Effect>& effects) {
    const Direct* found = nullptr;
    for (const auto& effect : effects) {
      if (const auto* direct = std::get_if<Direct>(&effect); direct != nullptr) found = direct;
    }
    return found;
  }
  std::vector<OrderKind> standing(const std::vector<Effect>& effects) {
    std::vector<OrderKind> kinds;
    const auto* direct = direct_in(effects);
    EXPECT_NE(direct, nullptr);
    if (direct != nullptr) {
      for (const auto& order : direct->orders) kinds.push_back(order.kind);
    }
    return kinds;
  }
  std::vector<Effect> start(const std::string& version, const std::string& targets = "true") {
    Wave all;
    all.name = "all";
    all.percent = 100;
    return world_.start(World::rule("r", targets, {{Plane::model, "reader", version}}, {all}));
  }

  World world_;
};

using Kinds = std::vector<OrderKind>;

TEST_F(OrdersOf, AScopeAreACompleteSnapshotWithTheirEpochs) {
  const auto first = give("fleet", OrderKind::safe_mode);
  EXPECT_EQ(direct_in(first)->epoch, 1u);
  EXPECT_EQ(direct_in(first)->orders[0].by, "carol");
  EXPECT_EQ(direct_in(first)->orders[0].reason, "because");
  const auto second = give("fleet", OrderKind::freeze, "reader@3");
  EXPECT_EQ(standing(second), (Kinds{OrderKind::safe_mode, OrderKind::freeze}));
  EXPECT_EQ(direct_in(second)->epoch, 2u);
  EXPECT_EQ(direct_in(second)->orders[0].epoch, 1u);
}

TEST_F(OrdersOf, TheEpochGrowsOverAllScopesAndRestarts) {
  give("fleet", OrderKind::safe_mode);
  EXPECT_EQ(direct_in(give("device/a", OrderKind::safe_mode))->epoch, 2u);
  world_.restart();
  EXPECT_EQ(direct_in(give("group/region=eu", OrderKind::safe_mode))->epoch, 3u);
}

TEST_F(OrdersOf, ResumeReplacesSafeModeAndPauseAndStandsItself) {
  give("fleet", OrderKind::safe_mode);
  give("fleet", OrderKind::pause_updates);
  give("fleet", OrderKind::freeze, "reader@3");
  EXPECT_EQ(standing(give("fleet", OrderKind::resume)), (Kinds{OrderKind::freeze, OrderKind::resume}));
  EXPECT_EQ(standing(give("fleet", OrderKind::safe_mode)), (Kinds{OrderKind::freeze, OrderKind::safe_mode}));
}

TEST_F(OrdersOf, OneRollbackAPlaneStands) {
  give("fleet", OrderKind::rollback, "reader@1");
  const auto effects = give("fleet", OrderKind::rollback, "reader@2");
  ASSERT_EQ(standing(effects), Kinds{OrderKind::rollback});
  EXPECT_EQ(world_.release_name(direct_in(effects)->orders[0].release), "reader@2");
}

TEST_F(OrdersOf, OneRequestForEvidenceStandsAndStandsInNobodysWay) {
  give("device/a", OrderKind::send_evidence);
  give("device/a", OrderKind::safe_mode);
  const auto again = give("device/a", OrderKind::send_evidence);
  EXPECT_EQ(standing(again), (Kinds{OrderKind::safe_mode, OrderKind::send_evidence}));
  EXPECT_EQ(direct_in(again)->orders[1].epoch, 3u) << "a new one: the device obeys it once more";
  EXPECT_EQ(standing(give("device/a", OrderKind::resume)), (Kinds{OrderKind::send_evidence, OrderKind::resume}));
  give("fleet", OrderKind::send_evidence);
  EXPECT_EQ(World::assigned_in(start("1")).size(), 3u);
  world_.restart();
  EXPECT_EQ(standing(give("device/a", OrderKind::send_evidence)), (Kinds{OrderKind::resume, OrderKind::send_evidence}));
}

TEST_F(OrdersOf, ThawTakesAFreezeBackAndNeedsOne) {
  give("fleet", OrderKind::freeze, "reader@1");
  EXPECT_FALSE(World::accepted(give("fleet", OrderKind::thaw, "reader@2")));
  EXPECT_EQ(standing(give("fleet", OrderKind::thaw, "reader@1")), Kinds{});
  EXPECT_FALSE(World::accepted(give("fleet", OrderKind::thaw, "reader@1")));
}

TEST_F(OrdersOf, FreezesLeaveRoomForEmergencyOrders) {
  std::size_t frozen = 0;
  while (World::accepted(give("fleet", OrderKind::freeze, "reader@" + std::to_string(frozen)))) ++frozen;
  EXPECT_GT(frozen, 5u);
  EXPECT_TRUE(World::accepted(give("fleet", OrderKind::safe_mode)));
  EXPECT_TRUE(World::accepted(give("fleet", OrderKind::pause_updates)));
  EXPECT_TRUE(World::accepted(give("fleet", OrderKind::send_evidence)));
  const auto effects = give("fleet", OrderKind::rollback, "reader@1");
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_LE(standing(effects).size(), limits::orders_max);
}

TEST_F(OrdersOf, ScopesAreChecked) {
  for (const auto* scope : {"", "device/", "device/.x", "group/region", "group/color=red", "fleet/all", "everything"}) {
    EXPECT_FALSE(World::accepted(give(scope, OrderKind::safe_mode))) << scope;
  }
  EXPECT_FALSE(World::accepted(give("fleet", OrderKind::rollback))) << "which release?";
}

TEST_F(OrdersOf, TheNumberOfScopesIsBounded) {
  world_.checking = false;
  for (std::size_t i = 0; i < limits::standing_scopes_max; ++i) {
    ASSERT_TRUE(World::accepted(give("device/d" + std::to_string(i), OrderKind::safe_mode)));
  }
  const auto refused = give("fleet", OrderKind::safe_mode);
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("use a group"), std::string::npos);
  EXPECT_TRUE(World::accepted(give("device/d7", OrderKind::resume))) << "a known scope still takes orders";
}

TEST_F(OrdersOf, ALongReasonIsCutBetweenCharacters) {
  GiveOrder order;
  order.scope = "fleet";
  std::string why;
  while (why.size() < limits::text_len_max) why += "ü";
  const auto effects = world_.command(order, "carol", why);
  const auto& reason = direct_in(effects)->orders[0].reason;
  EXPECT_LT(reason.size(), why.size());
  EXPECT_EQ(reason.size() % 2, 0u);
  EXPECT_EQ(why.substr(0, reason.size()), reason);
}

TEST_F(OrdersOf, AFrozenReleaseIsNotStarted) {
  give("fleet", OrderKind::freeze, "reader@3");
  const auto refused = start("3");
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("thaw"), std::string::npos);
  EXPECT_TRUE(World::accepted(start("4")));
}

TEST_F(OrdersOf, AFreezeOfAGroupHoldsItsDevicesBackUntilTheThaw) {
  give("group/tag=lab", OrderKind::freeze, "reader@3");
  start("3");
  EXPECT_EQ(world_.assigned_by("r"), (std::set<std::string>{"a", "b"}));
  world_.commit("a");
  world_.commit("b");
  EXPECT_EQ(world_.status("r").state, RolloutState::running);
  EXPECT_NE(world_.status("r").waiting_for.find("group/tag=lab"), std::string::npos);
  world_.restart();
  EXPECT_NE(world_.status("r").waiting_for.find("group/tag=lab"), std::string::npos);
  give("group/tag=lab", OrderKind::thaw, "reader@3");
  world_.commit("c");
  EXPECT_EQ(world_.status("r").state, RolloutState::completed);
}

TEST_F(OrdersOf, ADeviceThatLeavesTheFrozenGroupIsServed) {
  give("group/tag=lab", OrderKind::freeze, "reader@3");
  start("3");
  world_.devices["c"].report.facts.tags.clear();
  world_.report("c");
  EXPECT_TRUE(world_.assigned_by("r").contains("c"));
}

TEST_F(OrdersOf, AFreezeForTheFleetStopsARunningRollout) {
  start("3", "device.region == \"eu\"");
  give("fleet", OrderKind::freeze, "reader@3");
  EXPECT_NE(world_.status("r").waiting_for.find("frozen"), std::string::npos);
  EXPECT_TRUE(World::assigned_in(world_.join("late", facts_of("rk3566", "eu"))).empty());
  EXPECT_EQ(World::assigned_in(give("fleet", OrderKind::thaw, "reader@3")), std::vector<std::string>{"late"});
}

TEST_F(OrdersOf, APauseOfUpdatesHoldsBackUntilResume) {
  give("group/region=us", OrderKind::pause_updates);
  start("3");
  EXPECT_EQ(world_.assigned_by("r"), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(World::assigned_in(give("group/region=us", OrderKind::resume)), std::vector<std::string>{"c"});
}

TEST_F(OrdersOf, WhatAnOrderKeepsFromWorkingDoesNotTimeOut) {
  start("3");
  give("device/c", OrderKind::safe_mode);
  world_.commit("a");
  world_.commit("b");
  world_.tick(100'000);
  EXPECT_EQ(world_.status("r").failed, 0u);
  give("device/c", OrderKind::resume);
  world_.tick(3599);
  EXPECT_EQ(world_.status("r").failed, 0u);
  world_.tick(1);
  EXPECT_EQ(world_.status("r").failed, 1u);
}

// Naming devices takes a look at all of them. In a large rollout no report does that: the next tick does.
TEST_F(OrdersOf, TheSentenceOfALargeRolloutFollowsWithTheTick) {
  for (int i = 1000; i < 2100; ++i) world_.join("x" + std::to_string(i), facts_of("rk3566", "de"));
  start("3", "device.region == \"de\"");
  give("group/region=de", OrderKind::safe_mode);
  EXPECT_EQ(
      world_.status("r").waiting_for,
      "safe mode is ordered in group/region=de by carol, which keeps x1000, x1001, x1002 and 1097 more of wave all "
      "(100 %) from finishing; resume there, or abort");
  world_.commit("x1000");
  EXPECT_EQ(world_.status("r").done, 1u) << "counts are never late";
  EXPECT_NE(world_.status("r").waiting_for.find("x1000, x1001, x1002 and 1097 more"), std::string::npos);
  const auto effects = world_.tick(1);
  EXPECT_NE(world_.status("r").waiting_for.find("x1001, x1002, x1003 and 1096 more"), std::string::npos);
  EXPECT_TRUE(std::any_of(effects.begin(), effects.end(),
                          [](const Effect& effect) { return std::holds_alternative<RolloutStatusChanged>(effect); }));
  EXPECT_TRUE(world_.tick(1).empty()) << "nothing is due any more";
  give("group/region=de", OrderKind::resume);
  EXPECT_EQ(world_.status("r").waiting_for, "");
}

TEST_F(OrdersOf, RepublishGivesEveryScope) {
  give("fleet", OrderKind::freeze, "reader@3");
  give("fleet", OrderKind::thaw, "reader@3");
  give("device/a", OrderKind::safe_mode);
  world_.restart();
  std::vector<Effect> effects;
  world_.engine.republish(effects);
  std::vector<std::string> scopes;
  for (const auto& effect : effects) {
    if (const auto* direct = std::get_if<Direct>(&effect); direct != nullptr) scopes.push_back(direct->scope);
  }
  EXPECT_EQ(scopes, (std::vector<std::string>{"device/a", "fleet"}))
      << "an empty scope too: it replaces what is retained";
}

}  // namespace
}  // namespace muster::rules::test
