// The pace of one rollout at work: devices of open waves that wait for their turn, how many were assigned of late, and
// how many are at work at each site. Says who is next; assigns nobody. Pure; owned by the engine.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/engine/device.h"
#include "rules/engine/rule.h"

namespace muster::rules {

class PaceRun {
 public:
  void adopt(const Pace& pace, std::uint64_t seed);
  [[nodiscard]] bool any() const { return pace_.any(); }
  [[nodiscard]] std::size_t waiting() const { return queue_.size() + fresh_.size(); }

  // A member of a wave that opened then begins to wait. REQUIRES: it does not yet.
  void wait(MemberIndex member, std::string_view device, std::string_view site, std::uint64_t opened_s);
  // The device is at another site now: there it waits for its turn, or counts as at work. REQUIRES: `member` is its.
  void moved(MemberIndex member, DeviceIndex index, std::string_view device, std::string_view site);
  // An assignment was given, whenever that was.
  void assigned(std::uint64_t at_s, std::uint64_t now_s);
  // What a device is counted under from when it begins to work until it does no more.
  void at_work(DeviceIndex device, std::string_view site);
  void at_rest(DeviceIndex device);

  // Offers those whose turn it is, in the order of their cohort, until one of the limits is reached. `at_work`: devices
  // of the rollout that are. `take` gets a member and the bucket of the device that waited as it (a member's number is
  // used again when it has left), and says whether it assigned it; one that it did not waits no more: something else is
  // in its way, or it has left.
  void offer(std::uint64_t now_s, std::uint32_t at_work, const std::function<bool(MemberIndex, std::uint64_t)>& take);

 private:
  struct Waiting {
    std::uint64_t bucket = 0, not_before_s = 0;
    std::uint64_t site = 0;  // what stands for its name
    MemberIndex member = 0;
  };
  static bool sooner(const Waiting& a, const Waiting& b);
  void line_up_fresh();
  [[nodiscard]] bool is_full(std::uint64_t site) const;
  [[nodiscard]] std::uint32_t in_last_minute(std::uint64_t now_s) const;

  Pace pace_;
  std::uint64_t seed_ = 0;
  std::vector<Waiting> queue_;  // by bucket and member, each once
  std::vector<Waiting> fresh_;  // since the last offer
  // Assignments by the second in which they were given: the second, and how many.
  struct Second {
    std::uint64_t at_s = 0;
    std::uint32_t count = 0;
  };
  std::array<Second, 60> seconds_{};
  std::unordered_map<std::uint64_t, std::uint32_t> at_site_;        // devices at work where there are any
  std::unordered_map<DeviceIndex, std::uint64_t> site_of_working_;  // by device; also those that name none
};

// "600 a minute, 2 at work at one site"; empty when there is no pace.
[[nodiscard]] std::string describe_pace(const Pace& pace);

}  // namespace muster::rules
