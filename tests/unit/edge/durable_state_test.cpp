// The durable state and its bytes, and the versions and checks that decide what may run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "edge-client/agent/checks.h"
#include "edge-client/agent/durable_state.h"
#include "schemas/version_order.h"
#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

Bytes a_full_state() {
  Bench bench;
  for (const auto* ref : {"m@1", "m@2"}) bench.release(ref);
  bench.release("c@1", Plane::config);
  bench.start();
  bench.assign(1, {"m@1", "c@1"});
  bench.wait_s(10);
  bench.direct("fleet", 3, {{OrderKind::freeze, 3, Plane::model, Bench::digest("x"), "why", "who"}});
  bench.assign(2, {"m@2"}, 1000);
  return bench.journal;
}

// As format 2 had it: without the time at which a wait ends.
Bytes without_waits(const DurableState& state) {
  auto bytes = encode(state);
  auto other = state;
  other.attempt.wait_ends_s = ~state.attempt.wait_ends_s;
  const auto changed = encode(other);
  const auto place = std::mismatch(bytes.begin(), bytes.end(), changed.begin()).first;
  bytes.erase(place, place + sizeof state.attempt.wait_ends_s);
  bytes[0] = 2;
  return bytes;
}

TEST(DurableStateBytes, ComeBackAsTheyWere) {
  const auto bytes = a_full_state();
  const auto state = decode(bytes);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->attempt.phase, AttemptPhase::soaking);
  EXPECT_EQ(state->attempt.changes.size(), 1u);
  EXPECT_EQ(state->scopes.at(0).orders.at(0).reason, "why");
  EXPECT_EQ(encode(*state), bytes);
}

// What the shell has to look at before the agent starts: in the soak also the version that it may have to go back to.
TEST(DurableStateSlots, AreThoseOfPlanesAndAttemptEachOnce) {
  const auto state = decode(a_full_state());
  ASSERT_TRUE(state.has_value());
  EXPECT_THAT(slots_spoken_of(*state), testing::UnorderedElementsAre(SlotKey{Plane::model, Bench::digest("m@1")},
                                                                     SlotKey{Plane::model, Bench::digest("m@2")},
                                                                     SlotKey{Plane::config, Bench::digest("c@1")}));
  EXPECT_TRUE(slots_spoken_of(DurableState{}).empty());
}

// What the agent before wrote is no damage: phase, releases and all come across, and nothing has been waited for.
TEST(DurableStateBytes, OfTheFormatBeforeAreRead) {
  auto state = decode(a_full_state()).value();
  for (const auto phase : {AttemptPhase::fetching, AttemptPhase::soaking, AttemptPhase::rolling_back}) {
    state.attempt.phase = phase;
    const auto bytes = encode(state);
    auto older = without_waits(state);
    const auto read = decode(older);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->attempt.phase, phase);
    EXPECT_EQ(encode(*read), bytes);
    older.push_back(0);
    EXPECT_FALSE(decode(older).has_value());
  }
}

TEST(DurableStateBytes, CarryHoldAndShadow) {
  Bench bench;
  bench.release("m@1");
  bench.release("m@2").shadow = "replay";
  bench.start();
  bench.assign(1, {"m@1"}, 10, Hold::before_commit);
  bench.wait_s(10);
  auto state = decode(bench.journal).value();
  EXPECT_EQ(state.attempt.phase, AttemptPhase::held);
  EXPECT_EQ(state.attempt.assignment.hold, Hold::before_commit);
  bench.assign(2, {"m@1"});
  bench.assign(3, {"m@1"}, 100, Hold::none, {"m@2"});
  state = decode(bench.journal).value();
  EXPECT_EQ(state.attempt.phase, AttemptPhase::shadowing);
  EXPECT_EQ(state.attempt.aim, AttemptAim::shadow);
  ASSERT_EQ(state.attempt.assignment.shadow.size(), 1u);
  EXPECT_EQ(state.attempt.assignment.shadow[0].version, "2");
  EXPECT_EQ(encode(state), bench.journal);
}

// A damaged journal must never make a shadow the active release.
TEST(DurableStateBytes, OfAShadowThatWasSwappedAreNone) {
  Bench bench;
  bench.release("m@1");
  bench.release("m@2").shadow = "replay";
  bench.start();
  bench.assign(1, {"m@1"});
  bench.wait_s(10);
  bench.assign(2, {"m@1"}, 100, Hold::none, {"m@2"});
  const auto good = decode(bench.journal).value();
  const auto refused = [&](auto change) {
    auto state = good;
    change(state.attempt);
    return !decode(encode(state)).has_value();
  };
  EXPECT_FALSE(refused([](auto&) {}));
  for (const auto phase : {AttemptPhase::swapped, AttemptPhase::probing, AttemptPhase::soaking, AttemptPhase::held})
    EXPECT_TRUE(refused([&](auto& attempt) { attempt.phase = phase; }));
  EXPECT_TRUE(refused([](auto& attempt) { attempt.swap_begun = 1; }));
  EXPECT_TRUE(refused([](auto& attempt) { attempt.aim = AttemptAim::change; }));
  EXPECT_TRUE(refused([](auto& attempt) { attempt.assignment.shadow.clear(); }));
  EXPECT_TRUE(refused([](auto& attempt) { attempt.aim = AttemptAim::repair; })) << "in phase shadowing";
}

TEST(DurableStateBytes, OfAnyOtherLengthAreNone) {
  const auto bytes = a_full_state();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode({bytes.data(), size}).has_value()) << size;
  }
  auto longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decode(longer).has_value());
}

TEST(DurableStateBytes, HostileOnesAreRefusedOrReadWithinBounds) {
  constexpr std::uint32_t seed = 20261121;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto good = a_full_state();
  for (int i = 0; i < 20000; ++i) {
    auto bytes = good;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    const auto state = decode(bytes);
    if (!state) continue;
    EXPECT_LE(state->attempt.changes.size(), plane_count);
    EXPECT_LE(state->attempt.swap_begun, state->attempt.changes.size());
    EXPECT_LE(state->scopes.size(), limits::scopes_max);
  }
}

TEST(Versions, AreComparedPartByPart) {
  const auto older = [](const char* a, const char* b) {
    EXPECT_LT(compare_versions(a, b), 0) << a << " < " << b;
    EXPECT_GT(compare_versions(b, a), 0) << b << " > " << a;
  };
  older("1", "2");
  older("2.9", "2.10");
  older("2.1", "2.1.1");
  older("2.1.0-rc1", "2.1.0");
  older("2.1.0-rc1", "2.1.0-rc2");
  older("2.1.0-rc1", "2.1.0.1");
  older("9", "00010");
  older("1.a", "1.1");
  older("99999999999999999999", "100000000000000000000");
  EXPECT_EQ(compare_versions("2.1.0", "2.1.0"), 0);
  EXPECT_EQ(compare_versions("01.2", "1.2"), 0);
}

}  // namespace
}  // namespace muster::edge
