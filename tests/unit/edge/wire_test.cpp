// What goes out passes the broker's verifier; what comes in is obeyed only when it is signed and meant for this device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "edge-client/shell/connection.h"
#include "edge-client/shell/inbound.h"
#include "edge-client/shell/outbound.h"
#include "edge-client/shell/system_readings.h"
#include "edge-client/shell/trust_store.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/signed_world.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Keeps the bytes that the message points into.
template <typename Message>
struct Read {
  AlignedBytes bytes;
  const Message* message = nullptr;
};
template <typename Message>
Read<Message> read(const Bytes& bytes) {
  Read<Message> r{AlignedBytes(bytes), nullptr};
  EXPECT_EQ(name_of(verify(r.bytes.view(), r.message)), "none");
  return r;
}

TEST(Outbound, AnEmptyReportIsValid) {
  Facts facts;
  facts.device_class = "rk3566";
  const auto report = read<wire::StateReport>(encode_state_report({}, facts, {"gw-17", 1, 2}));
  ASSERT_NE(report.message, nullptr);
  EXPECT_EQ(report.message->planes()->size(), 0u);
  EXPECT_EQ(report.message->facts()->utc_offset_min(), limits::utc_offset_unsaid);
}

TEST(Outbound, AReportSaysHowTheClockGoes) {
  Facts facts;
  facts.device_class = "rk3566";
  for (const auto offset_min : {std::int16_t{0}, std::int16_t{-210}, std::int16_t{345}}) {
    facts.utc_offset_min = offset_min;
    const auto report = read<wire::StateReport>(encode_state_report({}, facts, {"gw-17", 1, 2}));
    ASSERT_NE(report.message, nullptr);
    EXPECT_EQ(report.message->facts()->utc_offset_min(), offset_min);
  }
}

TEST(Outbound, AFullReportIsValid) {
  Facts facts;
  facts.device_class = facts.region = facts.site = facts.customer = facts.os_version = facts.memory_tier =
      std::string(64, 'v');
  facts.agent_version = "0.1.0";
  facts.tags.assign(limits::tags_max, std::string(64, 't'));
  facts.accelerators.assign(limits::accelerators_max, std::string(64, 'a'));
  facts.runtimes.assign(limits::runtimes_max, std::string(64, 'r'));
  Snapshot snapshot;
  for (auto& plane : snapshot.planes) {
    const SlotRef slot{Sha256{{1}}, std::string(64, 'n'), std::string(32, '1'), 3};
    plane = {true, slot, slot, slot.manifest, 3};
  }
  snapshot.detail = std::string(1000, 'd') + "\x01\xff";
  snapshot.error = ErrorCode::probe_failed;
  const auto bytes = encode_state_report(snapshot, facts, {std::string(64, 'g'), 7, 8});
  EXPECT_LE(bytes.size(), limits::state_report_len_max);
  const auto report = read<wire::StateReport>(bytes);
  ASSERT_NE(report.message, nullptr);
  EXPECT_EQ(report.message->attempt()->error(), ErrorCode::probe_failed);
  EXPECT_EQ(report.message->planes()->size(), 3u);
}

TEST(Outbound, HealthIsValidHoweverMuchIsMeasured) {
  WindowSummary summary;
  for (int i = 0; i < 64; ++i)
    summary.metrics.push_back({std::string(60, 'm') + std::to_string(100 + i), 1, 1e308, -1, 1, 1});
  summary.latency_buckets.assign(limits::latency_buckets_max, UINT32_MAX);
  summary.error_code = 12345;
  summary.malformed = summary.left_out = 9;
  SystemReadings system;
  Snapshot snapshot;
  snapshot.runtime = std::string(300, 'r');
  summary.delegate = std::string(limits::attribute_len_max, 'd');
  const auto bytes = encode_health({"gw-17", 1, 2, 60, 3, 4}, snapshot, summary, system);
  EXPECT_LE(bytes.size(), limits::health_summary_len_max);
  const auto health = read<wire::HealthSummary>(bytes);
  ASSERT_NE(health.message, nullptr);
  EXPECT_EQ(health.message->error_code(), ErrorCode::internal);
  EXPECT_GT(health.message->metrics()->size(), 5u);
}

TEST(Outbound, WhatRunsTheModelIsTheWorkloadsWordAlone) {
  const auto delegate = [](const WindowSummary& summary) -> std::optional<std::string> {
    const auto bytes = encode_health({"gw-17", 1, 2, 60, 0, 0}, Snapshot(), summary, SystemReadings());
    const auto health = read<wire::HealthSummary>(bytes);
    const auto* said = health.message->delegate_active();
    return said == nullptr ? std::nullopt : std::optional(said->str());
  };
  WindowSummary summary;
  EXPECT_EQ(delegate(summary), std::nullopt);
  summary.delegate = "cpu";
  EXPECT_EQ(delegate(summary), "cpu");
}

