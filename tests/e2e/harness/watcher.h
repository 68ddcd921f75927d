// What watches the broker, the agents, the MCU client's processes and musterctl while a test runs: nothing; the
// sanitizer that the tree was built with; or valgrind's memcheck, in any build, with MUSTER_UNDER=valgrind. Each
// process writes what was found into a file of the test program's reports folder; the fixture makes every such file a
// failure of the test during which it appeared. Tests only; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace muster::e2e {

enum class Watcher { none, thread_sanitizer, address_sanitizer, memcheck };
[[nodiscard]] Watcher watcher();

// By how much everything is slower then: the factor of all deadlines (eventually.h).
[[nodiscard]] int slowness();

// Whether what a process takes of memory is its own doing: what a sanitizer or valgrind adds is not ours to judge.
[[nodiscard]] bool memory_is_ours();

// What a child process must have in its environment, "NAME=value".
[[nodiscard]] std::vector<std::string> watched_environment();

// The same for the broker, a program without sanitizers that loads a plugin with one: the sanitizer's runtime must be
// there first.
[[nodiscard]] std::vector<std::string> watched_broker_environment();

// The "LD_PRELOAD=…" with which a program of ours loads `library`: behind the sanitizer's runtime where there is one.
[[nodiscard]] std::string preloading(const std::string& library);

// The command line under valgrind, where that watches; else as it is.
[[nodiscard]] std::vector<std::string> watched_command(std::vector<std::string> args);

// The same for a program that starts itself again in the same process: each start is watched, and what was found in
// those before it is kept.
[[nodiscard]] std::vector<std::string> watched_restarting_command(std::vector<std::string> args);

// The exit code of a process that ended as it should: 0, or any other when the leak checker itself broke off in some
// process since the last take_reports(), because that sets the code and says nothing of the process.
[[nodiscard]] bool ended_well(std::optional<int> exit_code);

// What was found since the last call; empty: nothing. Processes must have ended where leaks matter.
[[nodiscard]] std::string take_reports();

}  // namespace muster::e2e
