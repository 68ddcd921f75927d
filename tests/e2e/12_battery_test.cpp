// A battery of hostile messages while rollouts run over real agents: 5,000 of them, or 100,000 in the long form. What
// must not show: any difference in what the rollouts do, growing memory, a log that fills up, a refusal that nobody
// counted. MUSTER_SEED repeats a run.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/e2e/battery/arsenal.h"
#include "tests/e2e/harness/hostile_client.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using testing::seed_or;
using testing::size_for;

constexpr std::size_t agents = 3, attackers = 3;
constexpr std::uint64_t broker_growth_max_kib = 24 * 1024;

// Only the agents, by name: what an attacker says of itself must not make it a target.
const std::vector<std::string> victims = {"gw-0", "gw-1", "gw-2"};
const std::string targets = R"(device.id in ["gw-0", "gw-1", "gw-2"])";

class Battery : public World {
 protected:
  void SetUp() override {
    open();
    start_fleet(agents);
    make_release({.name = "m", .version = "1", .model_txt = "good one"});
    make_release({.name = "m", .version = "2", .model_txt = "good two"});
  }
  void start(const std::string& name, int version) {
    start_rollout(name, rule(name, "{ model: m@" + std::to_string(version) + " }",
                             "[{ name: canary, percent: 34, gate: auto, soak: 1s }, "
                             "{ name: most, percent: 67, gate: auto, soak: 1s }, "
                             "{ name: all, percent: 100, gate: auto, soak: 1s }]",
                             targets));
  }
  // What the rollout decided, in order: the audit's words about it, but for the commands that were refused.
  std::vector<std::string> decisions(const std::string& rollout) {
    std::vector<std::string> found;
    for (const auto& entry : audit()) {
      const auto what = entry.value("what", "");
      if (entry.value("subject", "") == rollout && what != "command.refused") found.push_back(what);
    }
    return found;
  }
  std::map<std::string, long> refusals() {
    std::map<std::string, long> counts;
    const auto refused = metrics().value("refused", nlohmann::json::object());
    for (const auto& [reason, count] : refused.items()) counts[reason] = count.get<long>();
    return counts;
  }
  static std::map<std::string, long> added(const std::map<std::string, long>& before,
                                           std::map<std::string, long> after) {
    for (const auto& [reason, count] : before) after[reason] -= count;
    return after;
  }
  // The devices are what a rollout in peace makes of them.
  void expect_healthy_agents() {
    const auto active = device("gw-0")["planes"]["model"]["active"];
    for (const auto& name : victims) {
      const auto object = device(name);
      EXPECT_TRUE(object.value("connected", false)) << name;
      EXPECT_EQ(object["facts"]["region"], "eu") << name;
      EXPECT_EQ(object["attempt"]["state"], "committed") << object.dump();
      EXPECT_EQ(object["planes"]["model"]["active"], active) << name;
      EXPECT_EQ(object["state"], "healthy") << name;
    }
    EXPECT_EQ(audit_count("device.failed"), 0u);
    expect_audit_intact();
  }
  void expect_done(const std::string& rollout, const std::string& model_txt) {
    ASSERT_EVENTUALLY(60s, state(rollout) == "completed") << status(rollout).dump();
    EXPECT_EQ(count(rollout, "done"), static_cast<long>(agents));
    EXPECT_EQ(count(rollout, "failed"), 0);
    EXPECT_EQ(count(rollout, "targets"), static_cast<long>(agents)) << "an attacker became a target";
    EXPECT_EQ(agents_with(model_txt), agents);
  }
};

// The operator whose role is only to look, asking for what it may not do: one command a request, so one refusal each.
const std::vector<std::string> requests_beyond_the_role = {
    R"({"commands":[{"command":"pauseRollout","rollout":"under-fire-1"}]})",
    R"({"commands":[{"command":"abortRollout","rollout":"under-fire-1","mode":"revert"}]})",
    R"({"commands":[{"command":"approveRollout","rollout":"under-fire-1"}]})",
    R"({"commands":[{"command":"giveOrder","scope":"fleet","order":"safe_mode"}]})",
    R"({"commands":[{"command":"publishRelease","envelope":"AAAA"}]})",
    R"({"commands":[{"command":"formatDisk"}]})",
    R"({"commands":[)",
    R"([[[[[[[[[[[[[[[[[[[[[[[[[[)"};

