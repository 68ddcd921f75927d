#include "edge-client/shell/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

extern char** environ;

namespace muster::edge {
namespace {

constexpr std::uint64_t poll_ms = 20;  // only where the kernel knows no pidfd

// Starts `command` with its output in `output`; errno on failure.
int spawn(const CommandLine& command, int output, pid_t& pid) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

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

// The last line that says something, with control characters taken out.
std::string last_line(const std::string& tail) {
  std::string line;
  std::string last;
  const auto end_line = [&] {
    if (line.find_first_not_of(' ') != std::string::npos) last = line;
    line.clear();
  };
  for (const char c : tail) {
    if (c == '\n' || c == '\r') {
      end_line();
    } else if (c >= ' ' && c <= '~') {
      line.push_back(c);
    }
  }
  end_line();
  return last.substr(0, ProcessRunner::output_len_max);
}

}  // namespace

std::string CommandResult::text() const {
  std::string what;
  switch (end) {
    case End::exited:
      what = "exit code " + std::to_string(code);
      break;
    case End::signalled:
      what = "ended by signal " + std::to_string(code);
      break;
    case End::timed_out:
      what = "did not end in time and was killed";
      break;
    case End::not_started:
      what = std::string("cannot be started: ") + std::strerror(code);
      break;
  }
  return said.empty() ? what : what + ": " + said;
}

ProcessRunner::~ProcessRunner() {
  while (!children_.empty()) kill(children_.begin()->first);
}

ProcessRunner::Id ProcessRunner::run(const CommandLine& command, std::uint64_t timeout_ms, Done done) {
  assert(!command.empty());
  const auto id = ++last_;
  Child child;
  child.done = std::move(done);
  std::array<int, 2> pipe_ends{-1, -1};
  int error = ::pipe2(pipe_ends.data(), O_CLOEXEC) == 0 ? 0 : errno;
  if (error == 0) {
    ::fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    error = spawn(command, pipe_ends[1], child.pid);
    ::close(pipe_ends[1]);
  }
  if (error != 0) {
    if (pipe_ends[0] >= 0) ::close(pipe_ends[0]);
    CommandResult result;
    result.code = error;
    loop_.post([done = std::move(child.done), result] { done(result); });
    return id;
  }
  child.output = pipe_ends[0];
  children_.emplace(id, std::move(child));
  loop_.watch(pipe_ends[0], [this, id] { read_output(id); });
  children_[id].deadline = loop_.after(timeout_ms, [this, id] {
    auto& late = children_[id];
    late.timed_out = true;
    late.deadline = 0;
    ::kill(-late.pid, SIGKILL);
  });
  await_end(id);
  return id;
}

void ProcessRunner::await_end(Id id) {
  auto& child = children_[id];
  child.ended = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  if (child.ended >= 0) {
    loop_.watch(child.ended, [this, id] { check(id); });
    return;
  }
  child.poll = loop_.after(poll_ms, [this, id] { check(id); });
}

void ProcessRunner::read_output(Id id) {
  auto& child = children_[id];
  std::array<char, 4096> buffer;
  for (;;) {
    const auto size = ::read(child.output, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size == 0) {
      loop_.unwatch(child.output);
      ::close(child.output);
      child.output = -1;
    }
    if (size <= 0) return;
    child.tail.append(buffer.data(), static_cast<std::size_t>(size));
    if (child.tail.size() > buffer.size()) child.tail.erase(0, child.tail.size() - buffer.size());
  }
}

void ProcessRunner::check(Id id) {
  auto& child = children_[id];
  int status = 0;
  const auto got = ::waitpid(child.pid, &status, WNOHANG);
  if (got == 0) {
    if (child.ended < 0) child.poll = loop_.after(poll_ms, [this, id] { check(id); });
    return;
  }
  if (child.output >= 0) read_output(id);
  CommandResult result;
  result.said = last_line(child.tail);
  if (child.timed_out) {
    result.end = CommandResult::End::timed_out;
  } else if (WIFSIGNALED(status)) {
    result.end = CommandResult::End::signalled;
    result.code = WTERMSIG(status);
  } else {
    result.end = CommandResult::End::exited;
    result.code = WEXITSTATUS(status);
  }
  const auto done = std::move(child.done);
  close_child(child);
  children_.erase(id);
  done(result);
}

void ProcessRunner::close_child(Child& child) {
  if (child.output >= 0) {
    loop_.unwatch(child.output);
    ::close(child.output);
  }
  if (child.ended >= 0) {
    loop_.unwatch(child.ended);
    ::close(child.ended);
  }
  loop_.cancel(child.deadline);
  loop_.cancel(child.poll);
}

void ProcessRunner::kill(Id id) {
  const auto found = children_.find(id);
  if (found == children_.end()) return;
  ::kill(-found->second.pid, SIGKILL);
  // After SIGKILL this wait is short.
  while (::waitpid(found->second.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  close_child(found->second);
  children_.erase(found);
}

}  // namespace muster::edge
