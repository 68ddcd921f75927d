#include "rules/engine/retry.h"

#include <algorithm>
#include <cassert>

#include "rules/engine/rollout.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t retry_salt = 0xbb67ae8584caa73bu;  // another order than those of the cohort and of jitter

}  // namespace

std::string fault_of_retry(const Retry& retry) {
  if (retry.attempts == 0 || retry.attempts > attempts_max)
    return "it tries " + std::to_string(retry.attempts) + " times; 1 to " + std::to_string(attempts_max);
  if (retry.on == 0 || (retry.on & ~all_retry_reasons) != 0) return "it does not say after which errors it tries again";
  if (retry.wait_s == 0 || retry.wait_max_s < retry.wait_s) return "its longest wait is shorter than its first";
  return {};
}

bool tries_again(const Retry& retry, std::string_view error, std::uint32_t tries) {
  const auto found = std::find(retry_reason_names.begin(), retry_reason_names.end(), error);
  if (found == retry_reason_names.end() || tries >= retry.attempts) return false;
  return (retry.on >> (found - retry_reason_names.begin()) & 1) != 0;
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
