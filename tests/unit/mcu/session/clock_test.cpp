// Time: back-off and its jitter, keep-alive, health windows, the watchdog, a client that waits without spinning, and a
// millisecond clock beyond 32 bits.
#include "tests/support/long_form.h"
#include "tests/unit/mcu/session/session_test.h"
#include "trust/sha256.h"

namespace muster::mcu::sim {
namespace {

using muster::testing::size_for;
using wire::AttemptState;

constexpr std::uint64_t wrap_ms = std::uint64_t{1} << 32;

// --- connecting again ---

TEST(McuSessionClock, BackOffGrowsToItsLimitByTheRandomNumbersThatItDrew) {
  std::uint64_t at_limit_ms = 0, waits_at_limit = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    DeviceSpec spec;
    spec.seed = seed;
    TestWorld world(spec);
    world.broker.reachable = false;
    ASSERT_TRUE(world.device.start());
    ASSERT_TRUE(world.until([&] { return world.broker.opens == 14; }, 1000000));
    const auto& at_ms = world.broker.open_ms;
    ASSERT_GE(world.device.random.size(), 13u);
    std::uint64_t longest_ms = 1000;
    for (unsigned i = 1; i < 14; ++i) {
      const auto waited_ms = at_ms[i] - at_ms[i - 1];
      const auto drawn_ms = world.device.random[i - 1] % (longest_ms + 1);
      EXPECT_GE(waited_ms, drawn_ms) << i;
      EXPECT_LE(waited_ms, drawn_ms + Client::idle_ms) << i;
      if (longest_ms == 60000) {
        at_limit_ms += waited_ms;
        ++waits_at_limit;
      }
      longest_ms = std::min<std::uint64_t>(longest_ms * 2, 60000);
    }
  }
  // Spread over all of it, not around one place: a fleet must not come back at once.
  EXPECT_GT(at_limit_ms / waits_at_limit, 20000u);
  EXPECT_LT(at_limit_ms / waits_at_limit, 40000u);
}

TEST(McuSessionClock, AConnectionThatCameToBeStartsTheBackOffAnew) {
  TestWorld world;
  world.broker.reachable = false;
  ASSERT_TRUE(world.device.start());
  world.run(300000);
  world.broker.reachable = true;
  const auto connected = [&] { return world.device.client().connected(); };
  ASSERT_TRUE(world.until(connected, 61000));
  for (unsigned i = 0; i < 5; ++i) {
    const auto lost_ms = world.now_ms;
    world.broker.drop();
    ASSERT_TRUE(world.until([&] { return !connected(); }, 100));
    ASSERT_TRUE(world.until(connected, 2000));
    EXPECT_LE(world.now_ms - lost_ms, 1100u);
  }
}

// --- a link that is idle, and one that is dead ---

DeviceSpec quiet() {
  DeviceSpec spec;
  spec.settings.health_window_ms = 100 * 3600 * 1000;
  return spec;
}

TEST(McuSessionClock, AnIdleConnectionIsKeptAlive) {
  TestWorld world(quiet());
  ASSERT_TRUE(world.start_and_settle());
  world.run(900000);
  EXPECT_GE(world.broker.pings, 18u);
  EXPECT_LE(world.broker.pings, 21u) << "every three quarters of a minute";
  EXPECT_EQ(world.broker.connected.size(), 1u);
}

TEST(McuSessionClock, AHalfOpenConnectionIsFoundWithinAMinute) {
  for (const bool takes : {true, false}) {
    TestWorld world(quiet());
    ASSERT_TRUE(world.start_and_settle());
    world.run(1000);
    world.broker.answers = false;
    world.broker.takes = takes;
    const auto dead_ms = world.now_ms;
    ASSERT_TRUE(world.until([&] { return world.broker.opens == 2; }, 100000)) << takes;
    EXPECT_LE(world.now_ms - dead_ms, 45000u + 10000u + 1000u + 3 * Client::idle_ms);
    world.broker.answers = world.broker.takes = true;
    EXPECT_TRUE(world.until([&] { return world.broker.has_session(); }, 100000));
  }
}

TEST(McuSessionClock, AConnackThatNeverComesIsNotWaitedForWithoutEnd) {
  TestWorld world;
  world.broker.answers = false;
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until([&] { return world.broker.opens == 2; }, 20000));
  const auto waited_ms = world.broker.open_ms[1] - world.broker.open_ms[0];
  EXPECT_GE(waited_ms, 10000u);
  EXPECT_LE(waited_ms, 11100u);
}

