// A large fleet of devices without an operating system, each a process with a flash and a TLS connection of its own,
// beside Linux agents of another class: a good model goes through the waves of a rollout by class while power fails
// here and there, a bad one is stopped by what its canaries measure, and nobody has anything but what the rollouts say.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "mcu-client/ports/posix/layout.h"
#include "tests/e2e/harness/footprint.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/mcu/mcu_world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;
using nlohmann::json;

constexpr std::size_t page = 500;  // devices in one answer of the broker
constexpr double mib = 1024 * 1024;

// How many devices the waves of these rollouts may reach: ten per cent, half, all.
struct Waves {
  explicit Waves(std::size_t devices) : canary((devices + 9) / 10), half((devices + 1) / 2) {}
  std::size_t canary, half;
};
const std::string three_waves =
    "[{ name: canary, percent: 10, soak: 1s }, { name: half, percent: 50, soak: 1s }, "
    "{ name: all, percent: 100, soak: 1s }]";
const std::string long_canary = "[{ name: canary, percent: 10, soak: 20s }, { name: all, percent: 100, soak: 0s }]";
const std::string only_boards = "compatible: { class: [cortex-m3] }\n";

class McuFleet : public McuWorld {
 protected:
  void SetUp() override {
    seed_ = seed_or(20261121);
    random_.seed(seed_);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }
  void TearDown() override {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    printf("%zu devices and %zu agents, %.1f s; one device: PSS %.2f MiB, of it %.0f MiB flash; killed while\n",
           mcu_count(), agent_count(), took.count(), static_cast<double>(one_pss_) / mib,
           static_cast<double>(mcu::posix::flash_size) / mib);
    for (const auto& [phase, count] : kills_) printf("  %3zu × %s\n", count, phase.c_str());
  }
  std::size_t below(std::size_t end) { return random_() % end; }

  void open_fleet(std::size_t devices, std::size_t agents) {
    open();
    observer_ = operator_session("viewer");
    ASSERT_TRUE(observer_->subscribe("muster/v1/device/+/assignment"));
    ASSERT_TRUE(observer_->subscribe("muster/v1/device/+/state"));
    start_fleet(agents);
    for (std::size_t i = 0; i < devices; ++i)
      add_device("mcu-" + std::to_string(i), {.watchdog_ms = 10000, .backoff_ms = 3000});
    for (std::size_t i = 0; i < devices; ++i) mcu(i).start();
    starts_.assign(devices, 1);
    ASSERT_EVENTUALLY(60s, all_devices([](const json& seen) { return seen.value("reported", false); }));
  }
  // Whom nothing may hold up; whoever is switched off comes back long before it is given up.
  static std::string fleet_rule(const std::string& name, const std::string& versions, const std::string& waves,
                                const std::string& device_class) {
    return "rollout: " + name + "\nseed: 7\ntargets: 'device.class == \"" + device_class +
           "\"'\nversions: " + versions + "\nwaves: " + waves + "\nunreachable_after: 120s\nattempt_timeout: 120s\n";
  }

