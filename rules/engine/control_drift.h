// How the devices that no wave has reached have drifted since they were first measured, for one guardrail. Sums over
// the same devices' readings then and now, so that it does not matter which ones a wave takes away. Pure; owned by
// Guards.
//
// slow() follows their running means, and so what a device's own running mean was measured with. over() is of the
// summaries of one observation only: a device's vote is compared with what the others measured in the same time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace muster::rules {

class ControlDrift {
 public:
  // Observations last so long, >= 1.
  void set_span(std::uint64_t observe_s) { bucket_s_ = (observe_s + buckets_of_span - 1) / buckets_of_span; }
  // As it was before a restart; finite and above 0.
  void restore(double level) { slow_ = last_ = at_restart_ = level; }

  // A device with this running mean is one of them from now on, which says nothing new about the drift. Returns what
  // stands for its first mean from here.
  [[nodiscard]] float join(float mean);
  void move(float before, float mean);
  void leave(float first, float mean);
  // It measured `value` in a window that ended at `end_s`. How long that was is not asked: what one device claims must
  // not change what all are compared with.
  void hear(float first, double value, std::uint64_t end_s);

  // The last word stands when the last device has left.
  [[nodiscard]] double slow() const { return slow_; }
  // Of the observation that ended then: of the summaries of that time that have come, else the last that is known.
  [[nodiscard]] double over(std::uint64_t end_s) const;
  // What a restart is to go on from.
  [[nodiscard]] double level() const { return last_; }

 private:
  // An observation is eight of them, and eight observations are kept: what is asked for may lie a window back.
  static constexpr std::uint64_t buckets_of_span = 8;
  struct Bucket {
    std::uint64_t number = 0;
    std::int64_t first = 0, value = 0;
  };
  [[nodiscard]] double of_buckets(std::uint64_t last) const;  // 0: unknown

  std::int64_t first_ = 0, mean_ = 0;
  double slow_ = 1, last_ = 1, at_restart_ = 1;
  std::uint64_t bucket_s_ = 1, newest_ = 0;
  std::array<Bucket, 8 * buckets_of_span> buckets_{};
};

}  // namespace muster::rules
