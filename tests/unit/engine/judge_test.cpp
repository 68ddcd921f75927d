// The epochs that assignments get, and what devices say of them.
#include <gtest/gtest.h>

#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Epochs : public testing::Test {
 protected:
  Epochs() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::config, "sorter", "1");
    world_.join("a", facts_of("rk3566", "eu"));
  }
  std::vector<Effect> start(const std::string& name, const VersionChoice& version) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    return world_.start(World::rule(name, "true", {version}, {all}));
  }
  World world_;
};

TEST_F(Epochs, GoOnFromWhatTheDeviceHasSeen) {
  // The broker's records were lost; the device has accepted epoch 41 and would refuse anything older.
  world_.devices["a"].report.attempt_epoch = 41;
  world_.report("a");
  start("r", {Plane::model, "reader", "1"});
  EXPECT_EQ(world_.devices["a"].assigned->epoch, 42u);
}

TEST_F(Epochs, AreNotDrivenToTheirEndByADeviceThatLies) {
  world_.devices["a"].report.attempt_epoch = UINT64_MAX;
  world_.report("a");
  start("r", {Plane::model, "reader", "1"});
  EXPECT_EQ(world_.devices["a"].assigned->epoch, 1u);
  world_.devices["a"].report.attempt = AttemptState::committed;
  world_.devices["a"].report.active[1] = world_.release("reader@1").manifest;
  world_.report("a");
  EXPECT_EQ(world_.status("r").done, 0u) << "an epoch that was never given is about nothing";
}

TEST_F(Epochs, ACommitAtAnEarlierAssignmentCountsForItsOwnRollout) {
  start("m", {Plane::model, "reader", "1"});
  start("c", {Plane::config, "sorter", "1"});
  auto& report = world_.devices["a"].report;
  report.attempt = AttemptState::committed;
  report.attempt_epoch = 1;  // it has not seen the second assignment yet
  report.active[1] = world_.release("reader@1").manifest;
  world_.report("a");
  EXPECT_EQ(world_.status("m").state, RolloutState::completed);
  EXPECT_EQ(world_.status("c").done, 0u);
  world_.commit("a");
  EXPECT_EQ(world_.status("c").state, RolloutState::completed);
}

TEST_F(Epochs, TheNewestAssignmentIsDoneOnlyWithEveryPlane) {
  start("m", {Plane::model, "reader", "1"});
  world_.commit("a");
  start("c", {Plane::config, "sorter", "1"});
  auto& report = world_.devices["a"].report;
  report.attempt = AttemptState::committed;
  report.attempt_epoch = 2;
  report.active[2] = world_.release("sorter@1").manifest;
  report.active[1] = Sha256();
  world_.report("a");
  EXPECT_EQ(world_.status("c").done, 0u) << "the model of its assignment is gone";
}

}  // namespace
}  // namespace muster::rules::test
