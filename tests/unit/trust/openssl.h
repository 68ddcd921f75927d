// Runs the openssl program, the independent opinion on our keys and certificates. For tests; one thread.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace muster::test {

struct OpensslResult {
  int code = -1;       // exit code; 127 when there is no openssl program
  std::string output;  // stdout and stderr
};

inline OpensslResult openssl(const std::vector<std::string>& arguments) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::dup2(pipe_ends[1], STDERR_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    std::vector<char*> argv = {const_cast<char*>("openssl")};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execvp("openssl", argv.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  OpensslResult result;
  char block[4096];
  for (ssize_t got = 0; (got = ::read(pipe_ends[0], block, sizeof block)) > 0;)
    result.output.append(block, static_cast<std::size_t>(got));
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace muster::test
