// Simulated worlds, many seeds, with every checker watching. MUSTER_SEED=N runs exactly that world.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/world.h"
#include "tests/support/long_form.h"

namespace muster::sim {
namespace {

std::uint64_t running_seed = 0;

// An assertion of the engine or the agent ends the program: say which world it was.
void say_seed(int signal) {
  std::fprintf(stderr, "seed %llu: ended by signal %d; the same again: MUSTER_SEED=%llu build/dev/tests/sim_test\n",
               static_cast<unsigned long long>(running_seed), signal, static_cast<unsigned long long>(running_seed));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::string trace_path(std::uint64_t seed) {
  return ::testing::TempDir() + "muster-sim-" + std::to_string(seed) + ".failed";
}

TEST(Sim, EachWorldIsSafeAndThenLive) {
  std::signal(SIGABRT, say_seed);
  std::signal(SIGSEGV, say_seed);
  const bool one = std::getenv("MUSTER_SEED") != nullptr;
  const auto first = testing::seed_or(1);
#ifdef MUSTER_SIM_SEEDS
  const std::uint64_t short_form = MUSTER_SIM_SEEDS;
#else
  const std::uint64_t short_form = 200;
#endif
  const std::uint64_t count = one ? 1 : testing::size_for<std::uint64_t>(short_form, short_form * 50);
  Outcome all;
  std::uint64_t failures = 0;
  for (running_seed = first; running_seed < first + count && failures < 5; ++running_seed) {
    const auto report = run_seed(running_seed, trace_path(running_seed));
    all += report.outcome;
    if (!report.outcome.violation) continue;
    ++failures;
    ADD_FAILURE() << report.text;
  }
  std::printf("%llu worlds from seed %llu: %s\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(first), all.describe().c_str());
  // Worlds in which nothing comes of anything would prove nothing.
  if (one || failures != 0) return;
  EXPECT_GT(all.completed, count / 2);
  EXPECT_GT(all.aborted, count / 20);
  if (count < 100) return;
  EXPECT_GT(all.released, count / 10);
  EXPECT_GT(all.shadowed, count / 50);
  EXPECT_GT(all.taken, count / 20);
  EXPECT_GT(all.passes, count / 20);
  EXPECT_GT(all.fails, count / 20);
  EXPECT_GT(all.freezes, count / 50);
  EXPECT_GT(all.waivers, count / 50);
}

TEST(Sim, TheSameSeedIsTheSameWorld) {
  for (const std::uint64_t seed : {3u, 14u, 159u}) {
    const auto once = run_seed(seed, {});
    const auto again = run_seed(seed, {});
    EXPECT_EQ(once.outcome.digest, again.outcome.digest) << "seed " << seed;
    EXPECT_EQ(once.outcome.steps, again.outcome.steps) << "seed " << seed;
    EXPECT_NE(once.outcome.digest, run_seed(seed + 1, {}).outcome.digest) << "seed " << seed;
  }
}

}  // namespace
}  // namespace muster::sim
