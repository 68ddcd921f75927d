// Child processes of a test: each in a process group of its own, ended when its object dies or when the test program
// does, so that a failed or killed test leaves nothing behind. Tests only; each object belongs to one thread, and a
// process must be started by the thread that lives as long as the test (the kernel ties it to that thread).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace muster::e2e {

using Milliseconds = std::chrono::milliseconds;

struct Launch {
  std::vector<std::string> args;         // args[0] is the program; looked up in PATH when it has no slash
  std::string log;                       // file that takes stdout and stderr; appended
  std::string folder;                    // working directory; empty: the test's
  std::vector<std::string> environment;  // additions, "NAME=value"
  // A file system of this size that only the process sees, over an existing folder. Where the system lets us mount
  // none, no file may grow beyond the size instead.
  struct SmallDisk {
    std::string folder;
    std::uint64_t bytes = 0;
  };
  std::optional<SmallDisk> small_disk;
};

class Process {
 public:
  Process() = default;
  explicit Process(const Launch& launch);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;  // to the process itself
  // Ends the whole group with SIGKILL and reaps the process: what a power cut leaves.
  void kill_hard();
  // The exit code (128 + n when signal n ended it), or nothing when it still runs at the deadline.
  [[nodiscard]] std::optional<int> wait_exit(Milliseconds patience);

 private:
  void reap(int status);
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// A program run to its end.
struct Finished {
  int exit_code = -1;  // as wait_exit gives it; -1 when it did not end in time
  std::string out, err;
};
[[nodiscard]] Finished run(const std::vector<std::string>& args, Milliseconds patience = Milliseconds(20000),
                           const std::string& folder = {}, const std::vector<std::string>& environment = {});

}  // namespace muster::e2e
