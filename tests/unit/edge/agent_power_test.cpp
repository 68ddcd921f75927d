// The power goes after every single operation of a scenario; after the restart everything must end as if it had not, or
// back where it was: never in between, never on something unknown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using Scenario = std::function<void(Bench&)>;

void make_world(Bench& bench) {
  for (const auto* ref : {"m@1", "m@2"}) bench.release(ref);
  for (const auto* ref : {"c@1", "c@2"}) bench.release(ref, Plane::config);
  bench.start();
  bench.assign(1, {"m@1", "c@1"});
  bench.wait_s(10);
  bench.operations = 0;
}

// Runs `scenario` with a cut after 0, 1, 2, … operations, then starts again and gives the device time. `events` come
// once more after the restart, as the broker's retained messages do.
void with_every_cut(const Scenario& prepare, const Scenario& events,
                    const std::function<void(Bench&, std::size_t cut)>& check) {
  std::size_t total = 0;
  {
    Bench whole;
    make_world(whole);
    prepare(whole);
    whole.operations = 0;
    events(whole);
    whole.wait_s(60);
    total = whole.operations;
  }
  ASSERT_GE(total, 3u);
  for (std::size_t cut = 0; cut <= total; ++cut) {
    SCOPED_TRACE("power lost after operation " + std::to_string(cut) + " of " + std::to_string(total));
    Bench bench;
    make_world(bench);
    prepare(bench);
    bench.operations_left = cut;
    try {
      events(bench);
      bench.wait_s(60);
    } catch (const PowerCut&) {
    }
    bench.lose_power();
    bench.check_invariants();
    bench.start();
    bench.check_invariants();
    events(bench);
    bench.wait_s(60);
    check(bench, cut);
    bench.check_invariants();
  }
}

TEST(PowerCut, AGoodUpdateIsCompleted) {
  with_every_cut([](Bench&) {},
                 [](Bench& bench) {
                   bench.assign(2, {"m@2", "c@2"});
                 },
                 [](Bench& bench, std::size_t) {
                   EXPECT_EQ(bench.phase(), AttemptPhase::committed);
                   EXPECT_EQ(bench.active(Plane::model), "m@2");
                   EXPECT_EQ(bench.active(Plane::config), "c@2");
                   EXPECT_EQ(bench.previous(Plane::model), "m@1");
                   EXPECT_EQ(bench.previous(Plane::config), "c@1");
                 });
}

TEST(PowerCut, ABadUpdateEndsWhereItBegan) {
  with_every_cut([](Bench& bench) { bench.probe_fails["c@2"] = ErrorCode::probe_failed; },
                 [](Bench& bench) {
                   bench.assign(2, {"m@2", "c@2"});
                 },
                 [](Bench& bench, std::size_t) {
                   EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
                   EXPECT_EQ(bench.error(), ErrorCode::probe_failed);
                   EXPECT_EQ(bench.active(Plane::model), "m@1");
                   EXPECT_EQ(bench.active(Plane::config), "c@1");
                 });
}

TEST(PowerCut, AHoldBeforeTheSwapIsKeptAndReleased) {
  with_every_cut([](Bench&) {},
                 [](Bench& bench) {
                   bench.assign(2, {"m@2", "c@2"}, 10, Hold::before_swap);
                 },
                 [](Bench& bench, std::size_t) {
                   EXPECT_EQ(bench.phase(), AttemptPhase::staged);
                   EXPECT_EQ(bench.active(Plane::model), "m@1");
                   EXPECT_EQ(bench.active(Plane::config), "c@1");
                 });
  with_every_cut(
      [](Bench& bench) {
        bench.assign(2, {"m@2", "c@2"}, 10, Hold::before_swap);
      },
      [](Bench& bench) {
        bench.assign(3, {"m@2", "c@2"});
      },
      [](Bench& bench, std::size_t) {
        EXPECT_EQ(bench.phase(), AttemptPhase::committed);
        EXPECT_EQ(bench.active(Plane::model), "m@2");
        EXPECT_EQ(bench.active(Plane::config), "c@2");
        EXPECT_EQ(bench.previous(Plane::model), "m@1");
      });
}

