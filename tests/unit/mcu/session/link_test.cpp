// A link that is lost at every poll and at every byte, in both directions, that gives and takes a byte at a time, and a
// broker that does not acknowledge: an update comes to its end all the same, with nothing twice and nothing lost.
#include <random>
#include <set>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/session/session_test.h"

namespace muster::mcu::sim {
namespace {

using muster::testing::long_form;
using muster::testing::seed_or;
using muster::testing::size_for;
using wire::AttemptState;

const Releases& all() {
  return test_releases();
}

const Bytes& whole_set() {
  static const Bytes envelope = [] {
    AssignmentSpec spec;
    spec.releases = {&all().firmware, &all().model, &all().config};
    return sealed(wire::PayloadKind::assignment, assignment(spec), test_keys().control);
  }();
  return envelope;
}

// The flash of a device that has pinned its root, so that the many runs need not do it again.
const NorFlash& pinned_flash() {
  static TestWorld world;
  static const bool started = world.start_and_settle();
  EXPECT_TRUE(started);
  return world.device.nor();
}

// An update of the whole set in a world that `disturb` has been told of.
class Update {
 public:
  explicit Update(const std::function<void(TestWorld&)>& disturb) : world(DeviceSpec(), pinned_flash()) {
    world.broker.retained[assignment_topic] = whole_set();
    disturb(world);
    committed = world.device.start() && world.until_attempt(1, AttemptState::committed, 600000);
  }
  void expect_good() {
    EXPECT_TRUE(committed) << "attempt " << static_cast<int>(world.last_state().attempt) << ", error "
                           << static_cast<int>(world.last_state().error);
    EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model) && world.runs(all().config));
    EXPECT_EQ(world.device.resets, 1u) << "the handover and no other";
  }
  TestWorld world;
  bool committed = false;
};

// 1 … last: all of them in the long form, else a few by chance.
std::vector<std::uint64_t> chosen(std::uint64_t last, std::size_t few, std::uint64_t seed) {
  std::vector<std::uint64_t> all_of_them;
  if (long_form() || last <= few) {
    for (std::uint64_t n = 1; n <= last; ++n) all_of_them.push_back(n);
    return all_of_them;
  }
  std::mt19937_64 chance(seed);
  std::set<std::uint64_t> picked;
  while (picked.size() < few) picked.insert(1 + chance() % last);
  return {picked.begin(), picked.end()};
}

