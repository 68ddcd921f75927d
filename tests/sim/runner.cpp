// muster-sim: runs simulated worlds from the command line.
//   muster-sim --seed N [--trace]     one world; --trace prints everything that happened
//   muster-sim --from N --count M [--until CHECKER]   many; ends with code 0 when all went well. With --until it looks
//   for
//                                     the first world that this checker finds fault with, and ends with code 0 when
//                                     there is one
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/world.h"

namespace {

std::uint64_t running_seed = 0;

// An assertion of the engine or the agent ends the process: say which world it was.
void say_seed(int signal) {
  std::fprintf(stderr, "seed %llu: ended by signal %d\n", static_cast<unsigned long long>(running_seed), signal);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int run_one(std::uint64_t seed, bool with_trace) {
  running_seed = seed;
  if (!with_trace) {
    const auto report = muster::sim::run_seed(seed, {});
    std::printf("%s", report.text.c_str());
    std::printf("seed %llu: %llu things happened in %llu s, digest %016llx\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(report.outcome.steps),
                static_cast<unsigned long long>(report.outcome.lived_ms / 1000),
                static_cast<unsigned long long>(report.outcome.digest));
    return report.outcome.violation ? 1 : 0;
  }
  const auto options = muster::sim::Options::from(seed);
  muster::sim::World world(options);
  const auto outcome = world.run();
  std::printf("%s%s", options.describe().c_str(), world.trace().text().c_str());
  if (outcome.violation) std::printf("%s: %s\n", outcome.violation->checker.c_str(), outcome.violation->what.c_str());
  return outcome.violation ? 1 : 0;
}

int run_many(std::uint64_t from, std::uint64_t count, const std::string& until) {
  std::uint64_t wrong = 0;
  muster::sim::Outcome all;
  for (running_seed = from; running_seed < from + count; ++running_seed) {
    const auto report = muster::sim::run_seed(running_seed, {});
    all += report.outcome;
    if (!report.outcome.violation) continue;
    ++wrong;
    const auto& found = *report.outcome.violation;
    std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(running_seed), found.checker.c_str(),
                found.what.c_str());
    std::fflush(stdout);
    if (found.checker == until) return 0;
  }
  std::printf("%llu worlds, %llu with a fault\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(wrong));
  std::printf("%s\n", all.describe().c_str());
  return wrong == 0 && until.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 0;
  std::uint64_t from = 1;
  std::uint64_t count = 0;
  bool with_trace = false;
  std::string until;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--trace") {
      with_trace = true;
      continue;
    }
    if (i + 1 >= argc) {
      std::fprintf(stderr, "usage: muster-sim --seed N [--trace] | --from N --count M [--until CHECKER]\n");
      return 2;
    }
    const char* value = argv[++i];
    if (option == "--seed") seed = std::strtoull(value, nullptr, 10);
    if (option == "--from") from = std::strtoull(value, nullptr, 10);
    if (option == "--count") count = std::strtoull(value, nullptr, 10);
    if (option == "--until") until = value;
  }
  std::signal(SIGABRT, say_seed);
  std::signal(SIGSEGV, say_seed);
  return count == 0 ? run_one(seed, with_trace) : run_many(from, count, until);
}
