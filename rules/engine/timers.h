// Deadlines of members, soonest first, checked lazily: an entry is only a reminder to look, and a member has at most
// one that counts (Member::timer_s). Ticks cost by what is due, not by how many devices there are. Owned by the engine.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "rules/engine/device.h"

namespace muster::rules {

class Timers {
 public:
  void add(std::uint64_t deadline_s, MemberIndex member) { heap_.push({deadline_s, member}); }

  // Takes the next entry that is due; false when there is none.
  bool take_due(std::uint64_t now_s, std::uint64_t& deadline_s, MemberIndex& member) {
    if (heap_.empty() || heap_.top().deadline_s > now_s) return false;
    deadline_s = heap_.top().deadline_s;
    member = heap_.top().member;
    heap_.pop();
    return true;
  }

 private:
  struct Entry {
    std::uint64_t deadline_s;
    MemberIndex member;
    friend bool operator<(const Entry& a, const Entry& b) { return a.deadline_s > b.deadline_s; }
  };
  std::priority_queue<Entry> heap_;
};

}  // namespace muster::rules
