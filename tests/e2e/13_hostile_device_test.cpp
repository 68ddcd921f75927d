// A device that is provisioned and hostile: it has a certificate of its own and lies, floods, does not read, or plays
// with numbers. What it can do to itself is stated; what it must not do to others is checked. Operators and retired
// keys are in 13_hostile_operator_test.cpp and 13_retired_keys_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/e2e/harness/hostile_client.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/proxy.h"
#include "tests/e2e/harness/stir.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using testing::size_for;
using Clock = std::chrono::steady_clock;

constexpr int not_authorised = 0x87;
constexpr std::uint64_t largest = ~std::uint64_t{0};
constexpr std::uint8_t fetching = 1, committed = 7;

std::string topic(const std::string& device, const std::string& leaf) {
  return "muster/v1/device/" + device + "/" + leaf;
}

class HostileDevice : public World {
 protected:
  // The device's own report, taken or not: the reason code.
  int report(Session& session, const Report& report) {
    return session.publish(topic(report.device, "state"), state_report(report), true);
  }
  Sha256 manifest_of(const std::string& ref) {
    Sha256 digest;
    const auto release = ops().control("getRelease", {{"release", ref}})["data"];
    EXPECT_TRUE(parse_hex(release.value("manifest", ""), digest)) << ref;
    return digest;
  }
  // The slowest of most: how long a good device's report takes from publishing to its acknowledgement, 95 of 100.
  static std::chrono::milliseconds report_time(HostileClient& honest, const std::string& device, std::uint64_t& seq,
                                               int rounds = 100) {
    std::vector<Clock::duration> times;
    for (int i = 0; i < rounds; ++i) {
      const auto begun = Clock::now();
      honest.send(topic(device, "health"), health_summary({.device = device, .seq = ++seq}));
      EXPECT_TRUE(honest.drained(10s));
      times.push_back(Clock::now() - begun);
    }
    std::sort(times.begin(), times.end());
    return std::chrono::duration_cast<std::chrono::milliseconds>(times[times.size() * 95 / 100]);
  }
};

TEST_F(HostileDevice, AnothersNameIsRefusedWhereverItStands) {
  open();
  start_fleet(1);
  const auto before = device("gw-0");
  auto liar = device_session("liar");
  ASSERT_LT(report(*liar, {.device = "liar"}), 0x80);
  const auto as_other = state_report({.device = "gw-0", .boot_id = largest, .seq = largest, .region = "us"});
  const auto as_itself = state_report({.device = "liar", .boot_id = 2, .region = "us"});
  const long counted = refused("foreign_device");
  EXPECT_EQ(liar->publish(topic("gw-0", "state"), as_itself, true), not_authorised) << "in the topic";
  EXPECT_EQ(liar->publish(topic("liar", "state"), as_other, true), not_authorised) << "in the message";
  EXPECT_EQ(liar->publish(topic("gw-0", "state"), as_other, true), not_authorised) << "in both";
  EXPECT_EQ(liar->publish(topic("gw-0", "health"), health_summary({.device = "gw-0"})), not_authorised);
  EXPECT_EQ(liar->publish(topic("liar", "health"), health_summary({.device = "gw-0"})), not_authorised);
  EXPECT_EQ(liar->publish(topic("gw-0", "link"), ByteView(std::string_view("0")), true), not_authorised);
  EXPECT_EQ(refused("foreign_device"), counted + 6);
  const auto after = device("gw-0");
  for (const auto* field : {"facts", "planes", "state", "attempt", "connected"}) {
    EXPECT_EQ(after.at(field), before.at(field)) << field;
  }
  // The real one goes on: its numbers were not poisoned.
  make_release({.name = "m", .version = "1"});
  start_rollout(
      "r", rule("r", "{ model: m@1 }", "[{ name: all, percent: 100, gate: auto, soak: 0s }]", "device.id == \"gw-0\""));
  EXPECT_EVENTUALLY(20s, state("r") == "completed");
}

