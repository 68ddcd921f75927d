#include "rules/engine/control_drift.h"

#include <algorithm>

namespace muster::rules {

namespace {

constexpr double sum_unit = 1024;

std::int64_t in_sum(double value) {
  return static_cast<std::int64_t>(value * sum_unit);
}

}  // namespace

float ControlDrift::join(float mean) {
  const auto first = static_cast<float>(static_cast<double>(mean) * (at_restart_ / slow_));
  first_ += in_sum(static_cast<double>(first));
  mean_ += in_sum(static_cast<double>(mean));
  return first;
}

void ControlDrift::move(float before, float mean) {
  mean_ += in_sum(static_cast<double>(mean)) - in_sum(static_cast<double>(before));
  if (first_ > 0 && mean_ > 0) slow_ = at_restart_ * (static_cast<double>(mean_) / static_cast<double>(first_));
}

void ControlDrift::leave(float first, float mean) {
  first_ -= in_sum(static_cast<double>(first));
  mean_ -= in_sum(static_cast<double>(mean));
}

void ControlDrift::hear(float first, double value, std::uint64_t end_s) {
  const auto number = end_s / bucket_s_;
  if (number + buckets_.size() <= newest_) return;  // it waited in a queue for too long
  if (number > newest_) {
    // Looked at once a bucket, when the one before is complete.
    if (const auto level = newest_ == 0 ? 0 : of_buckets(newest_); level > 0) last_ = level;
    newest_ = number;
  }
  Bucket& bucket = buckets_[number % buckets_.size()];
  if (bucket.number != number) bucket = {number, 0, 0};
  bucket.first += in_sum(static_cast<double>(first));
  bucket.value += in_sum(value);
}

double ControlDrift::of_buckets(std::uint64_t last) const {
  std::int64_t first = 0;
  std::int64_t value = 0;
  for (auto number = last - std::min(last, buckets_of_span - 1); number <= last; ++number) {
    const Bucket& bucket = buckets_[number % buckets_.size()];
    if (bucket.number != number) continue;  // of another time
    first += bucket.first;
    value += bucket.value;
  }
  return first > 0 && value > 0 ? at_restart_ * (static_cast<double>(value) / static_cast<double>(first)) : 0;
}

double ControlDrift::over(std::uint64_t end_s) const {
  for (const auto number : {end_s / bucket_s_, newest_}) {
    if (const auto level = of_buckets(number); level > 0) return level;
  }
  return last_;
}

}  // namespace muster::rules