// The attackers, each on a thread of its own, and what they fired.
class Fire {
 public:
  Fire(std::uint16_t port, const Keys& keys, std::uint64_t seed, std::uint64_t total)
      : seed_(seed), total_(total), viewer_(port, keys, keys.operator_("viewer")) {
    for (std::size_t i = 0; i < attackers; ++i) {
      devices_.push_back(std::make_unique<HostileClient>(port, keys, keys.device(name(i))));
    }
    fired_.resize(attackers);
  }
  // Connected, and each device with a report that the broker has taken: boot 5, sequence number 1000.
  void prepare() {
    for (std::size_t i = 0; i < attackers; ++i) {
      devices_[i]->connect();
      devices_[i]->send("muster/v1/device/" + name(i) + "/state",
                        state_report({.device = name(i), .boot_id = 5, .seq = 1000}), true);
      ASSERT_TRUE(devices_[i]->drained(10s));
      ASSERT_EQ(devices_[i]->counts().taken, 1u);
    }
    viewer_.connect();
  }
  void open(const Bytes& captured) {
    const auto each = total_ / (attackers + 1);
    for (std::size_t i = 0; i < attackers; ++i) {
      guns_.emplace_back([this, i, each, captured] {
        Arsenal arsenal(seed_ + i, name(i), victims, captured);
        for (std::uint64_t n = 0; n < each && !::testing::Test::HasFailure(); ++n) {
          const auto shot = arsenal.next();
          ++fired_[i][shot.attack];
          devices_[i]->send(shot.topic, shot.payload, shot.retain);
        }
        EXPECT_TRUE(devices_[i]->drained(60s));
      });
    }
    guns_.emplace_back([this, asked = total_ - attackers * each] {
      std::mt19937_64 random(seed_ + attackers);
      for (std::uint64_t n = 0; n < asked && !::testing::Test::HasFailure(); ++n) {
        const auto& request = requests_beyond_the_role[random() % requests_beyond_the_role.size()];
        viewer_.send("$CONTROL/muster/v1", ByteView(std::string_view(request)));
      }
      EXPECT_TRUE(viewer_.drained(60s));
    });
  }
  [[nodiscard]] bool going_on() const {
    auto sent = viewer_.counts().sent;
    for (const auto& device : devices_) sent += device->counts().sent - 1;
    return sent < total_;
  }
  void wait() {
    for (auto& gun : guns_) gun.join();
    guns_.clear();
  }
  // Of the devices' messages; the one of prepare() is not among them.
  [[nodiscard]] HostileClient::Counts of_devices() const {
    HostileClient::Counts sum;
    for (const auto& device : devices_) {
      const auto counts = device->counts();
      sum.sent += counts.sent - 1;
      sum.taken += counts.taken - 1;
      sum.denied += counts.denied;
      sum.lost += counts.lost;
      EXPECT_TRUE(device->connected());
    }
    return sum;
  }
  [[nodiscard]] HostileClient::Counts of_viewer() const { return viewer_.counts(); }
  [[nodiscard]] std::map<Attack, long> by_attack() const {
    std::map<Attack, long> sum;
    for (const auto& gun : fired_) {
      for (const auto& [attack, count] : gun) sum[attack] += count;
    }
    return sum;
  }
  ~Fire() { wait(); }
  Fire(const Fire&) = delete;
  Fire& operator=(const Fire&) = delete;

 private:
  static std::string name(std::size_t index) { return "bad-" + std::to_string(index); }

  std::uint64_t seed_, total_;
  HostileClient viewer_;
  std::vector<std::unique_ptr<HostileClient>> devices_;
  std::vector<std::map<Attack, long>> fired_;
  std::vector<std::thread> guns_;
};

