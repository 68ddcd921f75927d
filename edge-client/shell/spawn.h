// How commands are started: without a shell, in a process group of their own, with all signals as usual and their
// output in a pipe. Two kinds: what the agent needs done (`spawn`), and what runs beside the workload for long and must
// never be in its way or outlive the agent (`spawn_beside`). On the loop's thread, which must be the program's main
// one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace muster::edge {

using CommandLine = std::vector<std::string>;  // program and arguments, as execvp takes them

// Gives way to everything else: `nice`, and the first to go when memory is short. Dies with the agent, whatever ends
// it.
struct Beside {
  std::vector<std::string> environment;  // "NAME=value", beside the agent's own
  int nice = 0;
};

// Starts `command` with its output in `output`; errno on failure. REQUIRES: command is not empty.
[[nodiscard]] int spawn(const CommandLine& command, int output, pid_t& pid);
[[nodiscard]] int spawn_beside(const CommandLine& command, const Beside& how, int output, pid_t& pid);

// Kills every process of this user that has `entry` ("NAME=value") in its environment; returns how many there were.
// Only the first process of a group dies with the agent by itself: this is for those that it had started.
std::size_t kill_marked(const std::string& entry);

}  // namespace muster::edge
