#include "edge-client/shell/memory.h"

#include <malloc.h>

namespace muster::edge {
namespace {

constexpr int arenas_max = 2;
// Room for the chunks that are under way while a release is fetched: with less, each of them would be memory that the
// system has to find, clear and take back.
constexpr int trim_threshold = 2 * 1024 * 1024;

}  // namespace

void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, arenas_max);
  ::mallopt(M_TRIM_THRESHOLD, trim_threshold);
}

void release_unused_memory() {
  ::malloc_trim(0);
}

}  // namespace muster::edge
