#include "tests/unit/operator/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace muster::ctl::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become(const std::vector<std::string>& arguments,
                         const std::vector<std::pair<std::string, std::string>>& environment) {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "MUSTER_", 7) == 0) names.emplace_back(*entry, std::strcspn(*entry, "="));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  ::_exit(127);
}

// Reads both pipes until both end, or the time is up.
bool collect(std::array<pollfd, 2>& pipes, Ran& ran, Clock::time_point deadline) {
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(pipes.data(), pipes.size(), static_cast<int>(left)) <= 0) continue;
    for (auto& pipe : pipes) {
      if (pipe.fd < 0 || pipe.revents == 0) continue;
      std::array<char, 4096> buffer{};
      const auto got = ::read(pipe.fd, buffer.data(), buffer.size());
      if (got > 0) (&pipe == &pipes[0] ? ran.out : ran.err).append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0) {
        ::close(pipe.fd);
        pipe.fd = -1;
      }
    }
  }
  return true;
}

}  // namespace

Ran run(const std::vector<std::string>& arguments,
        const std::vector<std::pair<std::string, std::string>>& environment) {
  std::array<int, 2> out{}, err{};
  EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC), 0);
  const auto child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    become(arguments, environment);
  }
  ::close(out[1]);
  ::close(err[1]);
  Ran ran;
  std::array<pollfd, 2> pipes{{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
  if (!collect(pipes, ran, Clock::now() + std::chrono::seconds(30))) {
    ADD_FAILURE() << arguments.front() << " did not end within 30 seconds";
    ::kill(child, SIGKILL);
    for (const auto& pipe : pipes) {
      if (pipe.fd >= 0) ::close(pipe.fd);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Ran musterctl(std::vector<std::string> arguments, const std::vector<std::pair<std::string, std::string>>& environment) {
  const char* program = std::getenv("MUSTERCTL");
  if (program == nullptr) {
    ADD_FAILURE() << "MUSTERCTL must name the built musterctl; CTest sets it";
    return {};
  }
  arguments.insert(arguments.begin(), program);
  return run(arguments, environment);
}

}  // namespace muster::ctl::test
