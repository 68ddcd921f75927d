// A disk that is full: the broker's, while a rollout runs, and a device's, in each step of an attempt. Nothing is half
// written, everybody says what is wrong, and when there is room again it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/e2e/harness/disk.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;
using ::testing::HasSubstr;

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;
constexpr std::uint64_t page = 4 * kib;
const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

// --- the broker's disk ---

class BrokerDiskFull : public World {
 protected:
  // A broker whose data folder is a small disk, and devices on m@1; m@2 … m@last are published.
  void open_on_disk(std::size_t devices, int last_version) {
    seed_ = seed_or(20261121);
    random_.seed(seed_);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    disk_.emplace(folder_.file("disk"), 96 * mib);
    ASSERT_TRUE(disk_->mounted());
    BrokerSettings settings;
    settings.data_dir = folder_.make_folder("disk/muster");
    settings.more_plugin_config = "other_topics: allow\n";
    open(settings);
    for (int version = 1; version <= last_version; ++version) {
      const auto text = std::to_string(version);
      make_release({.name = "m", .version = text, .model_txt = "good " + text});
    }
    start_fleet(devices);
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
    expect_seen_is_kept();
    // From here on the database can not reserve its next log file in advance: every write takes its space then.
    broker().stop();
    leave_ops();
    disk_->fill(4 * mib);
    ASSERT_TRUE(broker().start());
  }
  void start_waves(const std::string& version) {
    const auto name = "m-" + version;
    start_rollout(name, "rollout: " + name + "\nseed: 3\ntargets: 'true'\nversions: { model: m@" + version +
                            " }\nwaves: [{ name: canary, percent: 20, soak: 4s }, { name: all, percent: 100, soak: "
                            "1s }]\nunreachable_after: 60s\nattempt_timeout: 60s\n");
  }
  std::string stopped() {
    const auto all = metrics();
    return all.contains("stopped") && all.at("stopped").is_string() ? all.at("stopped").get<std::string>() : "";
  }
  void expect_seen_is_kept() {
    std::map<std::uint64_t, std::string> now;
    for (const auto& entry : audit()) now[entry.value("seq", 0UL)] = entry.value("hash", "");
    for (const auto& [seq, hash] : seen_) EXPECT_EQ(now[seq], hash) << "audit entry " << seq;
    seen_ = std::move(now);
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::optional<Disk> disk_;
  std::map<std::uint64_t, std::string> seen_;
};

TEST_F(BrokerDiskFull, RolloutsStopAndTheBrokerGoesOn) {
  ASSERT_NO_FATAL_FAILURE(open_on_disk(5, 2));
  auto observer = operator_session("viewer");
  ASSERT_TRUE(observer->subscribe("muster/v1/metrics"));
  ASSERT_TRUE(observer->subscribe("plant/#"));
  start_waves("2");
  ASSERT_EVENTUALLY(10s, count("m-2", "reached") == 1);
  disk_->fill();
  ASSERT_EVENTUALLY(15s, !stopped().empty());

  // It says so: in its metrics, retained for dashboards, in its log, and to operators who want something.
  EXPECT_THAT(stopped(), HasSubstr("is full"));
  const auto says_stopped = [](const host::MqttMessage& message) {
    return std::string(ByteView(message.payload).text()).find("is full") != std::string::npos;
  };
  EXPECT_TRUE(observer->wait_for("muster/v1/metrics", 5s, says_stopped).has_value());
  EXPECT_THAT(broker().log(), HasSubstr("stopped deciding"));
  EXPECT_THAT(broker().log(), HasSubstr("restart the broker"));
  const auto refused = ctl().run({"rollout", "pause", "m-2"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("stopped deciding"));
  EXPECT_THAT(refused.err, HasSubstr("is full"));
  const auto status_text = ctl().run({"rollout", "status", "m-2"});
  EXPECT_EQ(status_text.exit_code, 0);
  EXPECT_THAT(status_text.out + status_text.err, HasSubstr("stopped deciding"));
  EXPECT_THAT(status_text.out + status_text.err, HasSubstr("is full"));

  // Nothing more is decided; everything else goes on: other topics, looking, downloads.
  const auto reached = count("m-2", "reached");
  EXPECT_TRUE(throughout(1500ms, [&] { return count("m-2", "reached") == reached; }));
  EXPECT_EQ(agents_with("good 1") + agents_with("good 2"), 5u);
  auto other = operator_session("ops");
  EXPECT_EQ(other->publish("plant/7/temperature", ByteView(std::string_view("21"))) & 0x80, 0);
  EXPECT_TRUE(observer->wait_for("plant/7/temperature", 5s).has_value());
  auto device = device_session("gw-0");
  const auto release = ops().control("getRelease", {{"release", "m@2"}}).at("data");
  Sha256 digest;
  ASSERT_TRUE(parse_hex(release.at("files")[0].value("sha256", ""), digest));
  device->publish_qos0("muster/v1/device/gw-0/chunk/get", chunk_get(digest, 0, 64));
  const auto chunk = device->wait_for("muster/v1/device/gw-0/chunk", 5s);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(read_chunk(chunk->payload).status, 0);

  // With room again it is as documented: the cause mended, the broker started again, and the rollout goes on.
  disk_->give_back();
  broker().stop();
  leave_ops();
  ASSERT_TRUE(broker().start());
  EXPECT_EVENTUALLY(30s, state("m-2") == "completed") << status("m-2").dump(1);
  EXPECT_EQ(agents_with("good 2"), 5u);
  EXPECT_EQ(stopped(), "");
  EXPECT_EQ(audit_count("rollout.completed"), 2u);
  expect_audit_intact();
}

// The space ends at another byte each time; the broker is killed or stopped, and tries to start while there is none.
TEST_F(BrokerDiskFull, WhereverAWriteFailsNothingIsHalfWritten) {
  const int rounds = size_for(3, 20);
  ASSERT_NO_FATAL_FAILURE(open_on_disk(4, rounds + 1));
  for (int round = 0; round < rounds; ++round) {
    const auto version = std::to_string(round + 2);
    SCOPED_TRACE("round " + std::to_string(round));
    start_waves(version);
    const auto left = (random_() % 12) * page;
    disk_->fill(left);
    // Commands that are written down, until one does not fit.
    const std::string name = "m-" + version, why(200, 'w');
    ASSERT_EVENTUALLY(40s,
                      [&] {
                        static_cast<void>(ops().control("pauseRollout", {{"rollout", name}, {"reason", why}}));
                        static_cast<void>(ops().control("resumeRollout", {{"rollout", name}, {"reason", why}}));
                        return !stopped().empty();
                      }())
        << left << " bytes were left\n"
        << metrics().dump();
    expect_seen_is_kept();
    if (random_() % 2 == 0) {
      broker().kill_hard();
    } else {
      broker().stop();
    }
    leave_ops();
    // Without room it can not promise anything: it refuses, and says why.
    disk_->fill();
    const auto refused = broker().start_refused();
    EXPECT_GT(refused.exit_code, 0) << refused.err;
    EXPECT_LT(refused.exit_code, 126) << "the broker crashed\n" << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("is full"));
    disk_->give_back(4 * mib);
    ASSERT_TRUE(broker().start());
    expect_seen_is_kept();
    expect_audit_intact();
    if (state(name) == "paused") ctl().must({"rollout", "resume", name});
    ASSERT_EVENTUALLY(30s, state(name) == "completed") << status(name).dump(1);
    EXPECT_EQ(agents_with("good " + version), 4u);
  }
  for (std::size_t i = 0; i < agent_count(); ++i)
    EXPECT_EQ(agent(i).call_count("notify-model"), static_cast<std::size_t>(rounds + 1)) << agent(i).name();
  EXPECT_TRUE(files_below(broker().data_dir() + "/blobs/partial").empty());
}

// --- a device's disk ---

class DeviceDiskFull : public World {
 protected:
  // gw-0 with a small disk under its data folder, on m@1.
  void open_with_small_disk(std::uint64_t chunk_bytes_per_s = 0) {
    BrokerSettings settings;
    settings.chunk_bytes_per_s = chunk_bytes_per_s;
    open(settings);
    disk_.emplace(folder_.file("gw-0/data"), 8 * mib);
    ASSERT_TRUE(disk_->mounted());
    start_fleet(1);
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  }
  std::uint64_t partial_bytes() { return bytes_below(agent(0).data_dir() + "/planes/model/partial"); }
  // The device runs what it ran, and says that its disk is full.
  void expect_failed_for_its_disk(const std::string& rollout) {
    ASSERT_EVENTUALLY(20s, state(rollout) == "halted") << status(rollout).dump(1);
    ASSERT_EQ(status(rollout).at("failures").size(), 1u);
    EXPECT_EQ(status(rollout).at("failures")[0].value("error", ""), "disk_full");
    EXPECT_TRUE(agent(0).running());
    EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good 1");
    EXPECT_EQ(device_state("gw-0"), "healthy");
    EXPECT_EQ(agent(0).call_count("notify-model"), 1u);
  }
  // A new attempt at the same release works, and what failed left nothing.
  void expect_the_next_attempt_works(const std::string& failed, const std::string& release) {
    ctl().must({"rollout", "abort", failed, "--keep"});
    start_rollout(failed + "-again", rule(failed + "-again", "{ model: " + release + " }", one_wave));
    ASSERT_EVENTUALLY(30s, state(failed + "-again") == "completed") << status(failed + "-again").dump(1);
    EXPECT_EQ(partial_bytes(), 0u);
    EXPECT_EQ(agent(0).slot_count("model"), 2u);
    const auto slots = agent(0).data_dir() + "/planes/model/slots";
    for (const auto& file : files_below(slots)) EXPECT_EQ(file.find("/.building-"), std::string::npos) << file;
    expect_audit_intact();
  }
  std::optional<Disk> disk_;
};

TEST_F(DeviceDiskFull, InTheMiddleOfAFetch) {
  ASSERT_NO_FATAL_FAILURE(open_with_small_disk(mib));
  make_release({.name = "m", .version = "2", .model_txt = "good 2", .files = {{"weights.bin", noise(3 * mib, 5)}}});
  const auto free_before = disk_->free_bytes();
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(10s, partial_bytes() > 500 * kib);
  disk_->fill();
  ASSERT_NO_FATAL_FAILURE(expect_failed_for_its_disk("m-2"));
  EXPECT_EVENTUALLY(5s, partial_bytes() == 0);
  disk_->give_back();
  EXPECT_GE(disk_->free_bytes() + 64 * kib, free_before);
  expect_the_next_attempt_works("m-2", "m@2");
  EXPECT_EQ(agent(0).active_file("model", "weights.bin"), noise(3 * mib, 5));
}

// Not even the first line of an attempt can be written down: it waits, with its connection, and says so.
TEST_F(DeviceDiskFull, BeforeTheJournalCanBeWritten) {
  ASSERT_NO_FATAL_FAILURE(open_with_small_disk());
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  disk_->fill();
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(10s, agent(0).log_has("writing the journal")) << agent(0).log();
  EXPECT_THAT(agent(0).log(), HasSubstr("No space left on device"));
  EXPECT_TRUE(throughout(3s, [&] { return agent(0).running() && device("gw-0").value("connected", false); }));
  EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good 1");
  EXPECT_EQ(state("m-2"), "running");
  disk_->give_back();
  ASSERT_EVENTUALLY(15s, state("m-2") == "completed") << status("m-2").dump(1);
  EXPECT_EQ(agent(0).call_count("notify-model"), 2u);
  expect_audit_intact();
}

// Everything is fetched and then there is no room for the slot itself: a manifest of several pages, one page left.
TEST_F(DeviceDiskFull, WhileTheSlotIsBuilt) {
  ASSERT_NO_FATAL_FAILURE(open_with_small_disk(mib));
  ReleaseToMake release{.name = "m", .version = "2", .model_txt = "good 2"};
  for (int i = 0; i < 120; ++i) release.files.emplace_back("label-of-some-length-" + std::to_string(i) + ".txt", "x");
  release.files.emplace_back("weights.bin", noise(3 * mib, 6));
  make_release(release);
  const auto free_before = disk_->free_bytes();
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(15s, partial_bytes() > 700 * kib);
  // Held still, so that what is left can be measured to the page.
  ASSERT_EQ(::kill(agent(0).pid(), SIGSTOP), 0);
  std::uint64_t held = 0;
  for (const auto& file : files_below(agent(0).data_dir() + "/planes/model/partial"))
    held = std::max(held, size_of(file));
  const auto missing = 3 * mib - (held + page - 1) / page * page;
  disk_->fill(missing + page);
  ASSERT_EQ(::kill(agent(0).pid(), SIGCONT), 0);
  ASSERT_NO_FATAL_FAILURE(expect_failed_for_its_disk("m-2"));
  EXPECT_TRUE(agent(0).log_has("verifying -> failed")) << agent(0).log();
  // The download is of no use any more, and nothing else holds its space.
  disk_->give_back();
  EXPECT_EVENTUALLY(5s, disk_->free_bytes() + 64 * kib >= free_before)
      << disk_->free_bytes() << " of " << free_before << " bytes are free again";
  expect_the_next_attempt_works("m-2", "m@2");
}

// An agent that is started on a full disk can not write down that it has started. It says so and ends; the workload
// goes on with its slot; with room again it starts and is as it was.
TEST_F(DeviceDiskFull, AtTheStart) {
  ASSERT_NO_FATAL_FAILURE(open_with_small_disk());
  agent(0).kill_hard();
  disk_->fill();
  const auto refused = agent(0).start_refused();
  EXPECT_GT(refused.exit_code, 0) << refused.err;
  EXPECT_LT(refused.exit_code, 126) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("journal"));
  EXPECT_THAT(refused.err, HasSubstr("No space left on device"));
  EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good 1");
  disk_->give_back();
  agent(0).start();
  EXPECT_EVENTUALLY(10s, device("gw-0").value("connected", false));
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  EXPECT_EVENTUALLY(15s, state("m-2") == "completed");
}

