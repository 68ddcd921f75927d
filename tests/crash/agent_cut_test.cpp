// The agent, ended with SIGKILL at each call that writes, renames or syncs: what it leaves can be run on, and the next
// start ends where an undisturbed run ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/crash/agent_world.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

using namespace std::chrono_literals;

class AgentCut : public AgentWorld {
 protected:
  // Runs the update until the cut ends the agent; false when it came to its end before.
  [[nodiscard]] bool run_into(const Update& update, const Cut& cut) {
    agent(0).set_environment(recorded(data_dir(), {}, cut));
    agent(0).start();
    bool rested = false;
    EXPECT_TRUE(e2e::eventually(
        15s, [&] { return !agent(0).running() || (rested = at_rest(update)); }, 3ms))
        << agent(0).log();
    if (!rested) return true;
    agent(0).stop_quietly();
    return agent(0).wait_exit(0ms) == 128 + SIGKILL;
  }
  void expect_fit_to_run_on(const Update& update, const DeviceDisk& disk) {
    EXPECT_EQ(disk.broken, "");
    EXPECT_NE(std::find(update.allowed.begin(), update.allowed.end(), disk.active), update.allowed.end())
        << "active is " << disk.active;
  }
  // One update, one cut, one recovery.
  void cut_once(const Update& update, const Cut& cut) {
    put_back(update.start);
    if (run_into(update, cut)) ++cuts_met_;
    const auto disk = look_at(data_dir());
    expect_fit_to_run_on(update, disk);
    const bool was_done = disk.settled_at(update.epoch, update.ends_as, update.ends_with);
    const auto logged = agent(0).log().size();
    const auto calls = agent(0).calls().size();
    stand_in_->forget();
    expect_recovery(update);
    EXPECT_EQ(look_at(data_dir()).downloads, "");
    if (was_done) {
      EXPECT_EQ(stand_in_->chunks_served(), 0u) << "an attempt that was over was begun again";
      EXPECT_EQ(agent(0).log().find("-> ", logged), std::string::npos) << agent(0).log().substr(logged);
      EXPECT_EQ(agent(0).calls().size(), calls) << "the workload was told again";
    }
  }
  std::size_t cuts_met_ = 0;
};

TEST_F(AgentCut, EveryPointOfEveryUpdateEndsRight) {
  ASSERT_FALSE(HasFailure());
  const auto seed = testing::seed_or(1);
  std::size_t tried = 0;
  for (const auto& update : updates()) {
    announce(update);
    std::uint32_t length = 0;
    for (const auto& operation : update.operations) length = std::max(length, operation.number);
    const auto points = cuts(length, writes(update.operations), testing::size_for<std::size_t>(8, 100000), seed);
    for (const auto& point : points) {
      SCOPED_TRACE(update.name + ", cut " + point.text() + ", MUSTER_SEED=" + std::to_string(seed));
      cut_once(update, point);
      ++tried;
      if (HasFailure()) return;
    }
    printf("%-14s %3u calls, %3zu points tried\n", update.name.c_str(), length, points.size());
  }
  printf("agent, kill -9: %zu points tried, %zu met the agent alive, seed %llu\n", tried, cuts_met_,
         static_cast<unsigned long long>(seed));
  // A recorder that never ends anything would let every check pass.
  EXPECT_GE(cuts_met_ * 10, tried * 9);
}

}  // namespace
}  // namespace muster::crash