TEST(PowerCut, AHoldBeforeTheCommitIsKeptAndReleased) {
  with_every_cut([](Bench&) {},
                 [](Bench& bench) {
                   bench.assign(2, {"m@2", "c@2"}, 10, Hold::before_commit);
                 },
                 [](Bench& bench, std::size_t) {
                   EXPECT_EQ(bench.phase(), AttemptPhase::held);
                   EXPECT_EQ(bench.active(Plane::model), "m@2");
                   EXPECT_EQ(bench.active(Plane::config), "c@2");
                   EXPECT_TRUE(bench.agent->durable().planes[1].previous.empty()) << "nothing is committed";
                 });
  with_every_cut(
      [](Bench& bench) {
        bench.assign(2, {"m@2", "c@2"}, 10, Hold::before_commit);
        bench.wait_s(11);
      },
      [](Bench& bench) {
        bench.assign(3, {"m@2", "c@2"});
      },
      [](Bench& bench, std::size_t) {
        EXPECT_EQ(bench.phase(), AttemptPhase::committed);
        EXPECT_EQ(bench.active(Plane::model), "m@2");
        EXPECT_EQ(bench.previous(Plane::config), "c@1");
      });
}

TEST(PowerCut, AShadowIsRunAndNothingIsSwitched) {
  with_every_cut([](Bench& bench) { bench.release("m@2").shadow = "replay"; },
                 [](Bench& bench) {
                   bench.assign(2, {"m@1", "c@1"}, 10, Hold::none, {"m@2", "c@2"});
                 },
                 [](Bench& bench, std::size_t) {
                   EXPECT_EQ(bench.phase(), AttemptPhase::committed);
                   EXPECT_GE(bench.shadow_runs, 1u);
                   EXPECT_TRUE(bench.shadow().empty());
                   EXPECT_EQ(bench.active(Plane::model), "m@1");
                   EXPECT_EQ(bench.active(Plane::config), "c@1");
                   EXPECT_EQ(bench.previous(Plane::model), "");
                   EXPECT_EQ(bench.slots[Plane::model].count(Bench::digest("m@2")), 1u);
                 });
}

TEST(PowerCut, ADirectedRollbackIsCompleted) {
  const StandingOrder order{OrderKind::rollback, 7, Plane::model, Bench::digest("m@2"), "bad", "alice"};
  with_every_cut(
      [](Bench& bench) {
        bench.assign(2, {"m@2"});
        bench.wait_s(10);
      },
      [&](Bench& bench) { bench.direct("fleet", 7, {order}); },
      [](Bench& bench, std::size_t) {
        EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
        EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
        EXPECT_EQ(bench.active(Plane::model), "m@1");
        EXPECT_EQ(bench.state(), DeviceState::rolled_back);
      });
}

class Power : public testing::Test {
 protected:
  void SetUp() override { make_world(bench); }
  Bench bench;
};

TEST_F(Power, AReleaseThatCrashesTheDeviceIsGivenUp) {
  bench.assign(2, {"m@2"}, 1000);
  ASSERT_EQ(bench.phase(), AttemptPhase::soaking);
  for (std::uint32_t i = 1; i < Agent::crashes_max; ++i) {
    bench.lose_power();
    bench.start();
    EXPECT_EQ(bench.phase(), AttemptPhase::soaking) << i;
  }
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Power, OrderlyRestartsAreNoCrashes) {
  bench.assign(2, {"m@2"}, 1000);
  for (int i = 0; i < 10; ++i) {
    bench.stop_in_order();
    bench.start();
  }
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Power, TimeOffIsNotWatchedTime) {
  bench.assign(2, {"m@2"}, 100);
  bench.wait_s(40);
  bench.stop_in_order();
  bench.now_s += 100000;
  bench.start();
  bench.wait_s(59);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Power, EachStartIsAnotherBoot) {
  const auto before = bench.agent->snapshot().boot_id;
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.agent->snapshot().boot_id, before + 1);
}

