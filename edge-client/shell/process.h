// Runs commands without a shell: each in a process group of its own, with a time limit that ends the whole group, and
// the last of what it said kept for the error message. On the loop; never blocks. How they are started: spawn.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/spawn.h"

namespace muster::edge {

struct CommandResult {
  enum class End : std::uint8_t { exited, signalled, timed_out, not_started };
  End end = End::not_started;
  int code = 0;      // exit code, signal, or errno
  std::string said;  // the last line of its output, printable, at most output_len_max characters

  [[nodiscard]] bool ok() const { return end == End::exited && code == 0; }
  // "exit code 3: cannot load model"
  [[nodiscard]] std::string text() const;
};

class ProcessRunner {
 public:
  using Id = std::uint64_t;  // 0 is never one
  using Done = std::function<void(const CommandResult&)>;
  static constexpr std::size_t output_len_max = 160;

  explicit ProcessRunner(EventLoop& loop) : loop_(loop) {}
  // Kills what still runs.
  ~ProcessRunner();
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;

  // `done` is called on the loop, never before run() returns. REQUIRES: command is not empty.
  Id run(const CommandLine& command, std::uint64_t timeout_ms, Done done);
  // Likewise without a time limit, as spawn.h says. However it ends, the rest of its group ends with it.
  Id run_beside(const CommandLine& command, const Beside& how, Done done);
  // What the next run() or run_beside() will return.
  [[nodiscard]] Id next_id() const { return last_ + 1; }
  // Asks its group to end (SIGTERM), and ends it after `grace_ms`; `done` is called then. An id that has ended, or 0,
  // is fine.
  void end(Id id, std::uint64_t grace_ms);
  // Kills its group; `done` is not called. An id that has ended, or 0, is fine.
  void kill(Id id);

 private:
  struct Child {
    pid_t pid = -1;
    int output = -1;
    int ended = -1;  // pidfd, or -1 where the kernel has none
    EventLoop::TimerId deadline = 0, poll = 0;
    bool timed_out = false;
    bool whole_group = false;  // what is left of its group is killed when it has ended
    std::string tail;
    Done done;
  };
  Id start(Done done, const std::function<int(int output, pid_t& pid)>& spawn_child);
  void await_end(Id id);
  void read_output(Id id);
  void check(Id id);
  void close_child(Child& child);

  EventLoop& loop_;
  std::map<Id, Child> children_;
  Id last_ = 0;
};

}  // namespace muster::edge
