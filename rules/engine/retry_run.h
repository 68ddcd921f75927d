// The devices of one rollout whose attempts have failed and were, or will be, tried again. Few of many, so they are
// kept apart from the members. Owned by the engine; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "rules/engine/device.h"

namespace muster::rules {

struct Tries {
  std::uint32_t failed = 0;   // attempts that did, and were no failure for it
  std::uint32_t of = 0;       // that the rule has, after the error of the last
  std::uint64_t again_s = 0;  // when the next one is due; 0: it is under way
};

class RetryRun {
 public:
  [[nodiscard]] Tries of(MemberIndex member) const {
    const auto found = tries_.find(member);
    return found == tries_.end() ? Tries() : found->second;
  }
  [[nodiscard]] bool waits(MemberIndex member) const { return of(member).again_s != 0; }

  void wait(MemberIndex member, Tries tries) { tries_[member] = tries; }
  // Its next attempt is under way.
  void begin(MemberIndex member) {
    if (const auto found = tries_.find(member); found != tries_.end()) found->second.again_s = 0;
  }
  // It is done, has failed for good or has left: the next time counts from nothing.
  void forget(MemberIndex member) { tries_.erase(member); }

  // When the next of those that wait is due after `now_s`, 0 for none: a look at each device that has tried more than
  // once.
  [[nodiscard]] std::uint64_t next_s(std::uint64_t now_s) const {
    std::uint64_t next_s = 0;
    for (const auto& [member, tries] : tries_) {
      if (tries.again_s > now_s && (next_s == 0 || tries.again_s < next_s)) next_s = tries.again_s;
    }
    return next_s;
  }

 private:
  std::unordered_map<MemberIndex, Tries> tries_;
};

}  // namespace muster::rules
