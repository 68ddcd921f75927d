#include "rules/engine/pace.h"

#include <algorithm>
#include <cassert>

#include "rules/engine/rollout.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t minute_s = 60;
constexpr std::uint64_t jitter_salt = 0x6a09e667f3bcc908u;  // another order than that of the cohort

// Names come from devices, which may change theirs as often as they like: they are not kept. Devices that name no site
// share none: nobody knows that they are at one place.
constexpr std::uint64_t no_site = 0;
std::uint64_t key_of_site(std::string_view site) {
  return site.empty() ? no_site : std::max<std::uint64_t>(bucket_of(0, site), no_site + 1);
}

}  // namespace

void PaceRun::adopt(const Pace& pace, std::uint64_t seed) {
  pace_ = pace;
  seed_ = seed;
}

void PaceRun::wait(MemberIndex member, std::string_view device, std::string_view site, std::uint64_t opened_s) {
  Waiting waiting;
  waiting.bucket = bucket_of(seed_, device);
  waiting.member = member;
  if (pace_.per_site != 0) waiting.site = key_of_site(site);
  if (pace_.jitter_s != 0) {
    const auto delay_s = bucket_of(seed_ ^ jitter_salt, device) % (std::uint64_t{pace_.jitter_s} + 1);
    waiting.not_before_s = opened_s + delay_s;
  }
  fresh_.push_back(waiting);
}

void PaceRun::moved(MemberIndex member, DeviceIndex index, std::string_view device, std::string_view site) {
  if (pace_.per_site == 0) return;
  if (site_of_working_.count(index) != 0) {
    at_rest(index);
    at_work(index, site);
  }
  line_up_fresh();
  Waiting wanted;
  wanted.bucket = bucket_of(seed_, device);
  wanted.member = member;
  const auto found = std::lower_bound(queue_.begin(), queue_.end(), wanted, sooner);
  if (found != queue_.end() && !sooner(wanted, *found)) found->site = key_of_site(site);
}

void PaceRun::assigned(std::uint64_t at_s, std::uint64_t now_s) {
  if (pace_.per_minute == 0 || at_s + minute_s <= now_s) return;
  auto& second = seconds_[at_s % minute_s];
  if (second.at_s != at_s) second = {at_s, 0};
  ++second.count;
}

void PaceRun::at_work(DeviceIndex device, std::string_view site) {
  if (pace_.per_site == 0) return;
  const auto key = key_of_site(site);
  if (site_of_working_.emplace(device, key).second && key != no_site) ++at_site_[key];
}

void PaceRun::at_rest(DeviceIndex device) {
  const auto found = site_of_working_.find(device);
  if (found == site_of_working_.end()) return;
  const auto site = at_site_.find(found->second);
  if (site != at_site_.end() && --site->second == 0) at_site_.erase(site);
  site_of_working_.erase(found);
}

bool PaceRun::is_full(std::uint64_t site) const {
  if (pace_.per_site == 0) return false;
  const auto found = at_site_.find(site);
  return found != at_site_.end() && found->second >= pace_.per_site;
}

std::uint32_t PaceRun::in_last_minute(std::uint64_t now_s) const {
  std::uint32_t sum = 0;
  for (const auto& second : seconds_) {
    if (second.at_s + minute_s > now_s) sum += second.count;
  }
  return sum;
}

bool PaceRun::sooner(const Waiting& a, const Waiting& b) {
  return a.bucket != b.bucket ? a.bucket < b.bucket : a.member < b.member;
}

// One that left its place and came back waits as it does since: what is fresh comes first among equals.
void PaceRun::line_up_fresh() {
  if (fresh_.empty()) return;
  std::reverse(fresh_.begin(), fresh_.end());
  std::stable_sort(fresh_.begin(), fresh_.end(), sooner);
  const auto fresh = static_cast<std::ptrdiff_t>(fresh_.size());
  fresh_.insert(fresh_.end(), queue_.begin(), queue_.end());
  std::inplace_merge(fresh_.begin(), fresh_.begin() + fresh, fresh_.end(), sooner);
  const auto same = [](const Waiting& a, const Waiting& b) { return a.bucket == b.bucket && a.member == b.member; };
  fresh_.erase(std::unique(fresh_.begin(), fresh_.end(), same), fresh_.end());
  queue_.swap(fresh_);
  fresh_.clear();
}

void PaceRun::offer(std::uint64_t now_s, std::uint32_t at_work,
                    const std::function<bool(MemberIndex, std::uint64_t)>& take) {
  line_up_fresh();
  // As many as the three limits leave. A minute's number is spread evenly: a sixtieth of it, rounded up, in a second.
  std::uint32_t left = UINT32_MAX;
  if (pace_.per_minute != 0) {
    const auto& second = seconds_[now_s % minute_s];
    const auto given = second.at_s == now_s ? second.count : 0;
    const auto a_second = (pace_.per_minute + 59) / 60;
    const auto in_minute = in_last_minute(now_s);
    left = std::min(a_second - std::min(a_second, given), pace_.per_minute - std::min(pace_.per_minute, in_minute));
  }
  if (pace_.at_once != 0) left = std::min(left, pace_.at_once - std::min(pace_.at_once, at_work));

  std::size_t kept = 0;
  std::size_t i = 0;
  for (; i < queue_.size() && left != 0; ++i) {
    const Waiting waiting = queue_[i];
    if (is_full(waiting.site) || waiting.not_before_s > now_s) {
      queue_[kept++] = waiting;
      continue;
    }
    if (take(waiting.member, waiting.bucket)) --left;
  }
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(kept), queue_.begin() + static_cast<std::ptrdiff_t>(i));
}

std::string describe_pace(const Pace& pace) {
  std::string text;
  const auto add = [&](std::uint32_t number, const std::string& words) {
    if (number != 0) text += (text.empty() ? "" : ", ") + words;
  };
  add(pace.per_minute, std::to_string(pace.per_minute) + " a minute");
  add(pace.at_once, std::to_string(pace.at_once) + " at work at once");
  add(pace.per_site, std::to_string(pace.per_site) + " at work at one site");
  add(pace.jitter_s, "each up to " + std::to_string(pace.jitter_s) + " s after its wave opened");
  return text;
}

}  // namespace muster::rules
