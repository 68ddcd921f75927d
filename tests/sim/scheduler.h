// The world's clock and what is to happen when. Things due at the same moment happen in the order in which they were
// asked for. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace muster::sim {

class Scheduler {
 public:
  using Task = std::function<void()>;

  [[nodiscard]] std::uint64_t now_ms() const { return now_ms_; }
  void at(std::uint64_t time_ms, Task task) {
    heap_.push_back({std::max(time_ms, now_ms_), ++last_, std::move(task)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(std::uint64_t delay_ms, Task task) { at(now_ms_ + delay_ms, std::move(task)); }

  // Runs the next thing that is due by `until_ms`; false when there is none, and then it is that time.
  bool run_one(std::uint64_t until_ms) {
    if (heap_.empty() || heap_.front().time_ms > until_ms) {
      now_ms_ = std::max(now_ms_, until_ms);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_ms_ = entry.time_ms;
    entry.task();
    return true;
  }

 private:
  struct Entry {
    std::uint64_t time_ms, number;
    Task task;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.time_ms != b.time_ms ? a.time_ms > b.time_ms : a.number > b.number;
  }

  std::vector<Entry> heap_;
  std::uint64_t now_ms_ = 1000, last_ = 0;
};

}  // namespace muster::sim
