// The broker is killed with -9 at random moments of rollouts over many real agents, and agents are killed too. Each
// kill waits for something interesting to be under way and then for a few random milliseconds. Afterwards everything
// must be as if nobody had been killed: every decision once, every device on the right release, nothing visible lost.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;

// A moment at which a kill hurts, told by files that the programs write.
struct Moment {
  std::string name;
  std::function<bool()> reached;
};

class Chaos : public World {
 protected:
  void SetUp() override {
    seed_ = seed_or(20261121);
    random_.seed(seed_);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }
  void TearDown() override {
    printf("killed: broker %zu times, agents %zu times\n", broker_kills_, agent_kills_);
    for (const auto& [name, count] : moments_) printf("  %3zu × %s\n", count, name.c_str());
  }

  std::size_t below(std::size_t end) { return random_() % end; }
  Agent& any_agent() { return agent(below(agent_count())); }

  // --- moments ---
  std::uint64_t log_bytes_of_store() const {
    std::uint64_t sum = 0;
    for (const auto& file : files_below(broker_folder() + "/db")) {
      if (file.size() > 4 && file.compare(file.size() - 4, 4, ".log") == 0) sum += size_of(file);
    }
    return sum;
  }
  std::string broker_folder() const { return const_cast<Chaos*>(this)->broker().data_dir(); }
  static std::uint64_t inode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }

  Moment next_moment() {
    switch (below(5)) {
      case 0: {
        const auto base = log_bytes_of_store();
        const auto more = 1 + below(6000);
        return {"the store was written to", [=, this] { return log_bytes_of_store() >= base + more; }};
      }
      case 1: {
        const auto count = 1 + below(3);
        return {"devices are fetching", [=, this] { return fetching() >= count; }};
      }
      case 2: {
        return {"a device wrote its journal", [this, base = journals()] { return journals() != base; }};
      }
      case 3: {
        return {"a device flipped its pointer", [this, base = pointers()] { return pointers() != base; }};
      }
      default: {
        const auto log = folder_.file("broker/mosquitto.log");
        return {"the broker logged so many lines",
                [log, until = size_of(log) + 80 * (1 + below(30))] { return size_of(log) >= until; }};
      }
    }
  }
  // Of all devices: which of them is next nobody knows.
  std::vector<std::uint64_t> journals() {
    std::vector<std::uint64_t> inodes;
    for (std::size_t i = 0; i < agent_count(); ++i) inodes.push_back(inode_of(agent(i).data_dir() + "/journal"));
    return inodes;
  }
  std::vector<std::string> pointers() {
    std::vector<std::string> digests;
    for (std::size_t i = 0; i < agent_count(); ++i) digests.push_back(agent(i).active_digest("model"));
    return digests;
  }
  std::size_t fetching() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < agent_count(); ++i)
      count += files_below(agent(i).data_dir() + "/planes/model/partial").empty() ? 0u : 1u;
    return count;
  }

  // Waits for the next moment, or for the time after which nothing more is going to happen, then a random bit longer. A
  // gate is opened meanwhile: behind it nothing goes on.
  void await_moment(const std::string& rollout) {
    const auto moment = next_moment();
    bool reached = false;
    for (int waits = 0; waits < 5 && !reached; ++waits) {
      reached = eventually(500ms, moment.reached, 1ms);
      if (!reached) pass_gate(rollout);
    }
    ++moments_[reached ? moment.name : "nothing was under way"];
    ::poll(nullptr, 0, static_cast<int>(below(15)));
  }
  // Opens the gate when the rollout waits at one. Gives the state that it was in.
  std::string pass_gate(const std::string& rollout) {
    const auto now = state(rollout);
    if (now == "awaiting_approval") static_cast<void>(ctl().run({"rollout", "approve", rollout}));
    return now;
  }

  // --- kills ---
  void kill_some_agents(bool start_at_once) {
    for (auto left = below(3); left > 0; --left) {
      auto& victim = any_agent();
      // Three starts after a crash count as a failure of the release on probation: one a rollout is none.
      if (!hurt_.insert(victim.name()).second) continue;
      victim.kill_hard();
      ++agent_kills_;
      if (start_at_once) {
        victim.start();
      } else {
        dead_.push_back(&victim);
      }
    }
  }
  void kill_broker() {
    broker().kill_hard();
    ++broker_kills_;
    leave_ops();
    kill_some_agents(below(2) == 0);
    ASSERT_TRUE(broker().start());
    for (auto* one : std::exchange(dead_, {})) one->start();
    expect_audit_intact();
    expect_nothing_seen_was_lost();
  }

  // What the record showed before the kill was durable: the same entries stand there, at the same places.
  void expect_nothing_seen_was_lost() {
    std::map<std::uint64_t, std::string> now;
    for (const auto& entry : audit()) now[entry.value("seq", 0UL)] = entry.value("hash", "");
    for (const auto& [seq, hash] : seen_) EXPECT_EQ(now[seq], hash) << "audit entry " << seq << " changed or went";
    seen_ = std::move(now);
  }

  // --- rollouts ---
  std::string rule_of(const std::string& name, const std::string& version) {
    return rule_file(name, "rollout: " + name + "\nseed: " + std::to_string(seed_ % 1000) +
                               "\ntargets: 'true'\nversions: { model: m@" + version +
                               " }\nwaves: [{ name: canary, percent: 10, soak: 0s }, { name: half, percent: 50, gate: "
                               "manual, soak: 1s }, { name: all, percent: 100, soak: 0s }]\n"
                               "unreachable_after: 60s\nattempt_timeout: 60s\n");
  }
  // The broker is killed while musterctl starts the rollout. Whoever was told that it has started must be right.
  void start_under_fire(const std::string& name, const std::string& version) {
    hurt_.clear();
    const auto file = rule_of(name, version);
    Launch launch;
    launch.args = {programs::ctl, "rollout", "start", file};
    launch.environment = ctl().environment();
    launch.log = folder_.file("starting-" + name);
    Process starting(launch);
    const auto base = log_bytes_of_store();
    static_cast<void>(eventually(
        3s, [&] { return log_bytes_of_store() > base || !starting.running(); }, 1ms));
    ::poll(nullptr, 0, static_cast<int>(below(10)));
    const bool told = starting.wait_exit(0ms) == 0;
    kill_broker();
    static_cast<void>(starting.wait_exit(20s));
    const bool there = !state(name).empty();
    EXPECT_TRUE(there || !told) << "musterctl said that " << name << " has started, and the broker does not know it";
    if (!there) ctl().must({"rollout", "start", file});
  }
  // Kills until the rollout is `end` or `kills_max` kills were made, then waits for that end.
  void storm(const std::string& name, const std::string& end, std::size_t kills_max) {
    for (std::size_t kills = 0; kills < kills_max && !HasFatalFailure(); ++kills) {
      await_moment(name);
      kill_broker();
      if (pass_gate(name) == end) break;
    }
    ASSERT_EVENTUALLY(90s, pass_gate(name) == end)
        << name << " is " << state(name) << " after " << broker_kills_ << " kills\n"
        << status(name).dump(1);
  }

  // --- what must hold at the end ---
  void expect_all_run(const std::string& version) {
    EXPECT_EVENTUALLY(20s, agents_with("good " + version) == agent_count()) << version;
    for (std::size_t i = 0; i < agent_count(); ++i) {
      EXPECT_TRUE(agent(i).running()) << agent(i).name();
      EXPECT_EVENTUALLY(10s, device(agent(i).name()).value("connected", false)) << agent(i).name() << " is stranded";
    }
  }
  // Commits of one attempt in a device's log: a commit that is repeated, or a fetch after it, is an attempt twice.
  void expect_each_attempt_commits_once() {
    const std::regex line("attempt (\\d+): (\\w+) -> (\\w+)");
    for (std::size_t i = 0; i < agent_count(); ++i) {
      std::set<std::string> committed;
      const auto log = agent(i).log();
      for (auto at = std::sregex_iterator(log.begin(), log.end(), line); at != std::sregex_iterator(); ++at) {
        const auto epoch = (*at)[1].str(), to = (*at)[3].str();
        EXPECT_EQ(committed.count(epoch), 0u) << agent(i).name() << ": " << at->str() << " after its commit";
        if (to == "committed") committed.insert(epoch);
      }
      EXPECT_FALSE(committed.empty()) << agent(i).name();
    }
  }
  void expect_each_decision_once() {
    const std::set<std::string> once = {"rollout.started", "rollout.completed",      "rollout.halted",
                                        "wave.opened",     "wave.awaiting_approval", "wave.approved",
                                        "wave.done",       "device.failed"};
    std::map<std::string, std::size_t> times;
    for (const auto& entry : audit()) {
      const auto what = entry.value("what", "");
      // A wave is named in the reason.
      const auto why = what.rfind("wave.", 0) == 0 ? " " + entry.value("why", "") : "";
      if (once.count(what) != 0) ++times[what + " " + entry.value("subject", "") + why];
    }
    for (const auto& [decision, count] : times) EXPECT_EQ(count, 1u) << decision;
    EXPECT_GE(times.size(), 5u);
  }

  // A release that works, under fire until `kills_max` kills were made in all: it is on every device.
  void roll_out_good(int version, std::size_t kills_max) {
    const auto text = std::to_string(version);
    make_release({.name = "m",
                  .version = text,
                  .model_txt = "good " + text,
                  .files = {{"weights.bin", noise(200000, static_cast<std::uint32_t>(version))}}});
    start_under_fire("m-" + text, text);
    ASSERT_NO_FATAL_FAILURE(storm("m-" + text, "completed", kills_max - broker_kills_));
    const auto ended = status("m-" + text);
    EXPECT_EQ(ended.value("done", 0UL), agent_count()) << ended.dump(1);
    EXPECT_EQ(ended.value("failed", -1), 0) << ended.dump(1);
    expect_all_run(text);
    expect_each_attempt_commits_once();
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::size_t broker_kills_ = 0, agent_kills_ = 0;
  std::map<std::string, std::size_t> moments_;
  std::map<std::uint64_t, std::string> seen_;  // audit entries: sequence and hash
  std::set<std::string> hurt_;                 // agents that were killed in this rollout
  std::vector<Agent*> dead_;
};