TEST_F(HostileDevice, AFloodOfChunkRequestsCostsOnlyItself) {
  constexpr std::uint64_t cap = 1 << 20;
  open({.chunk_bytes_per_s = cap});
  const auto digest = published_blob(noise(1 << 20, 9));
  HostileClient honest(broker().port(), keys_, keys_.device("gw-0"));
  honest.connect();
  std::uint64_t seq = 0;
  const auto idle = report_time(honest, "gw-0", seq);

  HostileClient flooder(broker().port(), keys_, keys_.device("flooder"));
  flooder.connect();
  const auto served_before = metrics()["chunks"].value("bytes", 0L);
  const auto memory_before = broker().resident_kib();
  const long counted_before = refused("chunk_window") + refused("chunk_rate");
  const auto requests = size_for<std::uint64_t>(3000, 30000);
  const auto begun = Clock::now();
  std::atomic<bool> flooding{true};
  std::thread flood([&] {
    const auto request = chunk_get(digest, 0, 65536);
    for (std::uint64_t i = 0; i < requests; ++i) flooder.send(topic("flooder", "chunk/get"), request);
    EXPECT_TRUE(flooder.drained(60s));
    flooding = false;
  });
  std::chrono::milliseconds under_flood{0};
  int measured = 0;
  do {
    under_flood = std::max(under_flood, report_time(honest, "gw-0", seq, 20));
    ++measured;
  } while (flooding);
  flood.join();
  const std::chrono::duration<double> took = Clock::now() - begun;
  EXPECT_TRUE(flooder.connected());
  EXPECT_EQ(flooder.counts().denied, requests) << "a request is for the broker and for nobody else";

  // Each request was served or refused, and what was served is within the cap: one bucket, then so much a second.
  const auto served = metrics()["chunks"].value("bytes", 0L) - served_before;
  EXPECT_LE(static_cast<double>(served), cap * (took.count() + 1.5));
  EXPECT_GT(served, 0);
  const long refusals = refused("chunk_window") + refused("chunk_rate") - counted_before;
  EXPECT_EQ(static_cast<std::uint64_t>(refusals) + static_cast<std::uint64_t>(served) / 65536, requests);
  if (memory_is_ours()) {
    EXPECT_LE(broker().resident_kib(), memory_before + 32 * 1024);
  }
  EXPECT_LE(under_flood, stretched(std::max<std::chrono::milliseconds>(100ms, 20 * idle)));
  printf(
      "flood: %llu requests in %.1f s, %ld KiB served, p95 of another device's report %ld ms idle, %ld ms at worst\n",
      static_cast<unsigned long long>(requests), took.count(), static_cast<long>(served / 1024),
      static_cast<long>(idle.count()), static_cast<long>(under_flood.count()));
}

// What a device asks for and does not read lies in the broker until the connection ends: Mosquitto does not tell a
// plugin what a client has taken. The cap on a device's bytes a second is what bounds it, and others do not feel it.
TEST_F(HostileDevice, OneThatNeverReadsCostsWhatTheCapAllows) {
  constexpr std::uint64_t cap = 1 << 20;
  open({.chunk_bytes_per_s = cap});
  const auto digest = published_blob(noise(1 << 20, 10));
  HostileClient honest(broker().port(), keys_, keys_.device("gw-0"));
  honest.connect();
  std::uint64_t seq = 0;
  const auto idle = report_time(honest, "gw-0", seq);

  Proxy proxy(broker().port(), 1);
  HostileClient deaf(proxy.port(), keys_, keys_.device("deaf"));
  deaf.connect();
  deaf.send(topic("deaf", "link"), ByteView(std::string_view("1")), true);
  ASSERT_TRUE(deaf.drained(10s));
  LinkPlan slow;
  slow.fault = LinkFault::throttle;
  slow.bytes_per_s = 32 * 1024;  // both ways: requests go up, hardly any answer comes down
  proxy.strike(slow);
  const auto memory_before = broker().resident_kib();
  const auto asked_before = metrics()["messages"].value("chunk_get", 0L);
  const auto begun = Clock::now();
  std::uint64_t memory = memory_before;
  std::chrono::milliseconds worst{0};
  const auto request = chunk_get(digest, 0, 65536);
  for (int round = 0; round < size_for(10, 40); ++round) {
    for (int i = 0; i < 50; ++i) deaf.send_qos0(topic("deaf", "chunk/get"), request);
    worst = std::max(worst, report_time(honest, "gw-0", seq, 20));
    memory = std::max(memory, broker().resident_kib());
  }
  EXPECT_EVENTUALLY(20s, metrics()["messages"].value("chunk_get", 0L) >= asked_before + 100);
  memory = std::max(memory, broker().resident_kib());
  const std::chrono::duration<double> took = Clock::now() - begun;
  if (memory_is_ours()) {
    EXPECT_LE(static_cast<double>(memory),
              static_cast<double>(memory_before) + cap / 1024.0 * (took.count() + 2) + 16 * 1024);
  }
  EXPECT_LE(worst, stretched(std::max<std::chrono::milliseconds>(100ms, 20 * idle)));
  EXPECT_TRUE(broker().running());
  printf("never reads: %.1f s, broker %llu KiB before, %llu KiB at most; another's p95 %ld ms idle, %ld ms at worst\n",
         took.count(), static_cast<unsigned long long>(memory_before), static_cast<unsigned long long>(memory),
         static_cast<long>(idle.count()), static_cast<long>(worst.count()));
}

