#include "tests/e2e/harness/watcher.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>

#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/programs.h"

namespace muster::e2e {
namespace {

constexpr std::size_t report_len_max = 20000;  // of one process; the first findings are the ones to read

// Apart from the tests' own folders: a report may come as late as the end of the last process of a test.
const Folder& reports() {
  static const Folder folder;
  return folder;
}

std::string suppressions(std::string_view file) {
  return programs::suppressions + "/" + std::string(file);
}

std::vector<std::string> memcheck() {
  return {"valgrind",
          "--quiet",
          "--tool=memcheck",
          "--leak-check=full",
          "--show-leak-kinds=definite",
          "--errors-for-leak-kinds=definite",
          "--keep-debuginfo=yes",  // the broker unloads the plugin before leaks are counted
          "--num-callers=30",
          "--fair-sched=yes",
          "--suppressions=" + suppressions("memcheck.supp")};
}

}  // namespace

Watcher watcher() {
  static const Watcher chosen = [] {
    const std::string_view sanitizer = programs::sanitizer;
    if (sanitizer.find("thread") != std::string_view::npos) return Watcher::thread_sanitizer;
    if (sanitizer.find("address") != std::string_view::npos) return Watcher::address_sanitizer;
    const char* under = std::getenv("MUSTER_UNDER");
    return under != nullptr && std::string_view(under) == "valgrind" ? Watcher::memcheck : Watcher::none;
  }();
  return chosen;
}

int slowness() {
  switch (watcher()) {
    case Watcher::none:
      return 1;
    case Watcher::thread_sanitizer:
    case Watcher::address_sanitizer:
      return 4;
    case Watcher::memcheck:
      return 12;
  }
  return 1;
}

bool memory_is_ours() {
  return watcher() == Watcher::none;
}

std::vector<std::string> watched_environment() {
  const auto log_path = "log_path=" + reports().file("report");
  switch (watcher()) {
    case Watcher::thread_sanitizer:
      return {"TSAN_OPTIONS=" + log_path + ":suppressions=" + suppressions("tsan.supp") +
              ":history_size=4:second_deadlock_stack=1"};
    case Watcher::address_sanitizer:
      return {"ASAN_OPTIONS=" + log_path + ":detect_leaks=1:fast_unwind_on_malloc=0",
              "UBSAN_OPTIONS=" + log_path + ":print_stacktrace=1",
              "LSAN_OPTIONS=suppressions=" + suppressions("lsan.supp") + ":print_suppressions=0"};
    case Watcher::none:
    case Watcher::memcheck:
      break;
  }
  return {};
}

std::vector<std::string> watched_broker_environment() {
  if (watcher() != Watcher::thread_sanitizer && watcher() != Watcher::address_sanitizer) return {};
  // The broker is a C program. The runtime looks at its start for who throws exceptions, and the plugin, which does,
  // comes later.
  return {"LD_PRELOAD=" + programs::sanitizer_runtime + ":" + programs::cxx_runtime};
}

std::string preloading(const std::string& library) {
  return "LD_PRELOAD=" + (programs::sanitizer_runtime.empty() ? library : programs::sanitizer_runtime + ":" + library);
}

std::vector<std::string> watched_command(std::vector<std::string> args) {
  if (watcher() != Watcher::memcheck) return args;
  auto command = memcheck();
  command.insert(command.end(), {"--child-silent-after-fork=yes", "--log-file=" + reports().file("report.%p")});
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

// Memcheck empties its log file whenever it starts, and each start of the program is one. So the shell opens the file,
// for adding to, and all starts inherit it.
std::vector<std::string> watched_restarting_command(std::vector<std::string> args) {
  if (watcher() != Watcher::memcheck) return args;
  std::vector<std::string> command = {"/bin/sh", "-c", R"(exec 9>>"$0.$$"; exec "$@")", reports().file("report")};
  const auto by_memcheck = memcheck();
  command.insert(command.end(), by_memcheck.begin(), by_memcheck.end());
  command.insert(command.end(), {"--trace-children=yes", "--log-fd=9"});
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

// Memcheck's remarks about itself are no findings. RocksDB hints at how long a file will live (F_SET_RW_HINT), which
// valgrind does not know and ignores. And it has no pidfd_open (434) and says so in five lines: the agent then looks at
// its children every few milliseconds instead.
std::string without_remarks(const std::string& text) {
  constexpr std::string_view remarks[] = {
      "Warning: unimplemented fcntl command: 1036",          "-linux syscall: 434",
      "You may be able to write your own handler.",          "Read the file README_MISSING_SYSCALL_OR_IOCTL.",
      "Nevertheless we consider this a bug.  Please report", "it at http://valgrind.org/support/bug_reports.html."};
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto is_remark = [&](std::string_view remark) { return line.find(remark) != std::string::npos; };
    if (std::none_of(std::begin(remarks), std::end(remarks), is_remark)) kept += line + "\n";
  }
  return kept;
}

// Now and then the leak checker itself breaks off at a process's end, while it looks at threads that are ending. That
// says nothing of the process; whatever else was found in it stands in the same text. That leaks are found at all is
// what watcher_test.cpp shows.
bool is_broken_leak_check(const std::string& text) {
  return text.find("LeakSanitizer has encountered a fatal error") != std::string::npos &&
         text.find("ERROR: AddressSanitizer") == std::string::npos && text.find("runtime error:") == std::string::npos;
}

bool ended_well(std::optional<int> exit_code) {
  if (exit_code == 0) return true;
  if (!exit_code || watcher() != Watcher::address_sanitizer) return false;
  const auto files = files_below(reports().path());
  return std::any_of(files.begin(), files.end(), [](const auto& file) { return is_broken_leak_check(read_text(file)); });
}

std::string take_reports() {
  std::string all;
  if (watcher() == Watcher::none) return all;
  for (const auto& file : files_below(reports().path())) {
    const auto text = without_remarks(read_text(file));
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    if (is_broken_leak_check(text)) {
      printf("the leak checker broke off in one process\n");
      continue;
    }
    if (!text.empty()) all += text.substr(0, report_len_max) + "\n";
  }
  return all;
}

}  // namespace muster::e2e
