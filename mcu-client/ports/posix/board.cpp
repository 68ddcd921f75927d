#include "mcu-client/ports/posix/board.h"

#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "mcu-client/ports/posix/layout.h"

extern char** environ;

namespace muster::mcu::posix {
namespace {

constexpr const char* cause_name = "MUSTER_MCU_RESET_CAUSE";
constexpr const char* operations_name = "MUSTER_MCU_OPERATIONS";  // flash operations of the starts before

// What a reset needs; the watchdog's signal may not allocate, so all of it is made before.
struct Restart {
  char** argv = nullptr;
  char program[PATH_MAX];
  char cause[64];
  char operations[64];
};
Restart restart;
std::uint32_t watchdog_ms = 0;

// Starts the program again with the environment's two variables; by functions that a signal handler may call.
[[noreturn]] void start_again(char cause) {
  ::alarm(0);  // a timer outlives the exec, and would end a start that has no handler for it yet
  restart.cause[std::strlen(restart.cause) - 1] = cause;
  ::execve(restart.program, restart.argv, environ);
  ::execve("/proc/self/exe", restart.argv, environ);  // its file is no longer there
  ::_exit(EXIT_FAILURE);
}

[[noreturn]] void on_watchdog(int) {
  start_again('w');
}

[[noreturn]] void on_switched_off(int) {
  const char* const text = restart.operations;
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
  (void)!::write(STDERR_FILENO, "\n", 1);
  ::_exit(EXIT_SUCCESS);
}

std::uint64_t milliseconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

// The chip's own time begins with its start.
std::uint64_t uptime_ms(void*) {
  static const std::uint64_t started_ms = milliseconds_of(CLOCK_BOOTTIME);
  return milliseconds_of(CLOCK_BOOTTIME) - started_ms;
}

char cause_of_this_start() {
  const char* text = std::getenv(cause_name);
  return text == nullptr || *text == '\0' ? 'p' : *text;
}

ResetCause reset_cause(void*) {
  switch (cause_of_this_start()) {
    case 'w':
      return ResetCause::watchdog;
    case 's':
      return ResetCause::software;
    case 'f':
      return ResetCause::fault;
    default:
      return ResetCause::power_on;
  }
}

int entropy(void*, std::uint8_t* to, std::size_t size) {
  return ::getrandom(to, size, 0) == static_cast<ssize_t>(size) ? ok : err_io;
}

void feed(void*) {
  if (watchdog_ms == 0) return;
  itimerval timer{};
  timer.it_value.tv_sec = watchdog_ms / 1000;
  timer.it_value.tv_usec = static_cast<suseconds_t>(watchdog_ms % 1000) * 1000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

void log_line(void*, LogLevel level, const char* line) {
  static const char* const names[] = {"error", "warning", "info", "debug"};
  std::fprintf(stderr, "%s: %s\n", names[static_cast<unsigned>(level)], line);
}

}  // namespace

Board::Board(const BoardSetup& setup, char** argv)
    : setup_(setup),
      nor_(NorShape{flash_size, layout.erase_size, layout.program_size}, setup_.flash.c_str()),
      socket_(setup_.address.c_str(), setup_.tcp_port),
      tls_(lower_) {
  const char* before = std::getenv(operations_name);
  operations_before_ = before == nullptr ? 0 : std::strtoull(before, nullptr, 10);
  if (!nor_.is_open()) {
    std::fprintf(stderr, "the flash '%s' cannot be opened\n", setup_.flash.c_str());
    std::exit(EXIT_FAILURE);
  }
  if (setup_.cut_at > operations_before_) nor_.cut_power_at(setup_.cut_at - operations_before_, setup_.cut_seed);
  restart.argv = argv;
  // By its name: while valgrind runs it, the link itself leads to valgrind.
  const auto length = ::readlink("/proc/self/exe", restart.program, sizeof restart.program - 1);
  restart.program[length < 0 ? 0 : length] = '\0';
  std::snprintf(restart.cause, sizeof restart.cause, "%s=%c", cause_name, cause_of_this_start());
  // From here on the environment points to our buffers, which start_again changes in place.
  ::putenv(restart.cause);
  count();
  ::putenv(restart.operations);
  ::signal(SIGTERM, on_switched_off);

  lower_.uptime_ms = uptime_ms;
  lower_.entropy = entropy;
  lower_.log = log_line;
  socket_.fill(lower_);

  port_ = lower_;
  port_.context = this;
  port_.open = [](void* self) { return static_cast<Board*>(self)->socket_.open(); };
  port_.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
    return static_cast<Board*>(self)->socket_.send(bytes, size);
  };
  port_.recv = [](void* self, std::uint8_t* to, std::size_t size) {
    return static_cast<Board*>(self)->socket_.recv(to, size);
  };
  port_.close = [](void* self) { static_cast<Board*>(self)->socket_.close(); };
  port_.flash_read = [](void* self, std::uint32_t offset, void* to, std::uint32_t size) {
    return static_cast<Board*>(self)->nor_.read(offset, to, size);
  };
  port_.flash_program = [](void* self, std::uint32_t offset, const void* from, std::uint32_t size) {
    auto& board = *static_cast<Board*>(self);
    const int result = board.nor_.program(offset, from, size);
    board.count();
    return result;
  };
  port_.flash_erase = [](void* self, std::uint32_t offset, std::uint32_t size) {
    auto& board = *static_cast<Board*>(self);
    const int result = board.nor_.erase(offset, size);
    board.count();
    return result;
  };
  port_.reset = [](void*) { start_again('s'); };
  port_.reset_cause = reset_cause;
  port_.watchdog_feed = feed;
}

// A process whose power was cut does nothing more; whoever started it turns the power on again by starting another.
void Board::count() {
  if (!nor_.has_power()) {
    std::fprintf(stderr, "info: power was cut in flash operation %llu\n",
                 static_cast<unsigned long long>(setup_.cut_at));
    ::_exit(exit_power_cut);
  }
  std::snprintf(restart.operations, sizeof restart.operations, "%s=%llu", operations_name,
                static_cast<unsigned long long>(operations_before_ + nor_.operations()));
}

int Board::use_tls(const TlsCredentials& credentials) {
  if (const int bad = tls_.configure(credentials); bad != ok) return bad;
  port_.open = [](void* self) { return static_cast<Board*>(self)->tls_.open(); };
  port_.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
    return static_cast<Board*>(self)->tls_.send(bytes, size);
  };
  port_.recv = [](void* self, std::uint8_t* to, std::size_t size) {
    return static_cast<Board*>(self)->tls_.recv(to, size);
  };
  port_.close = [](void* self) { static_cast<Board*>(self)->tls_.close(); };
  return ok;
}

void Board::start_watchdog() {
  watchdog_ms = setup_.watchdog_ms;
  struct sigaction action {};
  action.sa_handler = on_watchdog;
  action.sa_flags = SA_NODEFER;
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);  // a reset from within the handler left it blocked
  feed(nullptr);
}

void Board::fault() {
  start_again('f');
}

const std::uint8_t* Board::flash_bytes() const {
  return nor_.bytes();
}

void Board::idle(std::uint32_t at_most_ms) {
  pollfd wait{socket_.descriptor(), POLLIN, 0};
  (void)::poll(&wait, wait.fd >= 0 ? 1 : 0, static_cast<int>(at_most_ms));
}

}  // namespace muster::mcu::posix