// Full again and again at random moments of a rollout, and free again: no moment may strand the device.
TEST_F(DeviceDiskFull, AtAnyMoment) {
  const int rounds = size_for(4, 25);
  const auto seed = seed_or(20261121);
  std::mt19937_64 random(seed);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  ASSERT_NO_FATAL_FAILURE(open_with_small_disk(4 * mib));
  for (int round = 0; round < rounds; ++round) {
    const auto version = std::to_string(round + 2);
    const auto name = "m-" + version;
    make_release({.name = "m",
                  .version = version,
                  .model_txt = "good " + version,
                  .files = {{"weights.bin", noise(mib, static_cast<std::uint32_t>(round))}}});
    start_rollout(name, rule(name, "{ model: m@" + version + " }", one_wave));
    const auto until = (random() % 16) * 64 * kib;
    static_cast<void>(eventually(
        2s, [&] { return partial_bytes() >= until || state(name) != "running"; }, 2ms));
    disk_->fill((random() % 40) * page);
    static_cast<void>(eventually(
        std::chrono::milliseconds(random() % 1500), [&] { return state(name) != "running"; }, 10ms));
    disk_->give_back();
    ASSERT_EVENTUALLY(20s, state(name) == "completed" || state(name) == "halted") << status(name).dump(1);
    if (state(name) == "halted") {
      EXPECT_EQ(status(name).at("failures")[0].value("error", ""), "disk_full");
      ctl().must({"rollout", "resume", name, "--acknowledge-failures"});
      ctl().must({"rollout", "abort", name, "--keep"});
      start_rollout(name + "-again", rule(name + "-again", "{ model: m@" + version + " }", one_wave));
      ASSERT_EVENTUALLY(20s, state(name + "-again") == "completed") << status(name + "-again").dump(1);
    }
    ASSERT_EQ(agent(0).active_file("model", "model.txt"), "good " + version);
  }
  EXPECT_EQ(partial_bytes(), 0u);
  EXPECT_LE(agent(0).slot_count("model"), 2u);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
