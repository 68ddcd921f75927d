// The broker, ended with SIGKILL at each call by which the plugin writes, renames or syncs below its data folder: the
// next start knows everything that anybody had seen, and the rollout goes on to its end.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/crash/broker_world.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

class BrokerCut : public BrokerWorld {
 protected:
  void cut_once(const Story& story, const Cut& cut) {
    put_back(story);
    broker().set_environment(recorded(data_dir(), {}, cut));
    if (broker().start_or_end() && play(story)) static_cast<void>(end_broker());
    if (broker().wait_exit(e2e::Milliseconds(1000)) == 128 + SIGKILL) ++cuts_met_;
    hang_up();
    broker().set_environment({});
    ASSERT_TRUE(broker().start());
    expect_remembered(seen());
    EXPECT_TRUE(play(story));
    expect_audit_intact();
    EXPECT_EQ(end_broker(), 0);
  }
  std::size_t cuts_met_ = 0;
};

TEST_F(BrokerCut, EveryPointOfBothStoriesIsSurvived) {
  ASSERT_FALSE(HasFailure());
  const auto seed = testing::seed_or(1);
  std::size_t tried = 0;
  for (const auto& story : stories()) {
    std::uint32_t length = 0;
    std::vector<std::uint32_t> writes;
    for (const auto& operation : story.operations) {
      length = std::max(length, operation.number);
      if (operation.is_write() && operation.data.size() > 1) writes.push_back(operation.number);
    }
    const auto points = cuts(length, writes, testing::size_for<std::size_t>(8, 100000), seed);
    for (const auto& point : points) {
      SCOPED_TRACE(story.name + ", cut " + point.text() + ", MUSTER_SEED=" + std::to_string(seed));
      cut_once(story, point);
      ++tried;
      if (HasFailure()) return;
    }
    printf("%-8s %3u calls, %3zu points tried\n", story.name.c_str(), length, points.size());
  }
  printf("broker, kill -9: %zu points tried, %zu met the broker alive, seed %llu\n", tried, cuts_met_,
         static_cast<unsigned long long>(seed));
  // The threads of a broker do not always write the same number of times, so a late point may not be reached.
  EXPECT_GE(cuts_met_ * 10, tried * 8);
}

}  // namespace
}  // namespace muster::crash
