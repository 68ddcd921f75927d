// The command line that every bench program has: --rounds N, --quick, --seed S. Main thread, before anything else.
#pragma once

#include <cstdint>

namespace muster::bench {

struct Options {
  int rounds = 5;
  bool quick = false;
  std::uint64_t seed = 20261121;
};

// Prints what is wrong and ends the program with code 2; prints help and ends it with 0.
[[nodiscard]] Options parse_options(int argc, char** argv);

// Says on stderr why the measurement broke off, and ends the program with code 1.
[[noreturn]] void break_off(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace muster::bench