  // --- power ---
  void cut_power(std::size_t i) {
    mcu(i).kill_hard();
    ++kills_[phase_of(i)];
  }
  void turn_on(std::size_t i) {
    mcu(i).start();
    ++starts_[i];
  }
  // What its attempt had come to, by its own log.
  std::string phase_of(std::size_t i) {
    const auto log = mcu(i).log();
    const std::string word = "the attempt is ";
    const auto at = log.rfind(word);
    return at == std::string::npos ? "starting" : log.substr(at + word.size(), log.find(',', at) - at - word.size());
  }
  // Up to so many that have not been hurt in this rollout: any, or those whose attempts have come just so far.
  std::vector<std::size_t> next_victims(std::size_t count, const std::set<std::size_t>& hurt) {
    static const std::vector<std::string> moments = {"any",     "fetching", "fetching", "verifying",
                                                     "swapped", "probing",  "soaking"};
    const auto& moment = moments[below(moments.size())];
    std::vector<std::size_t> any, there;
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      if (hurt.count(i) == 0) any.push_back(i);
    }
    const auto look = [&] {
      std::copy_if(any.begin(), any.end(), std::back_inserter(there), [&](auto i) { return phase_of(i) == moment; });
      return !there.empty();
    };
    auto& victims = moment != "any" && eventually(1s, look, 5ms) ? there : any;
    std::shuffle(victims.begin(), victims.end(), random_);
    victims.resize(std::min(victims.size(), count));
    return victims;
  }
  // At an eighth of the devices, each once; some come back at once and some when the next ones go.
  void let_power_fail() {
    const auto at_a_time = std::max<std::size_t>(1, mcu_count() / 60);
    std::set<std::size_t> hurt;
    std::vector<std::size_t> off;
    while (hurt.size() < mcu_count() / 8) {
      const auto victims = next_victims(at_a_time, hurt);
      for (const auto i : victims) cut_power(i);
      for (const auto i : std::exchange(off, {})) turn_on(i);
      for (const auto i : victims) {
        hurt.insert(i);
        if (below(2) == 0) {
          turn_on(i);
        } else {
          off.push_back(i);
        }
      }
    }
    for (const auto i : off) turn_on(i);
  }

  // --- looking ---
  // Every device as the broker knows it, by its name.
  std::map<std::string, json> known() {
    std::map<std::string, json> all;
    bool more = true;
    while (more) {
      json fields = {{"limit", page}};
      if (!all.empty()) fields["after"] = all.rbegin()->first;
      const auto answer = ops().control("listDevices", fields).value("data", json::object());
      for (const auto& one : answer.value("devices", json::array())) all[one.value("device", "")] = one;
      more = answer.value("more", false);
    }
    return all;
  }
  bool all_devices(const std::function<bool(const json&)>& good) {
    const auto all = known();
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      const auto found = all.find(mcu(i).name());
      if (found == all.end() || !good(found->second)) return false;
    }
    return true;
  }
  static std::string running(const json& seen, const std::string& plane) {
    const auto release = seen.value("planes", json::object()).value(plane, json::object()).value("release", json());
    return release.is_string() ? release.get<std::string>() : "none";
  }
  Sha256 manifest_of(const std::string& release) {
    Sha256 digest;
    const auto data = ops().control("getRelease", {{"release", release}})["data"];
    EXPECT_TRUE(parse_hex(data.value("manifest", ""), digest)) << data.dump();
    return digest;
  }
  static bool names(const AssignmentSeen& assignment, const Sha256& manifest) {
    const auto& all = assignment.manifests;
    return std::find(all.begin(), all.end(), manifest) != all.end();
  }
  static std::string device_of(const std::string& topic) {
    const auto begin = std::string("muster/v1/device/").size();
    return topic.substr(begin, topic.find('/', begin) - begin);
  }
  static bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
  }
  // Who is assigned a release now, by what the broker retains.
  std::set<std::string> retained_for(const Sha256& manifest) {
    const auto looking = operator_session("viewer");
    EXPECT_TRUE(looking->subscribe("muster/v1/device/+/assignment"));
    static_cast<void>(looking->control("getMetrics"));  // its answer comes after what is retained
    std::set<std::string> found;
    for (const auto& message : looking->received("muster/v1/device/")) {
      if (names(read_assignment(message.payload), manifest)) found.insert(device_of(message.topic));
    }
    return found;
  }
  // Everybody who was ever assigned it, in the order of the assignments. Whenever one came that belongs to the next
  // wave, all that were assigned before had reported that they are done.
  std::vector<std::string> assigned_by_waves(const Sha256& manifest, const std::vector<std::size_t>& boundaries) {
    std::vector<std::string> order;
    std::map<std::string, std::uint64_t> epochs;
    std::set<std::string> done;
    for (const auto& message : observer_->received("muster/v1/device/")) {
      const auto name = device_of(message.topic);
      if (ends_with(message.topic, "/assignment")) {
        const auto seen = read_assignment(message.payload);
        if (!names(seen, manifest) || !epochs.emplace(name, seen.epoch).second) continue;
        if (std::count(boundaries.begin(), boundaries.end(), order.size()) > 0) {
          EXPECT_EQ(done.size(), order.size()) << name << " belongs to the next wave";
        }
        order.push_back(name);
      } else if (epochs.count(name) > 0) {
        const auto report = read_report(message.payload);
        if (report.attempt == "committed" && report.attempt_epoch == epochs[name]) done.insert(name);
      }
    }
    return order;
  }

  // --- the rollouts ---
  // A good set reaches everybody, wave by wave, while power fails.
  void update(const std::string& name, const std::string& model, const std::string& versions) {
    const Waves waves(mcu_count());
    start_rollout(name, fleet_rule(name, versions, three_waves, "cortex-m3"));
    let_power_fail();
    ASSERT_EVENTUALLY(120s, state(name) == "completed") << status(name).dump(1);
    EXPECT_EQ(count(name, "done"), static_cast<long>(mcu_count()));
    EXPECT_EQ(assigned_by_waves(manifest_of(model), {waves.canary, waves.half}).size(), mcu_count());
    for (const auto& [device, seen] : known()) {
      if (device.rfind("mcu-", 0) != 0) continue;
      EXPECT_EQ(running(seen, "model"), model) << device;
      EXPECT_EQ(running(seen, "config"), "c@1") << device;
      EXPECT_EQ(running(seen, "firmware"), "none") << device;
    }
    EXPECT_EVENTUALLY(20s, all_devices([&](const json& seen) {
                        return seen.value("connected", false) && seen.value("state", "") == "healthy";
                      }));
  }
  // Its canaries measure what a bad model does to their task and go back, also the one whose power fails meanwhile.
  void stop_at_the_canaries(const Sha256& bad) {
    const auto count_of_canaries = Waves(mcu_count()).canary;
    start_rollout("bad", fleet_rule("bad", "{ model: m@bad }", long_canary, "cortex-m3"));
    ASSERT_EVENTUALLY(20s, retained_for(bad).size() == count_of_canaries);
    const auto canaries = retained_for(bad);
    const auto victim = *std::next(canaries.begin(), static_cast<std::ptrdiff_t>(below(canaries.size())));
    const auto number = std::stoul(victim.substr(std::string("mcu-").size()));
    cut_power(number);
    turn_on(number);
    ASSERT_EVENTUALLY(30s, state("bad") == "halted") << status("bad").dump(1);
    EXPECT_EVENTUALLY(30s, count("bad", "rolled_back") == static_cast<long>(count_of_canaries))
        << status("bad").dump(1);
    EXPECT_EQ(count("bad", "done"), 0);
    EXPECT_EQ(count("bad", "reached"), static_cast<long>(count_of_canaries));
    for (const auto& [name, seen] : known()) {
      if (name.rfind("mcu-", 0) != 0) continue;
      const auto attempt = seen.value("attempt", json::object());
      const bool is_canary = canaries.count(name) > 0;
      EXPECT_EQ(running(seen, "model"), "m@1") << name;
      EXPECT_EQ(running(seen, "config"), "c@1") << name;
      EXPECT_EQ(attempt.value("state", ""), is_canary ? "rolled_back" : "committed") << name;
      EXPECT_EQ(attempt.value("error", ""), is_canary ? "recovery_rollback" : "") << name;
    }
    ctl().must({"rollout", "abort", "bad", "--keep"});
  }
  // The gateways were assigned their own release, once, and have it.
  void expect_gateways_untouched() {
    EXPECT_EQ(state("gateways"), "completed");
    std::map<std::string, int> assignments;
    for (const auto& message : observer_->received("muster/v1/device/gw-"))
      assignments[device_of(message.topic)] += ends_with(message.topic, "/assignment") ? 1 : 0;
    for (std::size_t i = 0; i < agent_count(); ++i) {
      SCOPED_TRACE(agent(i).name());
      EXPECT_EQ(assignments[agent(i).name()], 1);
      EXPECT_EQ(running(device(agent(i).name()), "model"), "lx@1");
      EXPECT_EQ(agent(i).slot_count("model"), 1u);
      EXPECT_EQ(agent(i).call_count("notify-model"), 1u);
    }
  }

  std::mt19937_64 random_;
  std::uint64_t seed_ = 0, one_pss_ = 0;
  std::map<std::string, std::size_t> kills_;  // by what the attempt had come to
  std::vector<std::size_t> starts_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::unique_ptr<Session> observer_;
};

