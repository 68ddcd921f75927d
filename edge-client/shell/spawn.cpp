#include "edge-client/shell/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>

extern char** environ;

namespace muster::edge {
namespace {

constexpr int not_started = 127;
constexpr std::size_t environment_len_max = 128 * 1024;  // of another process; what lies behind is not looked at

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The agent's own environment without what `more` gives anew, and `more`.
std::vector<char*> environment_with(const std::vector<std::string>& more) {
  std::vector<char*> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto name_len = std::min(text.find('='), text.size() - 1) + 1;
    const bool anew = std::any_of(more.begin(), more.end(), [&](const std::string& other) {
      return other.compare(0, name_len, text.substr(0, name_len)) == 0;
    });
    if (!anew) entries.push_back(*entry);
  }
  const auto given = pointers_to(more);
  entries.insert(entries.end(), given.begin(), given.end());
  return entries;
}

struct Child {
  char** arguments;
  char** environment;
  int output, nice, report;
  pid_t parent;
};

// In the child, between fork and exec: the agent has other threads, so nothing here takes memory or a lock.
[[noreturn]] void become(const Child& child) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != child.parent) ::_exit(not_started);  // it was gone before it could be asked for
  ::setpriority(PRIO_PROCESS, 0, child.nice);
  if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
    [[maybe_unused]] const auto written = ::write(score, "1000", 4);
    ::close(score);
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(child.output, STDOUT_FILENO) >= 0 &&
      ::dup2(child.output, STDERR_FILENO) >= 0) {
    ::execvpe(child.arguments[0], child.arguments, child.environment);
  }
  const int error = errno;
  [[maybe_unused]] const auto told = ::write(child.report, &error, sizeof error);
  ::_exit(not_started);
}

}  // namespace

int spawn(const CommandLine& command, int output, pid_t& pid) {
  auto arguments = pointers_to(command);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  // The agent blocks signals for its signalfd; a command must get them as usual.
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// posix_spawn can ask for neither the parent's death nor a priority.
int spawn_beside(const CommandLine& command, const Beside& how, int output, pid_t& pid) {
  auto arguments = pointers_to(command);
  auto environment = environment_with(how.environment);
  std::array<int, 2> report{-1, -1};  // closed by a good exec; errno comes out of it otherwise
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return errno;
  const Child child{arguments.data(), environment.data(), output, how.nice, report[1], ::getpid()};
  pid = ::fork();
  if (pid == 0) become(child);
  int error = pid < 0 ? errno : 0;
  ::close(report[1]);
  if (pid > 0) {
    ::setpgid(pid, pid);  // whoever comes first: from here on its group can be signalled
    while (::read(report[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
    if (error != 0) ::waitpid(pid, nullptr, 0);
  }
  ::close(report[0]);
  return error;
}

std::size_t kill_marked(const std::string& entry) {
  std::size_t killed = 0;
  std::error_code error;
  const auto marked = entry + '\0';
  std::string room(environment_len_max, '\0');
  for (const auto& folder : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = folder.path().filename().string();
    pid_t pid = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (fault != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    std::ifstream file(folder.path() / "environ", std::ios::binary);
    file.read(room.data(), static_cast<std::streamsize>(room.size()));
    const std::string_view all(room.data(), static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    const auto at = all.find(marked);
    if (at == std::string::npos || (at != 0 && all[at - 1] != '\0')) continue;
    if (::kill(pid, SIGKILL) == 0) ++killed;
  }
  return killed;
}

}  // namespace muster::edge
