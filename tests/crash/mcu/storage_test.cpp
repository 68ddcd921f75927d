// A power cut at every operation of the record log and of the event ring, and another one while they recover.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

using testing::Device;
using testing::some_bytes;

using Twin = std::map<std::uint8_t, std::string>;

struct Action {
  enum Kind { write, remove, duplicate } kind = write;
  std::uint8_t key = 0;
  std::string text;
};

std::vector<Action> some_actions(std::mt19937_64& dice, int count) {
  std::vector<Action> actions;
  for (int i = 0; i < count; ++i) {
    const auto kind = dice() % 12 == 0 ? Action::duplicate : dice() % 4 == 0 ? Action::remove : Action::write;
    const auto size = static_cast<std::uint32_t>(dice() % 3 == 0 ? dice() % 300 : dice() % 60);
    actions.push_back(
        {kind, static_cast<std::uint8_t>(dice() % 4), some_bytes(size, static_cast<std::uint32_t>(dice()))});
  }
  return actions;
}

int apply(RecordLog& log, const Action& action) {
  if (action.kind == Action::duplicate) return log.duplicate();
  if (action.kind == Action::remove) return log.remove(action.key);
  return log.write(action.key, action.text.data(), static_cast<std::uint32_t>(action.text.size()));
}

Twin after(Twin twin, const Action& action) {
  if (action.kind == Action::write) twin[action.key] = action.text;
  if (action.kind == Action::remove) twin.erase(action.key);
  return twin;
}

Twin content_of(const RecordLog& log) {
  Twin twin;
  for (std::uint8_t key = 0; key < RecordLog::keys_max; ++key) {
    std::string text(2048, '\0');
    const int size = log.read(key, text.data(), static_cast<std::uint32_t>(text.size()));
    if (size == err_not_found) continue;
    EXPECT_GE(size, 0) << "key " << int{key};
    text.resize(static_cast<std::size_t>(std::max(size, 0)));
    twin[key] = text;
  }
  return twin;
}

// Does the actions from `twin` on until one fails, which only a power cut may make. True when all were done.
bool run(RecordLog& log, const NorFlash& nor, const std::vector<Action>& actions, std::size_t& next, Twin& twin) {
  for (; next < actions.size(); ++next) {
    if (apply(log, actions[next]) != ok) {
      EXPECT_FALSE(nor.has_power());
      return false;
    }
    twin = after(twin, actions[next]);
    EXPECT_EQ(content_of(log), twin);
  }
  return true;
}

// After a cut: what was there before the action, or after it.
void expect_old_or_new(const RecordLog& log, const Action& action, Twin& twin) {
  const Twin found = content_of(log);
  const Twin changed = after(twin, action);
  ASSERT_TRUE(found == twin || found == changed);
  twin = found;
}

// One history: cut at n, a second time at m of what follows, then to its end.
void cut_twice(const NorFlash& begin, const Layout& layout, const std::vector<Action>& actions, std::uint64_t n,
               std::uint64_t m, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", cut at " + std::to_string(n) + ", then at " + std::to_string(m));
  Device device(layout);
  device.nor.copy_from(begin);
  Twin twin;
  std::size_t next = 0;
  device.nor.cut_power_at(n, seed);
  for (const std::uint64_t second : {m, std::uint64_t{0}}) {
    RecordLog log(device.flash, layout.settings);
    ASSERT_EQ(log.mount(), ok);
    if (run(log, device.nor, actions, next, twin)) break;
    device.nor.power_on();
    RecordLog recovered(device.flash, layout.settings);
    ASSERT_EQ(recovered.mount(), ok);
    expect_old_or_new(recovered, actions[next], twin);
    if (second != 0) device.nor.cut_power_at(second, seed + 1);
  }
  device.nor.power_on();
  RecordLog log(device.flash, layout.settings);
  ASSERT_EQ(log.mount(), ok);
  if (next < actions.size()) expect_old_or_new(log, actions[next], twin);
  ASSERT_TRUE(run(log, device.nor, actions, next, twin));
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(content_of(log), twin);
}