// Done is who reports the assigned digest, committed, for the epoch it was given. Everything else is not done.
TEST_F(HostileDevice, ClaimsOfVersionsItDoesNotHaveCountForNothing) {
  open();
  make_release({.name = "m", .version = "1"});
  make_release({.name = "m", .version = "2"});
  auto liar = device_session("liar");
  ASSERT_LT(report(*liar, {.device = "liar"}), 0x80);
  ASSERT_EVENTUALLY(5s, device("liar").value("reported", false));
  start_rollout(
      "r", rule("r", "{ model: m@1 }", "[{ name: all, percent: 100, gate: auto, soak: 0s }]", "device.id == \"liar\""));
  ASSERT_EVENTUALLY(10s, device("liar").value("assigned_epoch", 0) > 0);
  const auto epoch = device("liar").at("assigned_epoch").get<std::uint64_t>();
  Sha256 invented;
  invented.bytes.fill(0x77);
  const auto assigned = manifest_of("m@1");
  const auto other = manifest_of("m@2");
  std::uint64_t seq = 1;
  const auto claim = [&](const Sha256& active, std::uint64_t of_epoch, std::uint8_t attempt) {
    ASSERT_LT(report(*liar, {.device = "liar",
                             .seq = ++seq,
                             .active_model = active,
                             .attempt_epoch = of_epoch,
                             .attempt_state = attempt}),
              0x80);
    EXPECT_EVENTUALLY(5s, device("liar")["attempt"].value("epoch", std::uint64_t{0}) == of_epoch);
    EXPECT_EQ(count("r", "done"), 0);
    EXPECT_NE(state("r"), "completed");
  };
  claim(assigned, epoch, fetching);       // the digest, but no end of the attempt
  claim(assigned, epoch + 1, committed);  // an epoch that it never got
  claim(assigned, largest, committed);    // nor this one
  claim(Sha256{}, epoch - 1, committed);  // one of before
  EXPECT_EQ(count("r", "failed"), 0) << "and nothing of it is a failure either";
  // Committed for the right epoch with another digest: not done, whoever made the release.
  claim(invented, epoch, committed);
  claim(other, epoch, committed);
  claim(Sha256{}, epoch, committed);
  // What nobody can detect: a device that runs something else and reports what it should. It knows the digest from its
  // assignment, and the broker has only its word; docs/wire.md says so. It deceives about itself alone.
  ASSERT_LT(report(*liar, {.device = "liar",
                           .boot_id = 2,
                           .active_model = assigned,
                           .attempt_epoch = epoch,
                           .attempt_state = committed}),
            0x80);
  EXPECT_EVENTUALLY(10s, count("r", "done") == 1);
}

TEST_F(HostileDevice, JumpedSequenceNumbersHurtOnlyItself) {
  open();
  auto jumper = device_session("jumper");
  auto honest = device_session("gw-0");
  ASSERT_LT(report(*jumper, {.device = "jumper", .boot_id = 7, .seq = largest, .region = "eu"}), 0x80);
  EXPECT_EVENTUALLY(5s, device("jumper")["facts"].value("region", "") == "eu");
  const long stale = refused("stale_report");
  // Nothing comes after the largest number of a boot: neither lower ones nor zero, where it would wrap around.
  for (const std::uint64_t seq : {largest - 1, std::uint64_t{1}, std::uint64_t{0}}) {
    EXPECT_EQ(report(*jumper, {.device = "jumper", .boot_id = 7, .seq = seq, .region = "us"}), not_authorised) << seq;
  }
  EXPECT_EQ(refused("stale_report"), stale + 3);
  EXPECT_EQ(device("jumper")["facts"].value("region", ""), "eu");
  // The same number again is acknowledged and changes nothing; a new start of the agent is heard.
  EXPECT_LT(report(*jumper, {.device = "jumper", .boot_id = 7, .seq = largest, .region = "us"}), 0x80);
  EXPECT_EQ(device("jumper")["facts"].value("region", ""), "eu");
  EXPECT_LT(report(*jumper, {.device = "jumper", .boot_id = 8, .seq = 0, .region = "us"}), 0x80);
  EXPECT_EVENTUALLY(5s, device("jumper")["facts"].value("region", "") == "us");
  EXPECT_EQ(report(*jumper, {.device = "jumper", .boot_id = 7, .seq = largest}), not_authorised) << "an older boot";

  // At the very end of both numbers it has made itself mute, across a restart of the broker too, and nobody else.
  ASSERT_LT(report(*jumper, {.device = "jumper", .boot_id = largest, .seq = largest, .region = "eu"}), 0x80);
  EXPECT_EQ(report(*jumper, {.device = "jumper", .boot_id = 0, .seq = 0, .region = "us"}), not_authorised);
  ASSERT_LT(report(*honest, {.device = "gw-0", .boot_id = 1, .seq = 1, .region = "us"}), 0x80);
  EXPECT_EVENTUALLY(5s, device("gw-0")["facts"].value("region", "") == "us");
  ASSERT_EVENTUALLY(5s, device("jumper")["facts"].value("region", "") == "eu");
  jumper->close();
  honest->close();
  leave_ops();
  broker().stop();
  ASSERT_TRUE(broker().start());
  jumper = device_session("jumper");
  (void)report(*jumper, {.device = "jumper", .boot_id = 9, .seq = 1, .region = "us"});
  EXPECT_TRUE(throughout(500ms, [&] { return device("jumper")["facts"].value("region", "") == "eu"; }));
}

