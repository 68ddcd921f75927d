#include "edge-client/shell/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "edge-client/shell/spawn.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t poll_ms = 20;   // only where the kernel knows no pidfd
constexpr int reads_per_turn_max = 16;  // what never stops talking must not keep the loop: as much as a pipe holds

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
  const auto id = start(std::move(done), [&](int output, pid_t& pid) { return spawn(command, output, pid); });
  const auto begun = children_.find(id);
  if (begun == children_.end()) return id;
  begun->second.deadline = loop_.after(timeout_ms, [this, id] {
    auto& late = children_[id];
    late.timed_out = true;
    late.deadline = 0;
    ::kill(-late.pid, SIGKILL);
  });
  return id;
}

ProcessRunner::Id ProcessRunner::run_beside(const CommandLine& command, const Beside& how, Done done) {
  const auto id =
      start(std::move(done), [&](int output, pid_t& pid) { return spawn_beside(command, how, output, pid); });
  const auto begun = children_.find(id);
  if (begun != children_.end()) begun->second.whole_group = true;
  return id;
}

// An id without a child when it can not be started: `done` is told by the loop.
ProcessRunner::Id ProcessRunner::start(Done done, const std::function<int(int output, pid_t& pid)>& spawn_child) {
  const auto id = ++last_;
  Child child;
  child.done = std::move(done);
  std::array<int, 2> pipe_ends{-1, -1};
  int error = ::pipe2(pipe_ends.data(), O_CLOEXEC) == 0 ? 0 : errno;
  if (error == 0) {
    ::fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    error = spawn_child(pipe_ends[1], child.pid);
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
  for (int i = 0; i < reads_per_turn_max; ++i) {
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
  siginfo_t ended{};
  if (child.whole_group && ::waitid(P_PID, static_cast<id_t>(child.pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      ended.si_pid == child.pid) {
    // Before it is reaped its number is nobody else's: what it left behind goes with it.
    ::kill(-child.pid, SIGKILL);
  }
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

void ProcessRunner::end(Id id, std::uint64_t grace_ms) {
  const auto found = children_.find(id);
  if (found == children_.end()) return;
  ::kill(-found->second.pid, SIGTERM);
  if (found->second.deadline != 0) return;
  found->second.deadline = loop_.after(grace_ms, [this, id] {
    auto& late = children_[id];
    late.deadline = 0;
    ::kill(-late.pid, SIGKILL);
  });
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
