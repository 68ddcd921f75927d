// Loaded into an agent by LD_PRELOAD: its wall clock runs by as many seconds off as the file MUSTER_CLOCK_FILE says, a
// decimal number that may change while the agent runs. The monotonic clock stays. Waits until a time on the wall clock
// are moved back to the kernel's, which knows nothing of this.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

const char* number() {
  static const char* const mapped = [] {
    const char* path = std::getenv("MUSTER_CLOCK_FILE");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    void* at = file < 0 ? MAP_FAILED : ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
    return at == MAP_FAILED ? "0" : static_cast<const char*>(at);
  }();
  return mapped;
}

long off_s() {
  return std::strtol(number(), nullptr, 10);
}

bool is_wall(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  if (result == 0 && is_wall(clock)) now->tv_sec += off_s();
  return result;
}

int gettimeofday(timeval* now, void*) noexcept {
  timespec precise{};
  ::clock_gettime(CLOCK_REALTIME, &precise);
  *now = {precise.tv_sec, precise.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* to) noexcept {
  timespec precise{};
  ::clock_gettime(CLOCK_REALTIME, &precise);
  if (to != nullptr) *to = precise.tv_sec;
  return precise.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  auto there = *until;
  there.tv_sec -= off_s();
  return ::pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &there);
}
}
