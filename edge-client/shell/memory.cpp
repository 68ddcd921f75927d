#include "edge-client/shell/memory.h"

#include <malloc.h>

namespace muster::edge {
namespace {

constexpr int arenas_max = 2;
constexpr int trim_threshold = 64 * 1024;

}  // namespace

void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, arenas_max);
  ::mallopt(M_TRIM_THRESHOLD, trim_threshold);
}

void release_startup_memory() {
  ::malloc_trim(0);
}

}  // namespace muster::edge
