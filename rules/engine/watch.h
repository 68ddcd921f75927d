// What is known of each device's readings for the guardrails of one rollout: a block of gauges a device, one a
// guardrail, in chunks that never move. Plain data and its storage; Guards (guards.h) says what it means. Owned by the
// engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace muster::rules {

using WatchIndex = std::uint32_t;  // 0: none

// A device's word on one guardrail.
enum class Vote : std::uint8_t {
  none,  // nothing yet
  fine,
  exceeded,  // against, by what it measured
  vanished,  // against: what was measured before is not any more
  silent,    // against: it has said nothing for too long
  excused,   // it does not vote (any more): an operator has accepted what it voted, or it was told to go back before
  idle,      // none, and none is waited for: it was observed, and had nothing to measure
};

[[nodiscard]] constexpr bool is_against(Vote vote) {
  return vote == Vote::exceeded || vote == Vote::vanished || vote == Vote::silent;
}
[[nodiscard]] constexpr bool has_voted(Vote vote) {
  return vote == Vote::fine || is_against(vote);
}

// How near a device is to its vote, in this order. It decides which verdicts wait for it (Outstanding of the sequential test).
enum class Nearness : std::uint8_t {
  out,       // none is expected of it now: it was not assigned, failed, is gone, or was lost before it began to change
  at_work,   // it has been assigned, and is not done
  observed,  // it is done, or was lost while it changed: its observation, or its silence, runs
};

struct Gauge {
  float before = 0;  // running mean before the update; of delegate_active a hash of the text
  float after = 0;   // mean of the present observation; before the update: the first mean, from which drift counts
  std::uint8_t before_count = 0;  // summaries in `before`, up to 255
  std::uint8_t after_count : 5;   // in `after`, up to 30; 31: `after` exceeds, and is looked at once more
  Vote vote : 3;
  std::uint16_t segment = 0;  // of its guardrail; set once the device was assigned
  Gauge() : after_count(0), vote(Vote::none) {}
};
static_assert(sizeof(Gauge) == 12, "ten of them a device, for a million devices");

struct Watch {
  std::uint32_t heard_s = 0;          // since when it is silent: its last summary, or when it was done; 0: no such time
  std::uint32_t observed_s : 30 = 0;  // seconds measured since it is done, up to observed_max_s
  Nearness nearness : 2 = Nearness::out;
};
inline constexpr std::uint32_t observed_max_s = (1u << 30) - 1;
static_assert(sizeof(Watch) == 8, "one a device");

class Watches {
 public:
  // Each watch has so many gauges.
  void set_gauges(std::size_t count) { gauge_count_ = count; }

  [[nodiscard]] WatchIndex allocate();
  void release(WatchIndex index);  // none is allowed, and nothing

  // REQUIRES: `index` was allocated.
  [[nodiscard]] Watch& operator[](WatchIndex index) { return chunks_[index / chunk_size].watches[index % chunk_size]; }
  [[nodiscard]] const Watch& operator[](WatchIndex index) const {
    return chunks_[index / chunk_size].watches[index % chunk_size];
  }
  [[nodiscard]] Gauge& gauge(WatchIndex index, std::size_t guardrail) {
    return chunks_[index / chunk_size].gauges[index % chunk_size * gauge_count_ + guardrail];
  }
  [[nodiscard]] const Gauge& gauge(WatchIndex index, std::size_t guardrail) const {
    return chunks_[index / chunk_size].gauges[index % chunk_size * gauge_count_ + guardrail];
  }

 private:
  static constexpr std::uint32_t chunk_size = 1024;
  struct Chunk {
    std::unique_ptr<Watch[]> watches;
    std::unique_ptr<Gauge[]> gauges;
  };
  std::size_t gauge_count_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<WatchIndex> free_;
  WatchIndex end_ = 1;
};

}  // namespace muster::rules
