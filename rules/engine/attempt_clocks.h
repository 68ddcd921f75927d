// From when the time of a rollout's attempts counts, of those for which that is later than their assignment: their
// devices were away for a while, or an order kept them from working. Few of many, so they are kept apart from the
// members; not recorded, because after a restart all count from there. Owned by the engine; not thread-safe.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "rules/engine/device.h"

namespace muster::rules {

class AttemptClocks {
 public:
  [[nodiscard]] std::uint64_t since_s(MemberIndex member) const {  // 0: from its assignment
    const auto found = since_s_.find(member);
    return found == since_s_.end() ? 0 : found->second;
  }
  void set(MemberIndex member, std::uint64_t since_s) { since_s_[member] = since_s; }
  // Its attempt is over, another one begins, or it has left.
  void forget(MemberIndex member) { since_s_.erase(member); }

 private:
  std::unordered_map<MemberIndex, std::uint64_t> since_s_;
};

}  // namespace muster::rules
