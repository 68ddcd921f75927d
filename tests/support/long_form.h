// Whether a test runs in its long form, and what chance it runs with. Any thread.
//
// `scripts/test --long` sets MUSTER_LONG=1: the same tests with more seeds, more kills and more time. MUSTER_SEED=N repeats
// what a failed run printed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace muster::testing {

[[nodiscard]] inline bool long_form() {
  const char* value = std::getenv("MUSTER_LONG");
  return value != nullptr && std::string(value) == "1";
}

// How much of it: the first number in the form that every change runs, the second in the long one.
template <typename Number>
[[nodiscard]] Number size_for(Number short_form, Number long_size) {
  return long_form() ? long_size : short_form;
}

// The seed given by MUSTER_SEED, else `otherwise`. The caller prints it.
[[nodiscard]] inline std::uint64_t seed_or(std::uint64_t otherwise) {
  const char* value = std::getenv("MUSTER_SEED");
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

}  // namespace muster::testing
