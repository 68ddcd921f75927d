// What the tests of the whole client share: keys and releases that are made once, and an end without violations. Tests
// only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "schemas/evidence_bundle.h"
#include "tests/unit/mcu/session/bench/world.h"

namespace muster::mcu::sim {

inline const Keys& test_keys() {
  static const Keys keys = Keys::generated();
  return keys;
}

inline const Releases& test_releases() {
  static const Releases releases(test_keys());
  return releases;
}

// What evidence says; without events when it is shorter than its header.
struct Bundle {
  EvidenceBundleHeader header;
  std::vector<EvidenceEvent> events;
};

inline Bundle read_bundle(const std::string& bytes) {
  Bundle bundle;
  if (bytes.size() < sizeof bundle.header) return bundle;
  std::memcpy(&bundle.header, bytes.data(), sizeof bundle.header);
  for (auto at = sizeof bundle.header; at + sizeof(EvidenceEvent) <= bytes.size(); at += sizeof(EvidenceEvent)) {
    EvidenceEvent event;
    std::memcpy(&event, bytes.data() + at, sizeof event);
    bundle.events.push_back(event);
  }
  return bundle;
}

// A World whose end is looked at.
class TestWorld : public World {
 public:
  explicit TestWorld(const DeviceSpec& spec = {}) : World(test_keys(), test_releases(), spec) {}
  TestWorld(const DeviceSpec& spec, const NorFlash& flash) : World(test_keys(), test_releases(), spec, flash) {}
  ~TestWorld() {
    EXPECT_EQ(broker.violations, std::vector<std::string>());
    if (::testing::Test::HasFailure() && !told_) {
      told_ = true;
      for (const auto& line : device.log) std::fprintf(stderr, "device: %s\n", line.c_str());
    }
  }
  TestWorld(const TestWorld&) = delete;
  TestWorld& operator=(const TestWorld&) = delete;

  [[nodiscard]] std::vector<std::string> filters_of(unsigned connection) const {
    std::vector<std::string> filters;
    for (const auto& one : broker.subscribed) {
      if (one.connection == connection) filters.push_back(one.filter);
    }
    return filters;
  }
  [[nodiscard]] std::size_t asked() const { return broker.count(chunk_get_topic); }
  [[nodiscard]] std::vector<wire::AttemptState> attempts() const {
    std::vector<wire::AttemptState> seen;
    for (const auto& state : broker.states) {
      if (seen.empty() || seen.back() != state.attempt) seen.push_back(state.attempt);
    }
    return seen;
  }

 private:
  inline static bool told_ = false;  // the first failure's log is enough
};

}  // namespace muster::mcu::sim
