// The agent when the power goes: what was written but not synced may be lost, in whole or in part. Every state that the
// trace of an update allows is laid out and looked at; the agent is started on them, and must end where it should.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/crash/agent_world.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

class AgentPower : public AgentWorld {
 protected:
  // What is durable by then must be there before anything repairs it.
  void expect_promises_kept(const Update& update, const History& history, std::uint32_t last,
                            const std::string& folder) {
    const auto disk = look_at(folder);
    EXPECT_EQ(disk.broken, "");
    if (!disk.journal) {
      EXPECT_EQ(update.name, "first") << "the journal is gone";
    }
    const bool known = std::find(update.allowed.begin(), update.allowed.end(), disk.active) != update.allowed.end();
    EXPECT_TRUE(known) << "active is '" << disk.active << "'";
    if (last >= history.number_at(update.reported_at)) {
      EXPECT_TRUE(disk.settled_at(update.epoch, update.ends_as, update.ends_with))
          << "the broker had been told of the end, and it is lost; active is '" << disk.active << "'";
    }
  }
  // The device starts on that disk; the update comes to its end.
  void expect_end_on(const Update& update, const std::string& folder) {
    put_back(folder);
    expect_recovery(update);
  }
};

TEST_F(AgentPower, EveryStateThatAPowerCutLeavesEndsRight) {
  ASSERT_FALSE(HasFailure());
  const auto seed = testing::seed_or(1);
  const auto chances = testing::size_for<std::uint64_t>(2, 8);
  const auto start_every = testing::size_for<std::size_t>(60, 6);
  std::size_t states = 0, started = 0;
  for (const auto& update : updates()) {
    announce(update);
    const History history(update.start, update.operations);
    for (std::uint32_t last = 0; last <= history.length(); ++last) {
      for (std::uint64_t way = 0; way < 2 + chances; ++way) {
        const auto kept = way == 0 ? Kept::nothing : way == 1 ? Kept::everything : Kept::chance;
        SCOPED_TRACE(update.name + ", power cut after call " + std::to_string(last) + ", way " + std::to_string(way) +
                     ", MUSTER_SEED=" + std::to_string(seed));
        const auto folder = folder_.file("cut");
        std::filesystem::remove_all(folder);
        history.lay_out(last, kept, seed * 1000003 + last * 131 + way, folder);
        expect_promises_kept(update, history, last, folder);
        if ((seed + states++) % start_every == 0 && !HasFailure()) {
          expect_end_on(update, folder);
          ++started;
        }
        if (HasFailure()) return;
      }
    }
  }
  printf("agent, power loss: %zu states laid out and looked at, the agent started on %zu, seed %llu\n", states, started,
         static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace muster::crash
