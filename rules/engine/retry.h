// When a device whose attempt failed gets the same versions again: what a rule says of it, and how long the device
// waits. Plain data and arithmetic; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::rules {

// An error with which an attempt of a device ends, by its name in wire::ErrorCode (rules/ does not include the
// generated schemas). What operators order, and what is refused before there is an attempt, is not among them: neither
// is tried again.
struct RetryReason {
  std::string_view name;
  bool usual;  // tried again where the rule does not say what is: it speaks of the link or the device's room
  std::string_view means;
};
inline constexpr std::array<RetryReason, 22> retry_reasons = {{
    {"fetch_failed", true, "The broker could not serve the files: it was too busy, or no longer has them."},
    {"fetch_timeout", true, "The link was too slow, or broke off too often."},
    {"disk_full", true, "The device had no room; logs rotate, and people clear up."},
    {"size_mismatch", false, "What arrived has another size than the manifest says."},
    {"digest_mismatch", false, "What arrived is whole and has another digest than the manifest says."},
    {"bad_signature", false, "A signature is not what it should be: look before anything is tried again."},
    {"unknown_key", false, "It is signed with a key that the device does not trust."},
    {"expired", false, "The release has expired; a clock that is wrong says so too."},
    {"malformed", false, "The manifest cannot be read."},
    {"incompatible", false, "The device cannot run the release."},
    {"requirement_unmet", false, "The release needs a newer version on another plane."},
    {"under_security_floor", false, "The device has committed a release with a higher security version."},
    {"conditions_unmet", false, "What the release has the device wait for did not come about in time."},
    {"probe_failed", false, "The release does not work there."},
    {"probe_timeout", false, "The release did not answer its probes in time."},
    {"probe_not_allowed", false, "The device does not have the probe on its list."},
    {"soak_failed", false, "The release stopped working while the device watched it."},
    {"shadow_failed", false, "The release stopped working in the shadow of the active one."},
    {"recovery_rollback", false, "The device's recovery policy put the release back."},
    {"install_failed", false, "The installer of the plane reported an error."},
    {"slot_damaged", false, "What is on the device's disk is not what was written there."},
    {"internal", false, "A fault of the device's agent or system; its words say which."},
}};

// The names alone, in the same order.
inline constexpr auto retry_reason_names = [] {
  std::array<std::string_view, retry_reasons.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = retry_reasons[i].name;
  return names;
}();

using RetryReasons = std::uint32_t;  // a bit an index of retry_reasons
inline constexpr RetryReasons usual_retry_reasons = [] {
  RetryReasons bits = 0;
  for (std::size_t i = 0; i < retry_reasons.size(); ++i) bits |= RetryReasons{retry_reasons[i].usual} << i;
  return bits;
}();
inline constexpr RetryReasons all_retry_reasons = (RetryReasons{1} << retry_reasons.size()) - 1;
static_assert(retry_reasons.size() < 32, "a bit each");

inline constexpr std::uint32_t attempts_max = 10;  // of one device, the first included

// The bit of an error's name; 0 for one that no rule can name.
[[nodiscard]] RetryReasons retry_reason(std::string_view name);

struct Retry {
  std::uint32_t attempts = 1;           // 1–attempts_max in all; 1: an attempt that failed is a failure
  std::uint64_t wait_s = 600;           // before the second attempt; doubles before each further one
  std::uint64_t wait_max_s = 6 * 3600;  // at most
  RetryReasons on = usual_retry_reasons;
  // For errors that want another patience; they need not stand in `on`, and each stands in one of these at most, which
  // have none themselves. At most retry_reasons.size().
  std::vector<Retry> by_error = {};

  bool operator==(const Retry&) const = default;
};

// Empty when the engine can work with it.
[[nodiscard]] std::string fault_of_retry(const Retry& retry);

// What counts for an attempt that ended with this error: the one of `by_error` that names it, or the rest. Null when
// neither does, so that it is never tried again.
[[nodiscard]] const Retry* retry_after(const Retry& retry, std::string_view error);

// Whether an attempt that ended with this error, the `tries`th of its device, is followed by another.
[[nodiscard]] bool tries_again(const Retry& retry, std::string_view error, std::uint32_t tries);

// "attempt 2 of 3", or why an attempt that ended with this error is the last.
[[nodiscard]] std::string attempt_text(const Retry& retry, std::string_view error, std::uint32_t tries);

// The longest that a device waits for another attempt, whatever the error was; 0 when there is never another.
[[nodiscard]] std::uint64_t longest_wait_s(const Retry& retry);

// How long the device waits by what retry_after has found: between half of the time that has doubled with each try and
// all of it, by chance from seed, id and try. So the devices of one site, whose link failed them together, do not come
// back together.
// REQUIRES: tries is 1–attempts_max.
[[nodiscard]] std::uint64_t retry_wait_s(const Retry& retry, std::uint64_t seed, std::string_view device,
                                         std::uint32_t tries);

}  // namespace muster::rules
