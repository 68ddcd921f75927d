// The broker when the power goes: every state that the trace of a story allows is laid out, the broker is started on
// it, and must know everything that anybody had seen by then.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "tests/crash/broker_world.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

class BrokerPower : public BrokerWorld {
 protected:
  [[nodiscard]] static Seen seen_by(const Story& story, const History& history, std::uint32_t last) {
    Seen what;
    for (const auto& [size, at_the_time] : story.marks) {
      if (history.number_at(size) <= last) what = at_the_time;
    }
    return what;
  }
  void start_on(const Story& story, const std::string& folder, const Seen& what) {
    put_back(story);
    put_disk(folder);
    broker().set_environment({});
    ASSERT_TRUE(broker().start());
    expect_remembered(what);
    hang_up();
    broker().kill_hard();
  }
};

TEST_F(BrokerPower, EveryStateThatAPowerCutLeavesIsStartedOn) {
  ASSERT_FALSE(HasFailure());
  const auto seed = testing::seed_or(1);
  const auto chances = testing::size_for<std::uint64_t>(1, 2);
  std::mt19937_64 random(seed);
  std::size_t states = 0;
  for (const auto& story : stories()) {
    const History history(story.start, story.operations);
    const auto every = testing::size_for<std::uint32_t>(history.length() / 8 + 1, 1);
    for (std::uint32_t last = static_cast<std::uint32_t>(random() % every); last <= history.length(); last += every) {
      for (std::uint64_t way = 0; way < 1 + chances; ++way) {
        SCOPED_TRACE(story.name + ", power cut after call " + std::to_string(last) + ", way " + std::to_string(way) +
                     ", MUSTER_SEED=" + std::to_string(seed));
        const auto folder = folder_.file("cut");
        std::filesystem::remove_all(folder);
        history.lay_out(last, way == 0 ? Kept::nothing : Kept::in_order, seed * 1000003 + last * 131 + way, folder);
        start_on(story, folder, seen_by(story, history, last));
        ++states;
        if (HasFailure()) return;
      }
    }
  }
  printf("broker, power loss: %zu states laid out and started on, seed %llu\n", states,
         static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace muster::crash