TEST_F(Chaos, RolloutsEndRightWhateverIsKilled) {
  const auto kills = size_for<std::size_t>(6, 50);
  const auto kills_in_bad = size_for<std::size_t>(2, 6);
  open();
  start_fleet(size_for<std::size_t>(8, 30));
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", "[{ name: all, percent: 100, soak: 0s }]", "true"));
  ASSERT_EVENTUALLY(60s, state("m-1") == "completed");

  int version = 1;
  while (broker_kills_ + kills_in_bad < kills) ASSERT_NO_FATAL_FAILURE(roll_out_good(++version, kills - kills_in_bad));

  // A release that does not work halts at its canaries, which are back on what worked; nobody else ever saw it.
  const auto good = std::to_string(version);
  make_release({.name = "m", .version = "bad", .model_txt = "broken"});
  start_under_fire("m-bad", "bad");
  ASSERT_NO_FATAL_FAILURE(storm("m-bad", "halted", kills - broker_kills_));
  expect_all_run(good);
  const auto halted = status("m-bad");
  const auto canaries = (agent_count() + 9) / 10;
  EXPECT_EQ(halted.value("reached", 0UL), canaries) << halted.dump(1);
  EXPECT_EQ(halted.value("done", -1), 0) << halted.dump(1);
  EXPECT_GE(halted.value("failed", 0), 1) << halted.dump(1);
  std::size_t saw_it = 0;
  for (std::size_t i = 0; i < agent_count(); ++i) saw_it += agent(i).log_has("rollout m-bad") ? 1u : 0u;
  EXPECT_EQ(saw_it, canaries);

  // The canaries may have been faster than the kills that were meant for them.
  ctl().must({"rollout", "abort", "m-bad", "--keep"});
  while (broker_kills_ < kills) ASSERT_NO_FATAL_FAILURE(roll_out_good(++version, kills));

  EXPECT_EQ(broker_kills_, kills);
  expect_each_decision_once();
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