TEST(Outbound, TheBatteryIsAMetricUnlessTheWorkloadKnowsBetter) {
  const auto battery = [](const WindowSummary& summary, const SystemReadings& system) {
    const auto bytes = encode_health({"gw-17", 1, 2, 60, 0, 0}, Snapshot(), summary, system);
    const auto health = read<wire::HealthSummary>(bytes);
    std::vector<double> found;
    for (const auto* metric : *health.message->metrics()) {
      if (metric->name()->str() == "battery_percent") found.push_back(metric->last());
    }
    return found;
  };
  WindowSummary summary;
  SystemReadings system;
  EXPECT_THAT(battery(summary, system), testing::IsEmpty());
  system.battery_percent = 64;
  EXPECT_THAT(battery(summary, system), testing::ElementsAre(64));
  summary.metrics.push_back({"battery_percent", 1, 7, 7, 7, 7});
  EXPECT_THAT(battery(summary, system), testing::ElementsAre(7));
}

// What is active comes first, and no workload can pass for its shadow: a name twice would cost the whole summary.
TEST(Outbound, TheShadowsMetricsHaveTheRoomThatIsLeft) {
  WindowSummary summary;
  const auto metric = [](std::string name) { return MetricWindow{std::move(name), 1, 1, 1, 1, 1}; };
  for (std::size_t i = 0; i < limits::metrics_max - 4; ++i) summary.metrics.push_back(metric("a" + std::to_string(i)));
  summary.metrics.push_back(metric("shadow.b0"));
  for (int i = 0; i < 8; ++i) summary.shadow.push_back(metric("shadow.b" + std::to_string(i)));
  const auto bytes = encode_health({"gw-17", 1, 2, 60, 0, 0}, Snapshot(), summary, SystemReadings());
  const auto health = read<wire::HealthSummary>(bytes);
  ASSERT_NE(health.message, nullptr);
  const auto& sent = *health.message->metrics();
  ASSERT_EQ(sent.size(), limits::metrics_max);
  EXPECT_EQ(sent.Get(limits::metrics_max - 5)->name()->str(), "a" + std::to_string(limits::metrics_max - 5));
  EXPECT_EQ(sent.Get(limits::metrics_max - 4)->name()->str(), "shadow.b0");
  EXPECT_EQ(sent.Get(limits::metrics_max - 2)->name()->str(), "shadow.b2");
  EXPECT_EQ(sent.Get(limits::metrics_max - 1)->name()->str(), "agent.samples_left_out");
  EXPECT_EQ(sent.Get(limits::metrics_max - 1)->last(), 6);
}

TEST(Outbound, ChunkRequestsAreValid) {
  const auto get = read<wire::ChunkGet>(encode_chunk_get(Sha256{{5}}, 70000, 65536));
  ASSERT_NE(get.message, nullptr);
  EXPECT_EQ(get.message->offset(), 70000u);
}

class Trust : public testing::Test {
 protected:
  void write(const std::string& name, const Bytes& bytes) { folder.write(name, ByteView(bytes).text()); }
  SignedWorld world;
  Folder folder;
};

TEST_F(Trust, IsPinnedOnceAndForAll) {
  write("first.menv", world.root_envelope());
  std::filesystem::create_directory(folder.file("data"));
  ASSERT_TRUE(TrustStore::open(folder.file("data"), folder.file("first.menv")));
  const SignedWorld other;
  write("first.menv", other.root_envelope());
  const auto again = TrustStore::open(folder.file("data"), folder.file("first.menv"));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->root_differs());
  EXPECT_EQ(again->root().role(wire::Role::root).keys[0].id, world.root().role(wire::Role::root).keys[0].id);
  std::filesystem::remove(folder.file("first.menv"));
  EXPECT_TRUE(TrustStore::open(folder.file("data"), folder.file("first.menv")).has_value());
}

