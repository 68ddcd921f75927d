// Runs every path under callgrind: `valgrind --tool=callgrind --collect-atstart=no instruction_paths`. Each path leaves
// a dump that carries its name; instructions_test.cpp reads them. Without valgrind it does the same and nothing is
// counted.
#include <valgrind/callgrind.h>

#include <cstdio>

#include "tests/bench/instructions/paths.h"

namespace {

using namespace muster::instructions;

void measure(const Path& path) {
  path.prepare();
  std::size_t number = 0;
  for (; number < operations; ++number) path.operate(number);
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  for (; number < 2 * operations; ++number) path.operate(number);
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(path.name);
}

void measure_all(const Path* (*list)(std::size_t&)) {
  std::size_t count = 0;
  const Path* paths = list(count);
  for (std::size_t i = 0; i < count; ++i) measure(paths[i]);
}

}  // namespace

int main() {
  measure_all(pure_paths);
  measure_all(plugin_paths);
  std::puts("done");
  return 0;
}
