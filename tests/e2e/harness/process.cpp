#include "tests/e2e/harness/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// In the child. The mount belongs to a namespace of its own and goes with the process.
void give_small_disk(const Launch::SmallDisk& disk) {
  const std::string options = "size=" + std::to_string(disk.bytes);
  const int spaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;
  const bool mounted = ::unshare(spaces) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       ::mount("tmpfs", disk.folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
  if (mounted) return;
  const rlimit limit{disk.bytes, disk.bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, SIG_IGN);  // a write then fails, as on a full disk
}

// In the child, between fork and exec; the test has no other thread that could hold a lock here.
[[noreturn]] void become(const Launch& launch, const std::vector<std::string>& watched, int out, int err,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(125);
  if (!launch.folder.empty() && ::chdir(launch.folder.c_str()) != 0) ::_exit(125);
  if (launch.small_disk) give_small_disk(*launch.small_disk);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  for (const auto& variable : watched) ::putenv(const_cast<char*>(variable.c_str()));
  for (const auto& variable : launch.environment) ::putenv(const_cast<char*>(variable.c_str()));
  std::vector<char*> arguments;
  for (const auto& arg : launch.args) arguments.push_back(const_cast<char*>(arg.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn(const Launch& launch, int out, int err) {
  const pid_t parent = ::getpid();
  const auto watched = watched_environment();
  const pid_t pid = ::fork();
  if (pid == 0) become(launch, watched, out, err, parent);
  if (pid > 0) ::setpgid(pid, pid);
  return pid;
}

// Reads what both pipes give until both are closed or the deadline passes; false when it passed.
bool drain(int out, int err, Finished& finished, Clock::time_point deadline) {
  std::array<pollfd, 2> ends = {pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&finished.out, &finished.err};
  std::array<char, 16384> piece{};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends.data(), ends.size(), left_ms(deadline)) <= 0) return false;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const auto got = ::read(ends[i].fd, piece.data(), piece.size());
      if (got > 0)
        texts[i]->append(piece.data(), static_cast<std::size_t>(got));
      else
        ends[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

Process::Process(const Launch& launch) {
  const std::string log = launch.log.empty() ? "/dev/null" : launch.log;
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  pid_ = spawn(launch, file, file);
  ::close(file);
}

Process::~Process() {
  kill_hard();
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(std::exchange(other.exit_code_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  kill_hard();
  pid_ = std::exchange(other.pid_, -1);
  exit_code_ = std::exchange(other.exit_code_, std::nullopt);
  return *this;
}

void Process::reap(int status) {
  exit_code_ = code_of(status);
}

bool Process::running() {
  return pid_ > 0 && !wait_exit(Milliseconds(0));
}

void Process::signal(int number) const {
  if (pid_ > 0 && !exit_code_) ::kill(pid_, number);
}

void Process::kill_hard() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);  // whatever of the group is left, also when the process itself has ended
  int status = 0;
  if (!exit_code_ && ::waitpid(pid_, &status, 0) == pid_) reap(status);
}

std::optional<int> Process::wait_exit(Milliseconds patience) {
  if (exit_code_ || pid_ <= 0) return exit_code_;
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  pollfd end{handle, POLLIN, 0};
  ::poll(&end, 1, static_cast<int>(stretched(patience).count()));
  ::close(handle);
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) reap(status);
  return exit_code_;
}

Finished run(const std::vector<std::string>& args, Milliseconds patience, const std::string& folder,
             const std::vector<std::string>& environment) {
  Finished finished;
  std::array<int, 2> out{}, err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) return finished;
  const auto deadline = Clock::now() + stretched(patience);
  Launch launch;
  launch.args = args;
  launch.folder = folder;
  launch.environment = environment;
  const pid_t pid = spawn(launch, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  const bool ended = drain(out[0], err[0], finished, deadline);
  ::close(out[0]);
  ::close(err[0]);
  if (!ended) ::kill(-pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (ended) finished.exit_code = code_of(status);
  return finished;
}

}  // namespace muster::e2e