TEST_F(McuFleet, TakesWhatIsGoodInWavesAndStopsWhatIsBadAtItsCanaries) {
  // Where a handshake takes a sanitizer's time, so many at once would not end before they are given up.
  const auto devices = size_for<std::size_t>(60, 400) / static_cast<std::size_t>(slowness());
  ASSERT_NO_FATAL_FAILURE(open_fleet(devices, size_for<std::size_t>(3, 8)));
  make_release({.name = "lx", .version = "1"});
  start_rollout("gateways", fleet_rule("gateways", "{ model: lx@1 }", three_waves, "rk3566"));
  make_config("1", only_boards + "recovery:\n  - { when: accuracy < 50, do: rollback_release }\n");
  for (const auto* version : {"1", "bad", "2"}) make_model(version, only_boards);

  ASSERT_NO_FATAL_FAILURE(update("good", "m@1", "{ model: m@1, config: c@1 }"));
  one_pss_ = footprint_of(mcu(below(mcu_count())).pid()).pss_bytes;
  if (memory_is_ours()) {
    EXPECT_LT(static_cast<double>(one_pss_), 6 * mib);
  }
  const auto bad = manifest_of("m@bad");
  ASSERT_NO_FATAL_FAILURE(stop_at_the_canaries(bad));
  ASSERT_NO_FATAL_FAILURE(update("next", "m@2", "{ model: m@2 }"));

  EXPECT_EQ(assigned_by_waves(bad, {}).size(), Waves(mcu_count()).canary) << "ever";
  EXPECT_EQ(retained_for(bad).size(), 0u) << "still";
  expect_gateways_untouched();
  // Nothing started again but what was switched off.
  for (std::size_t i = 0; i < mcu_count(); ++i) EXPECT_EQ(mcu(i).log_count("info: slot "), starts_[i]) << mcu(i).name();
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
