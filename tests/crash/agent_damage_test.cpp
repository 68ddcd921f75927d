// The agent's data folder, damaged at random places while the agent is away. It refuses with a sentence that names what
// is wrong and what helps; or it mends it; or it is in the same state as without the damage. It never runs on with
// something else.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "schemas/health_summary_generated.h"
#include "schemas/wire.h"
#include "tests/crash/agent_world.h"
#include "tests/crash/damage.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int exit_invalid = 5, exit_untrusted = 6;

std::uint64_t boot_of(const Bytes& summary) {
  const AlignedBytes copy{ByteView(summary)};
  const wire::HealthSummary* read = nullptr;
  return verify(copy.view(), read) == WireFault::none ? read->boot_id() : 0;
}

class AgentDamage : public AgentWorld {
 protected:
  // After the good update: two slots, two links, a journal, a pinned root; and summaries that wait in the spool.
  void make_disk() {
    put_back(updates()[1].end);
    stand_in_.reset();
    broker().stop();
    agent(0).set_environment({});
    agent(0).start();
    ASSERT_TRUE(e2e::eventually(10s, [&] { return e2e::files_below(data_dir() + "/spool").size() >= 2; }));
    agent(0).stop();
    disk_ = folder_.file("before-damage");
    copy_folder(data_dir(), disk_);
    ASSERT_TRUE(broker().start());
    open_stand_in();
    announce(updates()[1]);
  }
  // Everything that the device is and remembers, but for the number of its starts.
  [[nodiscard]] static Bytes state_of(const DeviceDisk& disk) {
    auto state = disk.journal.value_or(edge::DurableState{});
    state.boot_id = 0;
    state.stopped_in_order = true;
    auto bytes = edge::encode(state);
    for (const auto& link : {disk.active, disk.previous}) bytes.insert(bytes.end(), link.begin(), link.end());
    return bytes;
  }
  // A damaged slot is not kept: the active one gives way to the one before, the previous one is no way back any more.
  // Empty when neither has happened.
  [[nodiscard]] std::string gave_up() {
    const auto disk = look_at(data_dir());
    if (!disk.journal) return {};
    const auto& model = disk.journal->planes[edge::index_of(edge::Plane::model)];
    const auto first = updates()[0].ends_with;
    const auto phase = disk.journal->attempt.phase;
    const bool whole = disk.broken.find("active points") == std::string::npos;
    const bool back = disk.active == first && to_hex(model.active.manifest) == first;
    if (back && phase == edge::AttemptPhase::rolled_back && whole) return "gave way to the slot before";
    const bool no_way_back = model.previous.empty() && disk.active == updates()[1].ends_with && whole;
    return no_way_back ? "way back given up" : std::string();
  }
  // Runs the agent on what is there until it is at rest or has ended: "refused", "repaired", "harmless", or as above.
  [[nodiscard]] std::string outcome(const std::string& file) {
    const auto& update = updates()[1];
    agent(0).start();
    bool ended = false;
    const bool decided = e2e::eventually(
        15s,
        [&] {
          ended = !agent(0).running();
          const bool over = at_rest(update) || !gave_up().empty();
          return ended || (over && e2e::files_below(data_dir() + "/spool").empty());
        },
        3ms);
    if (ended) return judge_refusal(file);
    EXPECT_TRUE(decided) << "neither refused nor at rest\n" << look_at(data_dir()).litter << agent(0).log();
    agent(0).stop();
    expect_true_summaries();
    const auto lost = gave_up();
    if (!lost.empty()) {
      EXPECT_NE(agent(0).log().find("slot of model is damaged"), std::string::npos) << agent(0).log();
      EXPECT_NE(file.find("/slots/"), std::string::npos) << "nothing else is a reason";
      return lost;
    }
    const auto disk = look_at(data_dir());
    EXPECT_EQ(disk.broken, "");
    EXPECT_EQ(state_of(disk), state_of(look_at(disk_)));
    const auto path = data_dir() + "/" + file;
    const bool as_before = fs::is_symlink(path) ? fs::read_symlink(path) == fs::read_symlink(disk_ + "/" + file)
                                                : e2e::read_text(path) == e2e::read_text(disk_ + "/" + file);
    const bool spooled = file.rfind("spool/", 0) == 0;
    const bool rewritten = file == "journal";
    return as_before || spooled || rewritten ? "repaired" : "harmless";
  }
  [[nodiscard]] std::string judge_refusal(const std::string& file) {
    const auto code = agent(0).wait_exit(0ms).value_or(-1);
    const auto log = agent(0).log();
    EXPECT_TRUE(code == exit_invalid || code == exit_untrusted) << code << "\n" << log;
    EXPECT_NE(log.find(fs::path(file).filename().string()), std::string::npos) << "what is wrong is not named\n" << log;
    const auto says = [&](const char* words) { return log.find(words) != std::string::npos; };
    EXPECT_TRUE(says("--reset-journal") || says("remove it") || says("give the device")) << "no way out is named\n"
                                                                                         << log;
    return "refused";
  }
  // What was written into the spool may arrive or be dropped; what was not may not arrive.
  void expect_true_summaries() {
    const auto live = look_at(data_dir()).journal.value_or(edge::DurableState{}).boot_id;
    std::vector<std::string> written;
    for (const auto& file : e2e::files_below(disk_ + "/spool")) written.push_back(e2e::read_text(file));
    for (const auto& summary : stand_in_->summaries()) {
      if (boot_of(summary) == live) continue;
      const auto is_it = [&](const std::string& text) {
        return text.find(ByteView(summary).text()) != std::string::npos;
      };
      EXPECT_TRUE(std::any_of(written.begin(), written.end(), is_it)) << "a summary arrived that nobody had measured";
    }
  }
  std::string disk_;
};

TEST_F(AgentDamage, NoDamageIsRunOnSilently) {
  ASSERT_FALSE(HasFailure());
  make_disk();
  const auto seed = testing::seed_or(1);
  std::map<std::string, std::size_t> outcomes;
  for (const auto& damage : damages(disk_, testing::size_for<std::size_t>(24, 500), seed)) {
    SCOPED_TRACE(damage.text() + ", MUSTER_SEED=" + std::to_string(seed));
    put_back(disk_);
    damage.do_to(data_dir());
    ++outcomes[outcome(damage.file)];
    if (HasFailure()) return;
  }
  printf("agent, damage (seed %llu):", static_cast<unsigned long long>(seed));
  for (const auto& [what, count] : outcomes) printf(" %zu %s", count, what.c_str());
  printf("\n");
  EXPECT_GT(outcomes["refused"] + outcomes["repaired"], 0u);
}

TEST_F(AgentDamage, ALinkThatPointsElsewhereIsPutRight) {
  ASSERT_FALSE(HasFailure());
  make_disk();
  const auto first = updates()[0].ends_with;
  const auto second = updates()[1].ends_with;
  for (const std::string link : {"planes/model/active", "planes/model/previous"}) {
    for (const auto& target : {std::string(), "slots/" + first, "slots/" + second, "slots/" + std::string(64, '0'),
                               std::string("slots/elsewhere")}) {
      SCOPED_TRACE(link + " -> '" + target + "'");
      put_back(disk_);
      const auto path = data_dir() + "/" + link;
      fs::remove(path);
      if (!target.empty()) fs::create_symlink(target, path);
      EXPECT_EQ(outcome(link), "repaired");
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace muster::crash