// Each refusal is in the counters, under its reason: no more and no less than what was fired.
void expect_counted(const Fire& fire, std::map<std::string, long> reasons) {
  const auto devices = fire.of_devices();
  const auto asked = static_cast<long>(fire.of_viewer().sent);
  EXPECT_EQ(devices.lost, 0u);
  EXPECT_EQ(devices.denied + devices.taken, devices.sent);
  EXPECT_EQ(fire.of_viewer().taken, fire.of_viewer().sent) << "control requests are acknowledged, and answered apart";
  long counted = 0;
  for (const auto& [reason, count] : reasons) counted += count;
  EXPECT_EQ(counted, static_cast<long>(devices.denied) + asked) << nlohmann::json(reasons).dump();

  auto fired = fire.by_attack();
  EXPECT_EQ(fired.size(), static_cast<std::size_t>(Attack::count)) << "not all kinds were fired";
  EXPECT_EQ(reasons["unknown_topic"], fired[Attack::unknown_topic]);
  EXPECT_EQ(reasons["acl_write"], fired[Attack::downward] + fired[Attack::control]);
  EXPECT_EQ(reasons["role"] + reasons["bad_json"] + reasons["unknown_command"] + reasons["queue_full"], asked);
  // A message with flipped bits or a random one may have these faults too.
  EXPECT_GE(reasons["too_long"], fired[Attack::oversized]);
  EXPECT_GE(reasons["over_limit"], fired[Attack::evidence]);
  EXPECT_GE(reasons["foreign_device"],
            fired[Attack::foreign_payload] + fired[Attack::foreign_topic] + fired[Attack::captured]);
  EXPECT_GE(reasons["stale_report"], fired[Attack::replayed]);
  EXPECT_GE(reasons["unknown_value"], fired[Attack::unknown_plane]);
  EXPECT_GE(reasons["retain_flag"], fired[Attack::wrong_retain]);
  EXPECT_GE(reasons["unknown_blob"] + reasons["chunk_window"], fired[Attack::chunk_request]);
}

std::size_t occurrences(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_F(Battery, NothingShows) {
  const auto seed = seed_or(20261121);
  const auto total = size_for<std::uint64_t>(5'000, 100'000);
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
  printf("battery: seed %llu\n", static_cast<unsigned long long>(seed));
  start("quiet", 1);  // a rollout in peace, to know what one looks like
  expect_done("quiet", "good one");
  const auto peaceful = decisions("quiet");
  ASSERT_GE(peaceful.size(), 3u);
  auto watcher = operator_session("ops");
  ASSERT_TRUE(watcher->subscribe("muster/v1/device/gw-0/state"));
  const auto captured = watcher->wait_for("muster/v1/device/gw-0/state", 10s);
  ASSERT_TRUE(captured.has_value());

  Fire fire(broker().port(), keys_, seed, total);
  fire.prepare();
  start("under-fire-1", 2);
  const auto before = refusals();
  const auto log_before = broker().log().size();
  const auto memory_before = broker().resident_kib();
  const auto begun = std::chrono::steady_clock::now();
  fire.open(captured->payload);
  // Rollouts go on, one after the other, for as long as the fire does.
  int rollouts = 1;
  expect_done("under-fire-1", "good two");
  while (fire.going_on() && !HasFailure()) {
    const bool even = ++rollouts % 2 == 0;
    const auto name = "under-fire-" + std::to_string(rollouts);
    start(name, even ? 1 : 2);
    expect_done(name, even ? "good one" : "good two");
  }
  fire.wait();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  ASSERT_FALSE(HasFailure());

  const auto reasons = added(before, refusals());
  expect_counted(fire, reasons);
  for (int i = 1; i <= rollouts; ++i) EXPECT_EQ(decisions("under-fire-" + std::to_string(i)), peaceful) << i;
  expect_healthy_agents();
  const auto memory_after = broker().resident_kib();
  if (memory_is_ours()) {
    EXPECT_LE(memory_after, memory_before + broker_growth_max_kib);
  }
  // At most ten lines a minute and reason.
  const auto log = broker().log().substr(log_before);
  const auto lines = occurrences(log, "muster: refused ");
  const auto minutes = static_cast<std::size_t>(took.count() / 60) + 2;
  EXPECT_GE(lines, 1u);
  EXPECT_LE(lines, minutes * 10 * reasons.size());
  EXPECT_LE(log.size(), minutes * 200'000u);
  EXPECT_LE(audit_count("command.refused"), minutes * 60) << "refusals fill the audit record";
  printf("battery: %llu messages in %.1f s, %d rollouts meanwhile; refused: %s\n",
         static_cast<unsigned long long>(total), took.count(), rollouts, nlohmann::json(reasons).dump().c_str());
  for (const auto& [attack, count] : fire.by_attack()) printf("battery: %8ld × %s\n", count, name_of(attack));
  printf("battery: %8llu × operator beyond the role\n", static_cast<unsigned long long>(fire.of_viewer().sent));
  printf("battery: broker %llu KiB before, %llu KiB after; %zu log lines about refusals\n",
         static_cast<unsigned long long>(memory_before), static_cast<unsigned long long>(memory_after), lines);
}

}  // namespace
}  // namespace muster::e2e