// --- waiting costs nothing ---

TEST(McuSessionClock, AWaitingClientDoesNotSpin) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.run(1000);
  const auto busy_in = [&](std::uint64_t ms) {
    const auto before = world.busy_polls;
    world.run(ms);
    return world.busy_polls - before;
  };
  EXPECT_EQ(busy_in(40000), 0u) << "connected, with nothing to do";
  world.broker.serves = false;
  world.assign(1, {&test_releases().model});
  ASSERT_TRUE(world.until([&] { return world.asked() == 1; }));
  world.run(500);
  EXPECT_EQ(busy_in(4000), 0u) << "waiting for a chunk";
  EXPECT_LE(busy_in(30000), 20u) << "asking for it again, and reporting that it waits";
  world.broker.serves = true;
  world.broker.before_chunk = [](ChunkAnswer& answer) { answer.status = wire::ChunkStatus::busy; };
  world.run(30000);
  EXPECT_LE(busy_in(30000), 30u) << "waiting for a busy broker";
  world.broker.before_chunk = nullptr;
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  world.broker.reachable = false;
  world.broker.drop();
  EXPECT_LE(busy_in(60000), 1u) << "waiting for the next attempt to connect";
}

TEST(McuSessionClock, AnUpdateTakesFewPolls) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  const auto busy = world.busy_polls;
  world.assign(1, {&test_releases().firmware, &test_releases().model, &test_releases().config});
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  EXPECT_LT(world.busy_polls - busy, 120u);
}

// --- health ---

TEST(McuSessionClock, HealthWindowsFollowEachOtherAndCountEverythingOnce) {
  DeviceSpec spec;
  spec.unix_s = 1790000000;
  TestWorld world(spec);
  std::uint64_t inferences = 0;
  world.before_poll = [&] {
    if (!world.device.running() || world.polls % 10 != 0) return;
    world.device.client().inference(1000);
    ++inferences;
  };
  ASSERT_TRUE(world.start_and_settle());
  const auto until_healths = [&](std::size_t count) {
    return world.until([&] { return world.broker.healths.size() >= count; }, 1000000);
  };
  ASSERT_TRUE(until_healths(5));
  world.broker.reachable = false;  // five minutes away
  world.broker.drop();
  world.run(300000);
  world.broker.reachable = true;
  ASSERT_TRUE(until_healths(7));
  const auto& seen = world.broker.healths;
  std::uint64_t reported = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].seq, i + 1);
    EXPECT_EQ(seen[i].boot_id, 1u);
    reported += seen[i].inferences;
    if (i == 0) continue;
    const auto end_s = seen[i - 1].window_start_s + seen[i - 1].window_s;
    EXPECT_LE(seen[i].window_start_s - end_s, 1u) << i;
    EXPECT_TRUE(i >= 5 || seen[i].window_s == 60) << i;
  }
  EXPECT_GE(seen[5].window_s, 300u) << "the window that nobody could be told of grew";
  EXPECT_LE(reported, inferences);
  EXPECT_GE(reported + 130, inferences) << "all but those of the window that has begun";
  // Another start, another numbering.
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(until_healths(9));
  EXPECT_EQ(seen[7].boot_id, 2u);
  EXPECT_EQ(seen[7].seq, 1u);
  EXPECT_EQ(seen[8].seq, 2u);
}

TEST(McuSessionClock, AHealthSummaryWhoseLinkIsLostIsNotCountedTwice) {
  DeviceSpec spec;
  spec.settings.health_window_ms = 2000;
  TestWorld world(spec);
  std::uint64_t inferences = 0;
  world.before_poll = [&] {
    if (!world.device.running()) return;
    world.device.client().inference(1000);
    ++inferences;
    if (world.polls % 97 == 0) world.broker.drop();
  };
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until([&] { return world.broker.healths.size() >= 20; }, 600000));
  std::uint64_t reported = 0;
  for (std::size_t i = 0; i < world.broker.healths.size(); ++i) {
    EXPECT_EQ(world.broker.healths[i].seq, i + 1);
    reported += world.broker.healths[i].inferences;
  }
  EXPECT_LE(reported, inferences);
  EXPECT_GE(reported + 1000, inferences);
}

