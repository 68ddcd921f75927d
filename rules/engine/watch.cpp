#include "rules/engine/watch.h"

#include <algorithm>

namespace muster::rules {

WatchIndex Watches::allocate() {
  if (!free_.empty()) {
    const auto index = free_.back();
    free_.pop_back();
    return index;
  }
  const auto index = end_++;
  if (index / chunk_size >= chunks_.size())
    chunks_.push_back({std::make_unique<Watch[]>(chunk_size), std::make_unique<Gauge[]>(chunk_size * gauge_count_)});
  return index;
}

void Watches::release(WatchIndex index) {
  if (index == 0) return;
  (*this)[index] = Watch();
  for (std::size_t i = 0; i < gauge_count_; ++i) gauge(index, i) = Gauge();
  free_.push_back(index);
}

}  // namespace muster::rules
