#include "rules/engine/retry.h"

#include <algorithm>
#include <cassert>

#include "rules/engine/rollout.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t retry_salt = 0xbb67ae8584caa73bu;  // another order than those of the cohort and of jitter

std::string fault_of_one(const Retry& retry) {
  if (retry.attempts == 0 || retry.attempts > attempts_max)
    return "it tries " + std::to_string(retry.attempts) + " times; 1 to " + std::to_string(attempts_max);
  if (retry.on == 0 || (retry.on & ~all_retry_reasons) != 0) return "it does not say after which errors it tries again";
  if (retry.wait_s == 0 || retry.wait_max_s < retry.wait_s) return "its longest wait is shorter than its first";
  return {};
}

}  // namespace

RetryReasons retry_reason(std::string_view name) {
  const auto found = std::find(retry_reason_names.begin(), retry_reason_names.end(), name);
  return found == retry_reason_names.end() ? 0 : RetryReasons{1} << (found - retry_reason_names.begin());
}

std::string fault_of_retry(const Retry& retry) {
  if (auto fault = fault_of_one(retry); !fault.empty()) return fault;
  RetryReasons named = 0;
  for (const Retry& one : retry.by_error) {
    if (auto fault = fault_of_one(one); !fault.empty()) return "by_error: " + fault;
    if (!one.by_error.empty()) return "by_error: one has others within";
    if ((named & one.on) != 0) return "by_error: two speak of one error";
    named |= one.on;
  }
  return {};
}

const Retry* retry_after(const Retry& retry, std::string_view error) {
  const auto bit = retry_reason(error);
  for (const Retry& one : retry.by_error) {
    if ((one.on & bit) != 0) return &one;
  }
  return (retry.on & bit) != 0 ? &retry : nullptr;
}

bool tries_again(const Retry& retry, std::string_view error, std::uint32_t tries) {
  const Retry* found = retry_after(retry, error);
  return found != nullptr && tries < found->attempts;
}

std::string attempt_text(const Retry& retry, std::string_view error, std::uint32_t tries) {
  auto text = "attempt " + std::to_string(tries);
  const Retry* found = retry_after(retry, error);
  if (found == nullptr) return text + ", the last because " + std::string(error) + " is not tried again";
  const auto attempts = std::to_string(found->attempts);
  if (tries <= found->attempts) return text + " of " + attempts;
  return text + ", the last because " + std::string(error) + " has " + attempts;
}

std::uint64_t longest_wait_s(const Retry& retry) {
  std::uint64_t longest_s = retry.attempts > 1 ? retry.wait_max_s : 0;
  for (const Retry& one : retry.by_error) longest_s = std::max(longest_s, longest_wait_s(one));
  return longest_s;
}

std::uint64_t retry_wait_s(const Retry& retry, std::uint64_t seed, std::string_view device, std::uint32_t tries) {
  assert(tries != 0 && tries <= attempts_max);
  auto wait_s = retry.wait_s;
  for (std::uint32_t i = 1; i < tries; ++i) wait_s = wait_s > retry.wait_max_s / 2 ? retry.wait_max_s : 2 * wait_s;
  wait_s = std::min(wait_s, retry.wait_max_s);
  const auto half_s = wait_s / 2;
  return wait_s - half_s + bucket_of(seed ^ (retry_salt + tries), device) % (half_s + 1);
}

}  // namespace muster::rules