// --- the watchdog ---

TEST(McuSessionClock, TheWatchdogIsFedOnlyWhileTheWorkloadLives) {
  DeviceSpec spec;
  spec.watchdog_ms = 4000;
  TestWorld world(spec);
  ASSERT_TRUE(world.start_and_settle());
  world.run(60000);
  EXPECT_EQ(world.device.bites, 0u);
  const auto feeds = world.device.feeds;
  world.run(1000);
  EXPECT_GT(world.device.feeds, feeds);
  world.device.workload_lives = false;
  const auto silent_ms = world.now_ms;
  ASSERT_TRUE(world.until([&] { return world.device.bites == 1; }, 30000));
  EXPECT_GE(world.now_ms - silent_ms, 13900u);
  EXPECT_LE(world.now_ms - silent_ms, 14100u) << "10 s without a sign of life, and the watchdog's own 4 s";
  world.device.workload_lives = true;
  world.run(60000);
  EXPECT_EQ(world.device.bites, 1u);
}

TEST(McuSessionClock, AWorkloadThatIsOffNeedsNoSignOfLife) {
  DeviceSpec spec;
  spec.watchdog_ms = 4000;
  TestWorld world(spec);
  ASSERT_TRUE(world.start_and_settle());
  world.order(1, {{OrderKind::safe_mode, 1, {}, {}, "", ""}});
  ASSERT_TRUE(world.until([&] { return world.device.mode == WorkloadMode::off; }));
  world.device.workload_lives = false;
  world.run(120000);
  EXPECT_EQ(world.device.bites, 0u);
  world.order(2, {});
  ASSERT_TRUE(world.until([&] { return world.device.mode == WorkloadMode::normal; }));
  EXPECT_TRUE(world.until([&] { return world.device.bites == 1; }, 30000));
}

TEST(McuSessionClock, ASilentWorkloadEndsInSafeModeAndTheClientStaysUp) {
  DeviceSpec spec;
  spec.watchdog_ms = 4000;
  TestWorld world(spec);
  ASSERT_TRUE(world.start_and_settle());
  world.device.workload_lives = false;
  ASSERT_TRUE(world.until([&] { return world.device.mode == WorkloadMode::off; }, 300000));
  EXPECT_EQ(world.device.bites, 5u);
  world.run(120000);
  EXPECT_EQ(world.device.bites, 5u);
  EXPECT_EQ(world.last_state().device, wire::DeviceState::safe_mode);
}

// --- the clock on the wall ---

TEST(McuSessionClock, TheZoneIsSaidFromTheFirstReportOnAndAnewWhenItChanges) {
  DeviceSpec spec;
  spec.utc_offset_min = 60;
  TestWorld world(spec);
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_FALSE(world.broker.states.empty());
  for (const auto& state : world.broker.states) EXPECT_EQ(state.utc_offset_min, 60);
  const auto reports_after = [&](int offset_min) {
    const auto before = world.broker.states.size();
    world.device.client().utc_offset_min(static_cast<std::int16_t>(offset_min));
    world.run(5000);
    return world.broker.states.size() - before;
  };
  EXPECT_EQ(reports_after(60), 0u) << "nothing new";
  EXPECT_EQ(reports_after(120), 1u) << "summer time";
  EXPECT_EQ(world.last_state().utc_offset_min, 120);
  EXPECT_EQ(reports_after(841), 1u) << "a report that said so would be refused";
  EXPECT_EQ(world.last_state().utc_offset_min, limits::utc_offset_unsaid);
  EXPECT_EQ(reports_after(-721), 0u);
  for (const int offset_min : {-720, 0, 840}) {
    EXPECT_EQ(reports_after(offset_min), 1u);
    EXPECT_EQ(world.last_state().utc_offset_min, offset_min);
  }
  ASSERT_TRUE(world.device.start());
  world.run(5000);
  EXPECT_EQ(world.last_state().boot_id, 2u);
  EXPECT_EQ(world.last_state().utc_offset_min, 60) << "flash does not keep it";
}