TEST_F(Trust, ADocumentThatIsNoneIsRefused) {
  folder.write("root.txt", "nonsense");
  const auto refused = TrustStore::open(folder.path(), folder.file("root.txt"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::untrusted);
}

TEST_F(Trust, MovesOnAndStaysThere) {
  write("root.menv.given", world.root_envelope());
  {
    auto store = TrustStore::open(folder.path(), folder.file("root.menv.given"));
    ASSERT_TRUE(store.has_value());
    auto fault = trust::TrustFault::none;
    EXPECT_TRUE(store->advance(world.rotated_chain(), fault).value());
    EXPECT_FALSE(store->advance(world.rotated_chain(), fault).value());
  }
  auto store = TrustStore::open(folder.path(), folder.file("root.menv.given"));
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->root().version, 2u);
  // An older chain does not lead back.
  auto fault = trust::TrustFault::none;
  EXPECT_FALSE(store->advance(trust::make_root_chain({world.root_envelope()}), fault).value());
  EXPECT_EQ(store->root().version, 2u);

  auto chain = folder.read("root-chain");
  chain[chain.size() / 2] = static_cast<char>(chain[chain.size() / 2] ^ 4);
  folder.write("root-chain", chain);
  const auto damaged = TrustStore::open(folder.path(), folder.file("root.menv.given"));
  ASSERT_FALSE(damaged.has_value());
  EXPECT_THAT(damaged.error().message, HasSubstr("root-chain"));
}

class In : public Trust {
 protected:
  In() {
    write("given", world.root_envelope());
    store.emplace(TrustStore::open(folder.path(), folder.file("given")).value());
    Inbound::Ports ports;
    ports.tell = [this](decltype(Event::what) what) {
      if (const auto* a = std::get_if<AssignmentArrived>(&what)) {
        told.push_back("assignment " + std::to_string(a->assignment.epoch));
        taken = a->assignment;
      }
      if (const auto* d = std::get_if<DirectiveArrived>(&what)) told.push_back("directive " + d->directive.scope);
    };
    ports.chunk = [this](const wire::Chunk& chunk) { told.push_back("chunk " + std::to_string(chunk.offset())); };
    ports.refuse = [this](const std::string& reason, const std::string&) { refused.push_back(reason); };
    ports.note = [](const std::string&) {};
    ports.broken = [](const Error& error) { ADD_FAILURE() << error.message; };
    ports.now_s = [this] { return now_s; };
    inbound.emplace("gw-17", *store, std::move(ports));
  }
  void take(const std::string& topic, const Bytes& payload) { inbound->take({"muster/v1/" + topic, payload, true}); }
  std::optional<TrustStore> store;
  std::optional<Inbound> inbound;
  std::uint64_t now_s = 1000;
  std::vector<std::string> told, refused;
  Assignment taken;  // the newest
};

TEST_F(In, WhatIsSignedAndMeantForThisDeviceIsObeyed) {
  take("device/gw-17/assignment", world.assignment("gw-17", 4, {}));
  take("device/gw-17/directive", world.directive("device/gw-17", 1));
  take("group/region=eu/directive", world.directive("group/region=eu", 2));
  take("fleet/directive", world.directive("fleet", 3));
  EXPECT_THAT(told,
              ElementsAre("assignment 4", "directive device/gw-17", "directive group/region=eu", "directive fleet"));
  EXPECT_THAT(refused, IsEmpty());
}

TEST_F(In, HoldAndShadowComeAcross) {
  const auto release = world.release("m", "1", Plane::model, {{"f", "x"}});
  const auto shadow = world.release("m", "2", Plane::model, {{"f", "y"}}, 0, "replay");
  EXPECT_EQ(shadow.manifest.info.shadow, "replay");
  EXPECT_EQ(release.manifest.info.shadow, "");
  take("device/gw-17/assignment",
       world.assignment("gw-17", 7, {release.assigned()}, false, Hold::before_commit, {shadow.assigned()}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(taken.hold, Hold::before_commit);
  ASSERT_EQ(taken.shadow.size(), 1u);
  EXPECT_TRUE(taken.shadow[0] == shadow.assigned());
  EXPECT_EQ(taken.shadow[0].envelope, shadow.envelope_digest);
  EXPECT_EQ(taken.shadow[0].version, "2");
}

TEST_F(In, EverythingElseIsRefused) {
  const auto assignment = world.assignment("gw-17", 4, {});
  take("device/gw-17/assignment", world.assignment("gw-18", 4, {}));  // for another device
  take("device/gw-18/assignment", assignment);                        // on another device's topic
  take("device/gw-17/directive", assignment);                         // another kind
  take("fleet/directive", world.directive("device/gw-17", 3));        // another scope
  take("device/gw-17/assignment", SignedWorld().assignment("gw-17", 4, {}));
  take("device/gw-17/assignment", Bytes(100, 7));
  take("device/gw-17/assignment", Bytes(100000, 7));
  take("device/gw-17/chunk", Bytes(50, 7));
  take("device/gw-17/chunk", Bytes(100000, 7));
  take("trust/root", Bytes(50, 7));
  take("nonsense", assignment);
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(refused.size(), 11u);
}

TEST_F(In, NoFlippedBitPasses) {
  const auto good = world.assignment("gw-17", 4, {world.release("m", "1", Plane::model, {{"a", "b"}}).assigned()});
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 7) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    const auto before = told.size();
    take("device/gw-17/assignment", bytes);
    // Bits that nobody reads (padding) may differ; what is told must still be what was signed.
    EXPECT_TRUE(told.size() == before || told.back() == "assignment 4") << bit;
  }
  EXPECT_GT(refused.size(), good.size() / 2);
}

