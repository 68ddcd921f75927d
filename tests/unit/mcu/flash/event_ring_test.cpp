#include "mcu-client/src/flash/event_ring.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

using testing::Device;

EvidenceEvent event_of(std::uint32_t number) {
  EvidenceEvent event;
  event.code = EventCode::state_entered;
  event.b = number;
  return event;
}

std::vector<std::uint32_t> numbers_of(const EventRing& ring) {
  std::vector<std::uint32_t> numbers;
  std::uint32_t cursor = 0, last = 0;
  EvidenceEvent event;
  while (ring.next(cursor, event) == ok) {
    EXPECT_GT(event.sequence, last);
    last = event.sequence;
    numbers.push_back(event.b);
  }
  return numbers;
}

TEST(EventRing, KeepsTheNewestInTheirOrder) {
  Device device;
  const Area& area = device.layout.evidence;
  device.nor.fill_at_random(area.offset, area.size, 3);
  EventRing ring(device.flash, area);
  ASSERT_EQ(ring.mount(), ok);
  EXPECT_TRUE(numbers_of(ring).empty());
  const std::uint32_t unit_events = device.layout.erase_size / sizeof(EvidenceEvent);
  for (std::uint32_t number = 1; number <= 10 * unit_events + 5; ++number) {
    EvidenceEvent event = event_of(number);
    ASSERT_EQ(ring.append(event), ok);
    EXPECT_EQ(event.sequence, number);
    if (number % 3 == 0) {
      ASSERT_EQ(ring.mount(), ok);
    }
    const auto numbers = numbers_of(ring);
    ASSERT_EQ(numbers.back(), number);
    ASSERT_GE(numbers.size(), std::min(number, 2 * unit_events + 1));
    ASSERT_EQ(numbers.front() + numbers.size() - 1, number) << "none is missing between";
  }
}

TEST(EventRing, ATornEventIsPassedOver) {
  Device device;
  const Area& area = device.layout.evidence;
  EventRing ring(device.flash, area);
  ASSERT_EQ(ring.mount(), ok);
  for (std::uint32_t number = 1; number <= 5; ++number) {
    EvidenceEvent event = event_of(number);
    ASSERT_EQ(ring.append(event), ok);
  }
  const std::uint8_t torn[3] = {1, 2, 3};
  device.nor.set(area.offset + 5 * sizeof(EvidenceEvent) + 20, torn, sizeof torn);
  ASSERT_EQ(ring.mount(), ok);
  EvidenceEvent event = event_of(6);
  ASSERT_EQ(ring.append(event), ok);
  ASSERT_EQ(ring.mount(), ok);
  EXPECT_EQ(numbers_of(ring), (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6}));
}

TEST(EventRing, KnowsTheNewestStart) {
  Device device;
  const Area& area = device.layout.evidence;
  EventRing ring(device.flash, area);
  ASSERT_EQ(ring.mount(), ok);
  EXPECT_EQ(ring.boot(), 0u);
  for (const std::uint32_t boot : {7u, 8u, 8u}) {
    EvidenceEvent event = event_of(boot);
    event.boot = boot;
    ASSERT_EQ(ring.append(event), ok);
  }
  ASSERT_EQ(ring.mount(), ok);
  EXPECT_EQ(ring.boot(), 8u);
}

}  // namespace
}  // namespace muster::mcu