TEST_F(Power, ADamagedActiveSlotGivesWayToThePrevious) {
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@2"));
  bench.start();
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::slot_damaged);
}

TEST_F(Power, ADamagedActiveSlotWithoutAPreviousIsFetchedAgain) {
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  const auto fetched = bench.fetch_count("m@1");
  bench.start();
  bench.wait_s(10);
  EXPECT_EQ(bench.fetch_count("m@1"), fetched + 1);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Power, ADamagedPreviousIsNotGoneBackTo) {
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  bench.start();
  EXPECT_TRUE(bench.agent->snapshot().planes[index_of(Plane::model)].previous.empty());
  bench.direct("fleet", 1, {{OrderKind::rollback, 1, Plane::model, Bench::digest("m@2"), "", ""}});
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.error(), ErrorCode::no_previous);
}

// The slot is removed with the next cleaning; a link that still named it would lead nowhere.
TEST_F(Power, ADamagedPreviousIsNoLongerLinked) {
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  bench.start();
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.previous(), "");
}

// Wherever in an attempt of another plane the power went.
TEST_F(Power, ADamagedPreviousIsNoLongerLinkedDuringAnAttempt) {
  bool done = false;
  for (std::size_t cut = 0; !done; ++cut) {
    SCOPED_TRACE("power lost after operation " + std::to_string(cut));
    Bench device;
    make_world(device);
    device.assign(2, {"m@2"});
    device.wait_s(10);
    device.operations_left = cut;
    try {
      device.assign(3, {"c@2"});
      device.wait_s(10);
      done = true;
    } catch (const PowerCut&) {
    }
    device.operations_left.reset();
    device.lose_power();
    device.damaged.insert(Bench::digest("m@1"));
    device.start();
    device.assign(3, {"c@2"});
    device.wait_s(60);
    EXPECT_EQ(device.active(Plane::config), "c@2");
    EXPECT_EQ(device.active(), "m@2");
    EXPECT_EQ(device.previous(), "");
    ASSERT_LT(cut, 100u);
  }
}

TEST_F(Power, LinksThatSomeoneChangedAreSetAgain) {
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  bench.stop_in_order();
  bench.links[Plane::model] = {Bench::digest("m@1"), {}};
  bench.start();
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.previous(), "m@1");
}

// First what the device is to run is there again; whether the shadow has run decides whether it comes after that.
TEST(ShadowPower, ADamagedActiveSlotWithoutAWayBackIsRepairedFirst) {
  for (const bool ended : {false, true}) {
    Bench device;
    device.release("m@1");
    device.release("m@2").shadow = "replay";
    device.start();
    device.assign(1, {"m@1"});
    device.wait_s(10);
    device.assign(2, {"m@1"}, 10, Hold::none, {"m@2"});
    if (ended) device.wait_s(10);
    ASSERT_EQ(device.phase(), ended ? AttemptPhase::committed : AttemptPhase::shadowing);
    device.stop_in_order();
    device.damaged.insert(Bench::digest("m@1"));
    device.start();
    EXPECT_EQ(device.phase(), AttemptPhase::soaking);
    device.stop_in_order();
    device.start();
    EXPECT_EQ(device.phase(), AttemptPhase::soaking) << "what it is about outlives a restart";
    device.wait_s(10);
    EXPECT_EQ(device.active(), "m@1");
    EXPECT_EQ(device.phase(), ended ? AttemptPhase::committed : AttemptPhase::shadowing);
    device.wait_s(10);
    EXPECT_EQ(device.phase(), AttemptPhase::committed);
    EXPECT_EQ(device.active(), "m@1");
  }
}

}  // namespace
}  // namespace muster::edge
