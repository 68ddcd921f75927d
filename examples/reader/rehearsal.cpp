#include "examples/reader/rehearsal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "examples/reader/recogniser.h"

namespace muster::reader {
namespace {

constexpr std::size_t message_len_max = 1024;
constexpr std::chrono::milliseconds load_time_limit{20000};

// The child's half: its exit status says whether the work succeeded, the pipe why not.
[[noreturn]] void run_child(const std::function<tl::expected<void, Error>()>& work, int pipe_out) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (quiet >= 0) dup2(quiet, STDERR_FILENO);  // Tesseract's own complaints; ours travel through the pipe
  std::string message;
  try {
    if (const auto outcome = work(); !outcome) message = outcome.error().message;
  } catch (const std::exception& e) {
    message = e.what();
  }
  message.resize(std::min(message.size(), message_len_max));
  const auto written = write(pipe_out, message.data(), message.size());
  _exit(message.empty() && written == 0 ? 0 : 1);
}

// Collects what the child says until it ends or the time is up; false in the latter case.
bool collect(int pipe_in, std::chrono::milliseconds time_limit, std::string& message) {
  const auto deadline = std::chrono::steady_clock::now() + time_limit;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{pipe_in, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left)) <= 0) continue;  // a signal or the time; the loop's head decides
    char buffer[message_len_max];
    const auto got = ::read(pipe_in, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (message.size() < message_len_max) message.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

tl::expected<void, Error> rehearse(const std::function<tl::expected<void, Error>()>& work,
                                   std::chrono::milliseconds time_limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return tl::unexpected(Error{ErrorKind::io, std::string("cannot make a pipe: ") + std::strerror(errno)});
  }
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(work, ends[1]);
  }
  const int fork_errno = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return tl::unexpected(
        Error{ErrorKind::io, std::string("cannot start a child process: ") + std::strerror(fork_errno)});
  }
  std::string message;
  const bool in_time = collect(ends[0], time_limit, message);
  close(ends[0]);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return tl::unexpected(
        Error{ErrorKind::timeout, "it was not done after " + std::to_string(time_limit.count()) + " ms"});
  }
  if (WIFSIGNALED(status)) {
    return tl::unexpected(Error{ErrorKind::invalid, std::string("it crashed (") + strsignal(WTERMSIG(status)) + ")"});
  }
  if (WEXITSTATUS(status) != 0)
    return tl::unexpected(Error{ErrorKind::invalid, message.empty() ? "it failed without a word" : message});
  return {};
}

tl::expected<void, Error> rehearse_load(const std::string& path) {
  auto outcome = rehearse(
      [&path]() -> tl::expected<void, Error> {
        auto recogniser = Recogniser::load(path);
        if (!recogniser) return tl::unexpected(std::move(recogniser.error()));
        return {};
      },
      load_time_limit);
  if (!outcome) return tl::unexpected(std::move(outcome.error()).with_context("trying the model " + path));
  return {};
}

}  // namespace muster::reader
