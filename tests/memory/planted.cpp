// A fault in any program that this library is loaded into, by LD_PRELOAD: reads past the end of an allocation before
// main.
#include <cstdio>
#include <cstdlib>

namespace {

__attribute__((constructor)) void overrun() {
  char* volatile kept = static_cast<char*>(std::malloc(16));
  volatile int past = 16;
  if (kept[past] == 'x') std::fputs("planted\n", stderr);
  std::free(kept);
}

}  // namespace