// The cohort is a hash of the seed and the id: facts decide who is a target, never who comes first.
TEST_F(HostileDevice, ChangingFactsBuysNoPlaceInAWave) {
  open();
  make_release({.name = "m", .version = "1"});
  std::vector<std::unique_ptr<Session>> devices;
  for (int i = 0; i < 10; ++i) {
    const auto name = "d-" + std::to_string(i);
    devices.push_back(device_session(name));
    ASSERT_LT(report(*devices.back(), {.device = name, .region = "eu"}), 0x80);
  }
  ASSERT_EVENTUALLY(10s, device("d-9").value("reported", false));
  start_rollout("r", rule("r", "{ model: m@1 }",
                          "[{ name: canary, percent: 20, gate: manual, soak: 0s }, { name: all, percent: 100 }]",
                          "device.region == \"eu\""));
  ASSERT_EVENTUALLY(10s, count("r", "reached") == 2);
  const auto in_cohort = [&](const std::string& name) { return device(name).value("assigned_epoch", 0) > 0; };
  std::vector<std::size_t> outside;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (!in_cohort("d-" + std::to_string(i))) outside.push_back(i);
  }
  ASSERT_EQ(outside.size(), 8u);
  // Eight devices leave and come back, as other classes, as fast as the broker listens.
  std::mt19937 random(static_cast<unsigned>(testing::seed_or(20261121)));
  std::uint64_t seq = 1;
  for (int round = 0; round < size_for(30, 300); ++round) {
    const auto i = outside[random() % outside.size()];
    const auto name = "d-" + std::to_string(i);
    ASSERT_LT(report(*devices[i], {.device = name,
                                   .seq = ++seq,
                                   .region = random() % 2 == 0 ? "us" : "eu",
                                   .device_class = "class-" + std::to_string(random() % 5)}),
              0x80);
    if (round % 10 != 0) continue;
    ASSERT_LE(count("r", "reached"), 2);
  }
  for (const auto i : outside) {
    const auto name = "d-" + std::to_string(i);
    ASSERT_LT(report(*devices[i], {.device = name, .seq = ++seq, .region = "eu"}), 0x80);
    EXPECT_FALSE(in_cohort(name)) << name << " got into the canary";
  }
  EXPECT_EVENTUALLY(5s, count("r", "targets") == 10);
  EXPECT_EQ(count("r", "reached"), 2);
  expect_audit_intact();
}

TEST_F(HostileDevice, AStormOfReconnectsLeavesOneConnection) {
  open();
  start_fleet(1);
  const Stir stir(broker().port(), keys_);
  const auto connected_before = metrics()["devices"].value("connected", 0);
  // The same client id: each newcomer takes the session over and the one before is ended.
  std::unique_ptr<HostileClient> last;
  for (int i = 0; i < size_for(60, 500); ++i) {
    auto next = std::make_unique<HostileClient>(broker().port(), keys_, keys_.device("storm"), "storm");
    next->connect();
    if (i == 0) next->send(topic("storm", "state"), state_report({.device = "storm"}), true);  // known from then on
    next->send(topic("storm", "link"), ByteView(std::string_view("1")), true);
    const bool waits = i % 3 == 0;
    ASSERT_TRUE(!waits || next->drained(10s));
    last = std::move(next);
  }
  ASSERT_TRUE(last->drained(10s));
  EXPECT_TRUE(last->connected());
  EXPECT_EVENTUALLY(10s, metrics()["devices"].value("connected", 0) == connected_before + 1);
  EXPECT_TRUE(device("gw-0").value("connected", false));
  EXPECT_TRUE(device("storm").value("connected", false));
  last->close();
  EXPECT_EVENTUALLY(10s, metrics()["devices"].value("connected", 0) == connected_before);
  EXPECT_FALSE(device("storm").value("connected", true));
}

}  // namespace
}  // namespace muster::e2e
