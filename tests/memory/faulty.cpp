// A program with one fault of each kind that the watchers look for, so that a test can show that they find it: faulty
// race, leak or overrun. Ends with 0 when nobody notices. `restarted` overruns, starts itself again in the same
// process, and overruns again.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

int shared_count = 0;
char* volatile kept = nullptr;

void race() {
  std::thread other([] { ++shared_count; });
  ++shared_count;
  other.join();
}

void leak() {
  kept = static_cast<char*>(std::malloc(1234));
  kept = nullptr;
}

void overrun() {
  kept = static_cast<char*>(std::malloc(16));
  volatile int past = 16;
  std::putchar(kept[past] == 'x' ? 'x' : '.');
  std::free(kept);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc > 1 ? argv[1] : "";
  if (fault == "race") race();
  if (fault == "leak") leak();
  if (fault == "overrun" || fault == "restarted") overrun();
  if (fault == "restarted") return ::execl(argv[0], argv[0], "overrun", nullptr);
  return 0;
}