TEST_F(In, AMessageTakenAwayIsNothing) {
  take("device/gw-17/assignment", {});
  EXPECT_THAT(told, IsEmpty());
  EXPECT_THAT(refused, IsEmpty());
}

TEST_F(In, WhatANewerRootExplainsIsLookedAtAgain) {
  take("device/gw-17/assignment", world.assignment("gw-17", 9, {}, true));
  EXPECT_THAT(told, IsEmpty());
  take("trust/root", world.rotated_chain());
  EXPECT_THAT(told, ElementsAre("assignment 9"));
  // And the key that was taken away says nothing any more.
  take("device/gw-17/assignment", world.assignment("gw-17", 10, {}));
  EXPECT_THAT(told, ElementsAre("assignment 9"));
}

// The broker does not send a retained message again when the device's clock is set right.
TEST_F(In, WhatHadExpiredByAWrongClockIsLookedAtAgain) {
  const std::uint64_t far = std::uint64_t{1} << 40;
  now_s = far;
  take("device/gw-17/assignment", world.assignment("gw-17", 4, {}));
  take("fleet/directive", world.directive("fleet", 3));
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(refused.size(), 2u);
  inbound->look_again();
  now_s = far + 60;
  inbound->look_again();
  EXPECT_EQ(refused.size(), 2u);  // nothing has changed: not refused, counted and logged again
  now_s = 1000;
  inbound->look_again();
  EXPECT_THAT(told, ElementsAre("assignment 4", "directive fleet"));
  inbound->look_again();
  EXPECT_EQ(told.size(), 2u);
}

// A broker that lies can invent group topics without end; the device must not keep one message of each.
TEST_F(In, WhatWaitsForANewerRootIsBounded) {
  SignedWorld stranger;
  for (int i = 0; i < 100; ++i) {
    const auto scope = "group/tag=t" + std::to_string(i);
    take(scope + "/directive", stranger.directive(scope, 1));
  }
  EXPECT_EQ(refused.size(), 100u);
  refused.clear();
  take("trust/root", world.rotated_chain());  // what was kept is looked at again, and refused again
  EXPECT_EQ(refused.size(), limits::scopes_max + 1);
  EXPECT_THAT(told, IsEmpty());
}

TEST(Scopes, AreThoseOfTheFacts) {
  Facts facts;
  facts.device_class = "rk3566";
  facts.region = "eu";
  facts.tags = {"lab", "old"};
  EXPECT_THAT(scopes_of("gw-17", facts), ElementsAre("device/gw-17", "group/class=rk3566", "group/region=eu",
                                                     "group/tag=lab", "group/tag=old", "fleet"));
  EXPECT_THAT(topics_of("gw-17", facts), testing::Contains("muster/v1/group/region=eu/directive"));
  EXPECT_THAT(topics_of("gw-17", facts), testing::Contains("muster/v1/device/gw-17/assignment"));
}

TEST(BackoffDelays, AreSpreadOutAndBounded) {
  Backoff backoff(1000, 60000, backoff_seed("gw-17", 1));
  std::uint64_t most = 0;
  for (int i = 0; i < 100; ++i) {
    const auto delay = backoff.next_ms();
    EXPECT_LE(delay, std::min<std::uint64_t>(60000, 1000ull << std::min(i, 20)));
    most = std::max(most, delay);
  }
  EXPECT_GT(most, 50000u);
  backoff.reset();
  EXPECT_LE(backoff.next_ms(), 1000u);
  // A fleet does not come back in step.
  std::set<std::uint64_t> delays;
  for (int i = 0; i < 1000; ++i)
    delays.insert(Backoff(1000, 60000, backoff_seed("gw-" + std::to_string(i), 1)).next_ms());
  EXPECT_GT(delays.size(), 500u);
}

}  // namespace
}  // namespace muster::edge
