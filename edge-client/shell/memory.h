// Keeps the agent small: reading YAML, shaking hands by TLS and fetching need heap that is hardly used again. Any
// thread.
#pragma once

namespace muster::edge {

// REQUIRES: no other thread yet. Fewer and smaller heaps: glibc gives each thread its own otherwise.
void keep_memory_small();

// Gives back to the system the heap that starting, or fetching a release, has needed.
void release_unused_memory();

}  // namespace muster::edge
