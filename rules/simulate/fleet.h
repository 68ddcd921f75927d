// A described fleet: how many devices there are of which facts, what they are called, how they are connected, how long
// an update takes them and what they measure. Plain data; made by rules/config/load_fleet.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/event.h"
#include "rules/engine/rule.h"
#include "schemas/bytes.h"

namespace muster::rules {

inline constexpr std::size_t fleet_groups_max = 512;
inline constexpr std::uint64_t fleet_devices_max = 10'000'000;  // of all groups together; what tests count up to
inline constexpr std::size_t described_metrics_max = 32;        // of one group

inline constexpr double kbit_of_mb = 8'000;

struct LinkQuality {
  std::uint32_t kbit_per_s = 10'000;    // at least 1
  std::uint32_t offline_ppm = 0;        // the share of time that a device is away, under 1,000,000
  std::uint64_t offline_for_s = 3'600;  // how long it is away at a time, on average; at least 1
};

// What one metric is like before any update. Each device has a level of its own around the mean, and each summary lies
// around its device's level; both are standard deviations, relative to the mean and to the level.
struct DescribedMetric {
  std::string name = {};  // as guardrails name it
  double mean = 0;
  double spread = 0;
  double noise = 0;
  std::string text = {};  // of delegate_active, which has this instead of the three
};

struct DeviceBehaviour {
  LinkQuality link = {};
  std::uint64_t health_every_s = 60;          // a health summary; at least 1
  std::uint64_t update_takes_s = 30;          // from the end of the download to the end of the probes; at least 1
  std::uint32_t update_fails_ppm = 0;         // of attempts, whatever the release
  std::vector<DescribedMetric> metrics = {};  // each name once
};

// What the devices of one group are called: listed one by one, or a number between two texts, or nothing in particular.
struct DeviceNames {
  std::vector<std::string> listed = {};
  std::string before = {}, after = {};
  std::uint32_t digits = 0;  // at least so many, filled up with zeros; 0: no pattern
  std::uint64_t first = 1;
  [[nodiscard]] bool given() const { return digits != 0 || !listed.empty(); }
};

// Devices that say the same of themselves.
struct FleetGroup {
  std::uint32_t count = 0;  // at least 1
  DeviceFacts facts = {};
  DeviceNames names = {};
  DeviceBehaviour behaviour = {};
};

struct DescribedFleet {
  std::vector<FleetGroup> groups;  // 1–fleet_groups_max
  // How much a device downloads for a release on each plane.
  std::array<double, plane_count> release_mb = {10, 10, 10};
};

// "gateway de": the facts that tell this group from others, as people would say it.
[[nodiscard]] std::string label_of(const DeviceFacts& facts);

// "device.class is locker_cam or shelf-cam; no device says device.site": what the fleet says of the names that a
// condition on devices asks for, at most ten values of each.
[[nodiscard]] std::string values_asked_for(ByteView condition, const DescribedFleet& fleet);

// What a metric that is no standard key was probably meant for: a standard key, or one of `described`. Empty when it is
// a standard key, or near to none of them.
[[nodiscard]] std::string_view meant_metric(std::string_view name, std::vector<std::string_view> described = {});

}  // namespace muster::rules
