// Keeps the agent small. Loading its libraries, reading YAML and shaking hands by TLS touch megabytes of code that is
// hardly used again; left alone they stay resident for ever. Any thread.
#pragma once

namespace muster::edge {

// REQUIRES: no other thread yet. Fewer and smaller heaps: glibc gives each thread its own otherwise.
void keep_memory_small();

// Gives back the pages of code that starting needed; what is used again comes back from the page cache, page by page.
void release_startup_memory();

}  // namespace muster::edge
