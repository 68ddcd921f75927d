#include "broker-plugin/core/bug_guard.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace muster::broker {
namespace {

struct Guard {
  std::jmp_buf back;
  char what[512];
  Guard* outer;
};
thread_local Guard* armed = nullptr;

// Apart from catch_bugs_of, so that no object with a destructor lives in the frame that is jumped to.
bool run(Guard& guard, void (*action)(void*), void* context) {
  if (setjmp(guard.back) != 0) return false;
  action(context);
  return true;
}

}  // namespace

std::string catch_bugs_of(void (*action)(void*), void* context) {
  Guard guard;  // not cleared: three of these stand around every message, and `what` is written before it is read
  guard.outer = armed;
  armed = &guard;
  std::string what;
  try {
    if (!run(guard, action, context)) what = guard.what;
  } catch (const std::exception& thrown) {
    what = thrown.what();
  } catch (...) {
    what = "something unknown was thrown";
  }
  armed = guard.outer;
  return what;
}

namespace {

[[noreturn]] void assert_failed(const char* condition, const char* file, unsigned line, const char* function) {
  Guard* guard = armed;
  if (guard == nullptr) {
    std::fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function == nullptr ? "?" : function,
                 condition);
    std::abort();
  }
  std::snprintf(guard->what, sizeof guard->what, "assertion '%s' failed at %s:%u", condition, file, line);
  std::longjmp(guard->back, 1);
}

}  // namespace
}  // namespace muster::broker

// What assert() calls in the GNU C library; this one is found first by the code that is linked with it, and the plugin
// does not export it.
extern "C" [[noreturn]] void __assert_fail(const char* condition, const char* file, unsigned int line,
                                           const char* function) noexcept {
  muster::broker::assert_failed(condition, file, line, function);
}
