// What the error of a failed device speaks of: the release itself, or what carries it. Who looks at a halted rollout
// has to know which: the one needs another release, the other another try. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::rules {

enum class FailureCause : std::uint8_t {
  release,         // it was there whole and did not work: probes, soak, recovery, rehearsal
  infrastructure,  // it did not arrive, or did not stay whole: link, broker, disk
  refused,         // the device would not take it: trust, compatibility, its security floor, orders
  unclear          // the device says nothing that tells: no end in time, an installer's or an internal error
};
inline constexpr std::size_t failure_cause_count = 4;

[[nodiscard]] std::string_view name_of(FailureCause cause);
// "by the release", "by link, broker or disk"
[[nodiscard]] std::string_view words_of(FailureCause cause);

// Of the name of an error code, as statuses and the audit record have it; unclear for one that this version does not
// know.
[[nodiscard]] FailureCause cause_of(std::string_view error);

// What has gone wrong in rollouts since the engine was made, for curves and alarms: is a release bad, or what carries
// it? Only grows; no part of the records.
struct Troubles {
  std::array<std::uint64_t, failure_cause_count> failures{};  // attempts, by cause; those that are tried again too
  std::uint64_t guardrails_failed = 0;                        // each segment for itself

  void count(std::string_view error) { ++failures[static_cast<std::size_t>(cause_of(error))]; }
  [[nodiscard]] std::uint64_t of(FailureCause cause) const { return failures[static_cast<std::size_t>(cause)]; }
};

}  // namespace muster::rules