TEST(McuSessionClock, AZoneThatIsToldWithoutALinkIsReportedWithTheNextOne) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  EXPECT_EQ(world.last_state().utc_offset_min, limits::utc_offset_unsaid) << "an application that says nothing";
  world.broker.reachable = false;
  world.broker.drop();
  world.run(5000);
  world.device.client().utc_offset_min(-330);
  world.run(5000);
  world.broker.reachable = true;
  EXPECT_TRUE(world.until([&] { return world.last_state().utc_offset_min == -330; }, 120000));
}

// --- a clock beyond 32 bits ---

// Everything that happens in nine minutes of all kinds, with times since the start.
std::vector<std::string> story(std::uint64_t first_uptime_ms) {
  DeviceSpec spec;
  spec.first_uptime_ms = first_uptime_ms;
  TestWorld world(spec);
  world.idle_ms = 50;
  EXPECT_TRUE(world.start_and_settle());
  world.assign(1, {&test_releases().model, &test_releases().config}, 20);
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
  world.broker.serves = false;
  world.assign(2, {&test_releases().other_model});
  world.run(20000);
  world.broker.serves = true;
  world.broker.acknowledges = false;
  world.run(90000);
  world.broker.acknowledges = true;
  world.run(20000);
  world.broker.answers = false;
  world.run(90000);
  world.broker.answers = true;
  world.broker.reachable = false;
  world.run(90000);
  world.broker.reachable = true;
  world.run(200000);
  EXPECT_TRUE(world.runs(test_releases().other_model));
  std::vector<std::string> lines;
  for (const auto at : world.broker.open_ms) lines.push_back(std::to_string(at) + " open");
  for (const auto& one : world.broker.subscribed) lines.push_back(std::to_string(one.at_ms) + " " + one.filter);
  for (const auto& one : world.broker.published)
    lines.push_back(std::to_string(one.at_ms) + " " + one.topic + " " + std::to_string(one.id) + " " +
                    to_hex(trust::sha256(ByteView(std::string_view(one.payload)))).substr(0, 16));
  lines.push_back(std::to_string(world.broker.pings) + " pings");
  return lines;
}

TEST(McuSessionClock, NothingChangesWhereTheLower32BitsBeginAnew) {
  const auto expected = story(0);
  EXPECT_GT(expected.size(), 50u);
  if (::testing::Test::HasFailure()) return;
  const std::uint64_t step_ms = size_for(67001u, 2003u);
  for (std::uint64_t before_ms = 1; before_ms < 540000; before_ms += step_ms) {
    SCOPED_TRACE(std::to_string(before_ms) + " ms before");
    EXPECT_EQ(story(wrap_ms - before_ms), expected);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(story(3 * wrap_ms - 100000), expected);
  EXPECT_EQ(story((wrap_ms >> 1) - 100000), expected) << "where a signed difference would turn";
}

// Fifty days at a stretch, asleep for twenty seconds at a time.
TEST(McuSessionClock, FiftyDaysOnOneConnection) {
  DeviceSpec spec = quiet();
  TestWorld world(spec);
  ASSERT_TRUE(world.start_and_settle());
  world.idle_ms = 20000;
  world.run(size_for<std::uint64_t>(1, 50) * 24 * 3600 * 1000);
  EXPECT_EQ(world.broker.connected.size(), 1u);
  world.assign(1, {&test_releases().model});
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed, 600000));
}

// A signed time is a lower bound for what has expired and no clock: a window that seemed to begin at it would lie
// before everything that the broker compares it with.
TEST(McuSessionClock, WithoutAClockAWindowHasNoStart) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&test_releases().model});
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  world.run(180000);
  ASSERT_GE(world.broker.healths.size(), 2u);
  for (const auto& health : world.broker.healths) EXPECT_EQ(health.window_start_s, 0u);
}

}  // namespace
}  // namespace muster::mcu::sim
