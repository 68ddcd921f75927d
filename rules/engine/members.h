// The devices of all rollouts and the integer counts over them. The one place where counts change: a member is counted
// when it is added, and each change goes through change(), which takes the old state out of the counts and puts the new
// one in. Owned by the engine; not thread-safe. Lists are in no meaningful order: sort by device id before anything
// becomes an effect.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/fleet.h"
#include "rules/engine/rollout.h"

namespace muster::rules {

class Members {
 public:
  explicit Members(Fleet& fleet) : fleet_(fleet) {}

  // A new member with these counted fields. REQUIRES: the device has none in this rollout.
  MemberIndex add(Rollout& rollout, DeviceIndex device, const Member& fields);
  // Leaves as if it had never been in: out of the counts.
  void remove(MemberIndex index);
  // Leaves, but stays in the rollout's counts as history.
  void depart(MemberIndex index);

  [[nodiscard]] MemberIndex find(DeviceIndex device, const Rollout& rollout) const;  // 0: none
  [[nodiscard]] const Member& operator[](MemberIndex index) const { return slab_[index]; }

  // The only way to change a member's counted fields. `mutate` gets the Member; it must not change its place in lists.
  template <typename Mutate>
  void change(MemberIndex index, Mutate mutate) {
    Member& member = slab_[index];
    count(member, UINT32_MAX);
    mutate(member);
    count(member, 1);
    follow(index);
    touch(*member.rollout);
  }
  // Tells the rollout's guardrails how near the device is to its vote: after each change of what it says of its
  // attempt, or of which assignment that is about. change() does so itself.
  void follow(MemberIndex index);
  // The rollout's state and status are to be looked at before the step ends.
  void touch(Rollout& rollout) { rollout.changed = rollout.unsettled = touched_ = true; }
  // True once after something was touched: lets a step that touched nothing end without a look at any rollout.
  [[nodiscard]] bool take_touched() { return std::exchange(touched_, false); }
  // It is assigned no more, and stays in the count of those that ever were; again should it come back.
  // REQUIRES: it is reached, and its change to not reached follows.
  void count_once_more(MemberIndex index);
  void set_prior(MemberIndex index, std::size_t plane, Handle digest) {
    fleet_.set_digest(slab_[index].prior[plane], digest);
  }
  void set_paced(MemberIndex index, bool paced) { slab_[index].paced = paced; }
  void set_window_zone(MemberIndex index, Zone zone) { slab_[index].window_zone = zone & 0x7F; }
  void set_watch(MemberIndex index, WatchIndex watch) { slab_[index].watch = watch; }
  void set_measured_from(MemberIndex index, std::uint64_t time_s) {
    slab_[index].measured_from_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(time_s, UINT32_MAX));
  }
  void set_timer(MemberIndex index, std::uint64_t deadline_s) { slab_[index].timer_s = deadline_s; }

  // `visit` gets a MemberIndex and must not add or remove members.
  template <typename Visit>
  void for_each(const Rollout& rollout, Visit visit) const {
    for (auto index = rollout.first_member; index != 0; index = slab_[index].next) visit(index);
  }
  // The members for which `wanted(member)`, by device id: the order in which their effects may leave.
  template <typename Wanted>
  [[nodiscard]] std::vector<MemberIndex> sorted(const Rollout& rollout, Wanted wanted) const {
    std::vector<MemberIndex> found;
    for_each(rollout, [&](MemberIndex index) {
      if (wanted(slab_[index])) found.push_back(index);
    });
    sort_by_id(found);
    return found;
  }
  void sort_by_id(std::vector<MemberIndex>& found) const;
  // True as soon as one is found.
  template <typename Wanted>
  [[nodiscard]] bool any(const Rollout& rollout, Wanted wanted) const {
    for (auto index = rollout.first_member; index != 0; index = slab_[index].next) {
      if (wanted(slab_[index])) return true;
    }
    return false;
  }
  // Of the members for which `wanted(member)`, the first by id that is `chosen(member)` too, which costs more to know
  // and is asked of few; 0 when there is none.
  template <typename Wanted, typename Chosen>
  [[nodiscard]] MemberIndex first(const Rollout& rollout, Wanted wanted, Chosen chosen) const {
    MemberIndex best = 0;
    for_each(rollout, [&](MemberIndex index) {
      if (wanted(slab_[index]) && (best == 0 || before(index, best)) && chosen(slab_[index])) best = index;
    });
    return best;
  }
  static constexpr std::size_t names_shown_max = 3;  // in a sentence
  // The ids of the first `count_max` (at least 1) of those `wanted`, by id, and how many there are.
  struct Named {
    std::vector<std::string_view> ids;
    std::size_t count = 0;
  };
  template <typename Wanted>
  [[nodiscard]] Named named(const Rollout& rollout, std::size_t count_max, Wanted wanted) const {
    Named found;
    for_each(rollout, [&](MemberIndex index) {
      if (!wanted(slab_[index])) return;
      ++found.count;
      const auto id = fleet_.id(slab_[index].device);
      if (found.ids.size() == count_max && !(id < found.ids.back())) return;
      found.ids.insert(std::upper_bound(found.ids.begin(), found.ids.end(), id), id);
      if (found.ids.size() > count_max) found.ids.pop_back();
    });
    return found;
  }

  // Tells the rollout's pace who is at work, as if each had begun now.
  void recount_work(Rollout& rollout);

  [[nodiscard]] MemberIndex end() const { return slab_.end(); }
  // True when `index` was ever used and is in use now.
  [[nodiscard]] bool live(MemberIndex index) const { return index < slab_.end() && slab_[index].rollout != nullptr; }

  // Counts all members of `rollout` again and compares; empty, or what differs. For tests and assertions.
  [[nodiscard]] std::string recount(const Rollout& rollout) const;

 private:
  void count(const Member& member, std::uint32_t step);
  void count_work(const Member& member, std::uint32_t step);
  void unlink(MemberIndex index);
  [[nodiscard]] bool before(MemberIndex a, MemberIndex b) const;

  Fleet& fleet_;
  Slab<Member> slab_;
  bool touched_ = false;
};

// "a, b, c and 4 more"
[[nodiscard]] std::string join_names(const Members::Named& named);

}  // namespace muster::rules
