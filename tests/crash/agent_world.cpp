#include "tests/crash/agent_world.h"

#include <algorithm>
#include <filesystem>

#include "tests/e2e/harness/eventually.h"

namespace muster::crash {

using namespace std::chrono_literals;
using edge::AttemptPhase;

namespace {

const std::string its_name = "gw-0";
constexpr std::uint64_t order_epoch = 50;

}  // namespace

void AgentWorld::SetUp() {
  open({.with_plugin = false});
  const auto build = [&](const std::string& version, const std::string& text, std::uint32_t seed) {
    build_release(
        {.name = "m", .version = version, .model_txt = text, .files = {{"weights.bin", e2e::noise(150000, seed)}}});
  };
  build("1", "good 1", 1);
  build("2", "good 2", 2);
  build("3", "broken", 3);
  open_stand_in();
  add_agent(its_name);
  const auto one = first_.digest(), two = good_.digest(), three = bad_.digest();
  const auto empty = folder_.make_folder("empty");
  updates_ = {{"first", empty, {}, 1, AttemptPhase::committed, one, {"", one}, {}},
              {"good", {}, {}, 2, AttemptPhase::committed, two, {one, two}, {}},
              {"bad", {}, {}, 3, AttemptPhase::rolled_back, two, {two, three}, {}},
              {"ordered-back", {}, {}, 2, AttemptPhase::rolled_back, one, {two, one}, {}}};
  for (std::size_t i = 0; i < updates_.size() && !HasFailure(); ++i) {
    updates_[i].start = i == 0 ? empty : updates_[std::min<std::size_t>(i, 2) - 1].end;
    record(updates_[i]);
  }
}

void AgentWorld::open_stand_in() {
  stand_in_ = std::make_unique<StandIn>(broker().port(), keys_);
  const auto offer = [&](const std::string& version) {
    return stand_in_->offer(release_folder("m@" + version), "m", version);
  };
  first_ = offer("1");
  good_ = offer("2");
  bad_ = offer("3");
}

void AgentWorld::TearDown() {
  stand_in_.reset();
}

void AgentWorld::announce(const Update& update) {
  stand_in_->clear_order(its_name);
  stand_in_->assign(its_name, update.epoch, update.name == "first" ? first_ : update.name == "bad" ? bad_ : good_);
  if (update.name == "ordered-back") stand_in_->order_back(its_name, order_epoch, good_);
}

void AgentWorld::put_back(const std::string& folder) {
  agent(0).kill_hard();
  copy_folder(folder, data_dir());
  std::filesystem::remove(agent(0).folder() + "/edge.log");
  std::filesystem::remove(agent(0).folder() + "/calls");
  stand_in_->forget();
}

bool AgentWorld::at_rest(const Update& update) {
  const auto reports = stand_in_->reports();
  const std::string word = update.ends_as == AttemptPhase::committed ? "committed" : "rolled_back";
  if (reports.empty() || reports.back().attempt != word) return false;
  const auto disk = look_at(data_dir());
  return disk.settled_at(update.epoch, update.ends_as, update.ends_with) && disk.litter.empty();
}

void AgentWorld::expect_recovery(const Update& update) {
  agent(0).set_environment({});
  agent(0).start();
  if (!e2e::eventually(
          15s, [&] { return at_rest(update); }, 3ms)) {
    const auto disk = look_at(data_dir());
    ADD_FAILURE() << "the device did not come to rest: active " << disk.active << ", broken: " << disk.broken
                  << ", litter: " << disk.litter << "\n"
                  << agent(0).log();
  }
  agent(0).stop();
  const auto disk = look_at(data_dir());
  EXPECT_EQ(disk.broken, "");
  EXPECT_EQ(disk.litter, "");
  EXPECT_TRUE(disk.settled_at(update.epoch, update.ends_as, update.ends_with)) << disk.active << "\n" << agent(0).log();
}

// Without faults, to learn what there is to cut, and where each update begins and ends.
void AgentWorld::record(Update& update) {
  const auto trace = folder_.file(update.name + ".trace");
  announce(update);
  put_back(update.start);
  agent(0).set_environment(recorded(data_dir(), trace));
  agent(0).start();
  ASSERT_TRUE(e2e::eventually(
      15s, [&] { return at_rest(update); }, 3ms))
      << update.name << ": " << look_at(data_dir()).broken << look_at(data_dir()).litter << agent(0).log();
  update.reported_at = std::filesystem::file_size(trace);
  agent(0).stop();
  update.operations = read_trace(trace);
  // Nothing was done to the folder but what the recorder saw: its history, replayed, gives the same folder.
  const History history(update.start, update.operations);
  update.end = folder_.file(update.name + "-end");
  history.lay_out(history.length(), Kept::everything, 0, update.end);
  EXPECT_EQ(difference(update.end, data_dir()), "") << update.name << ": the recorder missed a call";
}

std::vector<std::uint32_t> AgentWorld::writes(const std::vector<Operation>& operations) {
  std::vector<std::uint32_t> numbers;
  for (const auto& operation : operations) {
    if (operation.is_write() && operation.data.size() > 1) numbers.push_back(operation.number);
  }
  return numbers;
}

}  // namespace muster::crash