TEST(McuRecordLogCut, OldOrNewAtEveryOperation) {
  const auto seed = muster::testing::seed_or(4);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::uint64_t cuts = 0;
  for (const std::uint32_t unit : {8u, 32u, 1u}) {
    Layout layout = testing::small_layout(unit);
    layout.settings.size = 2 * layout.erase_size;
    for (std::uint64_t history = 0; history < muster::testing::size_for(2u, 8u); ++history) {
      std::mt19937_64 dice(seed * 1000 + history);
      const auto actions = some_actions(dice, 30);
      Device device(layout);
      device.nor.fill_at_random(layout.settings.offset, layout.settings.size, dice());
      NorFlash begin(device.nor.shape());
      begin.copy_from(device.nor);
      RecordLog log(device.flash, layout.settings);
      ASSERT_EQ(log.mount(), ok);
      Twin twin;
      std::size_t next = 0;
      ASSERT_TRUE(run(log, device.nor, actions, next, twin));
      const std::uint64_t operations = device.nor.operations();
      for (std::uint64_t n = 1; n <= operations; ++n) {
        for (std::uint64_t way = 0; way < muster::testing::size_for(8u, 40u); ++way) {
          // The second cut comes during what the first one made necessary: a move to the other bank is about ten
          // operations.
          cut_twice(begin, layout, actions, n, 1 + dice() % 14, dice());
          if (::testing::Test::HasFailure()) return;
          cuts += 2;
        }
      }
    }
  }
  std::printf("%llu power cuts in the record log\n", static_cast<unsigned long long>(cuts));
}

// --- the event ring ---

std::vector<std::uint32_t> numbers_of(const EventRing& ring) {
  std::vector<std::uint32_t> numbers;
  std::uint32_t cursor = 0;
  for (EvidenceEvent event; ring.next(cursor, event) == ok;) numbers.push_back(event.b);
  return numbers;
}

// Every event whose append came to its end is there, in order, but for those of the erase unit that goes, of which a
// cut leaves any; the one that was cut off is there or not.
void expect_kept(const std::vector<std::uint32_t>& found, std::uint32_t done, std::uint32_t kept_min) {
  const std::uint32_t last = found.empty() ? 0 : found.back();
  ASSERT_TRUE(last == done || last == done + 1) << last << ", done " << done;
  const std::size_t kept = std::min(done, kept_min);
  ASSERT_GE(found.size(), kept);
  for (std::size_t i = 1; i < found.size(); ++i) {
    ASSERT_GT(found[i], found[i - 1]);
    if (i > found.size() - kept) {
      ASSERT_EQ(found[i], found[i - 1] + 1);
    }
  }
}

void cut_ring_twice(const NorFlash& begin, std::uint32_t done, std::uint64_t n, std::uint64_t m, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", cut at " + std::to_string(n) + ", then at " + std::to_string(m));
  Device device;
  device.nor.copy_from(begin);
  const std::uint32_t unit_events = device.layout.erase_size / sizeof(EvidenceEvent);
  for (const std::uint64_t cut : {n, m}) {
    device.nor.cut_power_at(cut, seed + cut);
    EventRing ring(device.flash, device.layout.evidence);
    ASSERT_EQ(ring.mount(), ok);
    EvidenceEvent event;
    event.b = done + 1;
    while (ring.append(event) == ok) event.b = ++done + 1;
    device.nor.power_on();
    ASSERT_EQ(ring.mount(), ok);
    const auto found = numbers_of(ring);
    // Two of three units, but for the places that the cuts used up.
    expect_kept(found, done, 2 * unit_events - 4);
    if (::testing::Test::HasFatalFailure()) return;
    if (!found.empty()) done = found.back();
  }
}

TEST(McuEventRingCut, NoOtherEventIsLost) {
  const auto seed = muster::testing::seed_or(4);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 dice(seed);
  for (const std::uint32_t before : {0u, 20u, 31u, 95u, 96u, 200u}) {
    Device device;
    device.nor.fill_at_random(device.layout.evidence.offset, device.layout.evidence.size, seed);
    EventRing ring(device.flash, device.layout.evidence);
    ASSERT_EQ(ring.mount(), ok);
    for (std::uint32_t number = 1; number <= before; ++number) {
      EvidenceEvent event;
      event.b = number;
      ASSERT_EQ(ring.append(event), ok);
    }
    for (std::uint64_t n = 1; n <= 40; ++n) {
      for (std::uint64_t way = 0; way < muster::testing::size_for(6u, 100u); ++way) {
        cut_ring_twice(device.nor, before, n, 1 + dice() % 8, dice());
        if (HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace muster::mcu