std::uint64_t printed_seed() {
  const auto seed = seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// In pieces so small that hardly two things happen in one poll.
void go_slowly(TestWorld& world) {
  world.broker.give_max = 40;
  world.broker.take_max = 60;
}

TEST(McuSessionLink, LostAtAnyPollOfAnUpdate) {
  const auto seed = printed_seed();
  Update undisturbed(go_slowly);
  undisturbed.expect_good();
  const auto last = undisturbed.world.polls;
  std::printf("an update takes %llu polls\n", static_cast<unsigned long long>(last));
  for (const auto n : chosen(last, 30, seed)) {
    SCOPED_TRACE("poll " + std::to_string(n));
    Update update([n](TestWorld& world) {
      go_slowly(world);
      world.before_poll = [&world, n] {
        if (world.polls == n) world.broker.drop();
      };
    });
    ASSERT_NO_FATAL_FAILURE(update.expect_good());
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(McuSessionLink, LostAtEveryNthPoll) {
  for (std::uint64_t period = 25; period <= 200; period += size_for(25u, 1u)) {
    SCOPED_TRACE("every " + std::to_string(period) + " polls");
    Update update([period](TestWorld& world) {
      world.idle_ms = 50;  // so that waiting takes few of them
      world.before_poll = [&world, period] {
        if (world.polls % period == period - 1) world.broker.drop();
      };
    });
    ASSERT_NO_FATAL_FAILURE(update.expect_good());
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(McuSessionLink, LostAtAnyByteFromTheBroker) {
  const auto seed = printed_seed();
  Update undisturbed([](TestWorld&) {});
  const auto last = undisturbed.world.broker.given;
  const auto fetched = undisturbed.world.broker.chunk_bytes;
  std::printf("an update takes %llu bytes from the broker\n", static_cast<unsigned long long>(last));
  for (const auto n : chosen(last, 30, seed)) {
    SCOPED_TRACE("byte " + std::to_string(n));
    Update update([n](TestWorld& world) { world.broker.cut_after_given = n; });
    ASSERT_NO_FATAL_FAILURE(update.expect_good());
    EXPECT_LE(update.world.broker.chunk_bytes, fetched + chunks_ahead * chunk_size)
        << "what had come is not fetched again";
    EXPECT_LE(update.world.broker.connected.size(), 3u);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(McuSessionLink, LostAtAnyByteToTheBroker) {
  const auto seed = printed_seed();
  Update undisturbed([](TestWorld&) {});
  const auto last = undisturbed.world.broker.taken;
  std::printf("an update takes %llu bytes to the broker\n", static_cast<unsigned long long>(last));
  for (const auto n : chosen(last, 30, seed)) {
    SCOPED_TRACE("byte " + std::to_string(n));
    Update update([n](TestWorld& world) { world.broker.cut_after_taken = n; });
    ASSERT_NO_FATAL_FAILURE(update.expect_good());
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(McuSessionLink, BytesInPiecesOfAnySize) {
  for (std::size_t size = 1; size <= size_for<std::size_t>(8, 64); size += size_for<std::size_t>(3, 1)) {
    SCOPED_TRACE("pieces of " + std::to_string(size));
    Update update([size](TestWorld& world) {
      world.broker.give_max = size;
      world.broker.take_max = size;
    });
    update.expect_good();
    EXPECT_EQ(update.world.broker.connected.size(), 2u) << "one before and one after the handover";
  }
}

// The power too: at any flash operation of the update, with the link as it is.
TEST(McuSessionLink, PowerCutAtAnyFlashOperationOfAnUpdate) {
  const auto seed = printed_seed();
  Update undisturbed([](TestWorld&) {});
  const auto last = undisturbed.world.device.nor().operations() - pinned_flash().operations();
  std::printf("an update takes %llu flash operations\n", static_cast<unsigned long long>(last));
  for (const auto n : chosen(last, 30, seed)) {
    SCOPED_TRACE("operation " + std::to_string(n));
    unsigned cuts = 0;
    Update update([&](TestWorld& world) {
      world.device.nor().cut_power_at(n, seed + n);
      world.before_poll = [&world, &cuts] {
        if (world.device.nor().has_power()) return;
        ++cuts;
        (void)world.device.start();
      };
    });
    // The cut may have come in the first start already, which Update's own start() then reports.
    if (!update.committed) update.committed = update.world.until_attempt(1, AttemptState::committed, 600000);
    EXPECT_TRUE(update.committed);
    EXPECT_TRUE(update.world.runs(all().firmware) && update.world.runs(all().model) && update.world.runs(all().config));
    EXPECT_EQ(cuts, 1u);
    if (::testing::Test::HasFailure()) break;
  }
}

// --- a broker that takes everything and acknowledges nothing ---

TEST(McuSessionLink, APubackThatNeverComesEndsTheConnectionAndTheMessageComesAgain) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.run(1000);
  const auto connections = world.broker.connected.size();
  world.broker.acknowledges = false;
  world.order(1, {}, "fleet");  // which makes a report due
  const auto before = world.broker.count(state_topic);
  ASSERT_TRUE(world.until([&] { return world.broker.count(state_topic) > before; }));
  const auto sent = world.broker.published.back();
  ASSERT_EQ(sent.topic, state_topic);
  EXPECT_FALSE(sent.dup);
  ASSERT_TRUE(world.until([&] { return world.broker.connected.size() > connections; }, 100000));
  const auto waited_ms = world.broker.connected.back().at_ms - sent.at_ms;
  EXPECT_GE(waited_ms, 40000u) << "four times the time of any other answer";
  EXPECT_LE(waited_ms, 41100u) << "and the first random wait";
  ASSERT_TRUE(world.until([&] { return world.broker.published.back().connection > connections; }));
  const auto again = world.broker.published.back();
  EXPECT_TRUE(again.dup);
  EXPECT_EQ(again.id, sent.id);
  EXPECT_EQ(again.payload, sent.payload);
  // While it stays away nothing else is published, and orders are obeyed all the same.
  const auto published = world.broker.published.size();
  world.order(2, {{OrderKind::safe_mode, 2, {}, {}, "", ""}}, "fleet");
  ASSERT_TRUE(world.until([&] { return world.device.mode == WorkloadMode::off; }));
  world.run(30000);
  EXPECT_EQ(world.broker.published.size(), published);
  world.broker.acknowledges = true;
  EXPECT_TRUE(world.until([&] { return world.last_state().directive_epoch == 2; }, 100000));
}

TEST(McuSessionLink, WithoutPubacksNothingIsAskedForAndNoFirmwareIsConfirmed) {
  TestWorld model;
  model.broker.acknowledges = false;
  model.assign(1, {&all().model});
  ASSERT_TRUE(model.device.start());
  // Nothing can be subscribed to while the first message waits, so that nothing is heard of.
  model.run(200000);
  EXPECT_EQ(model.asked(), 0u);
  model.broker.acknowledges = true;
  EXPECT_TRUE(model.until_attempt(1, AttemptState::committed, 200000));

  TestWorld firmware;
  firmware.assign(1, {&all().firmware});
  ASSERT_TRUE(firmware.start_and_settle());
  ASSERT_TRUE(firmware.until([&] { return firmware.device.running_slot == 1; }));
  firmware.broker.acknowledges = false;
  ASSERT_TRUE(firmware.until([&] { return firmware.device.running_slot == 0; }, 200000))
      << "a firmware whose reports nobody has is not confirmed";
  firmware.broker.acknowledges = true;
  ASSERT_TRUE(firmware.until_attempt(1, AttemptState::rolled_back, 200000));
}

TEST(McuSessionLink, AMessageBesideALostLinkComesExactlyOnceMore) {
  for (unsigned n = 0; n < 6; ++n) {
    TestWorld world;
    ASSERT_TRUE(world.start_and_settle());
    world.run(1000);
    world.broker.cut_after_taken = world.broker.taken + 10 + n * 30;
    world.order(1, {}, "fleet");
    ASSERT_TRUE(world.until([&] { return world.last_state().directive_epoch == 1; }));
    world.run(5000);
    EXPECT_EQ(world.broker.connected.size(), 2u);
  }
}

}  // namespace
}  // namespace muster::mcu::sim
