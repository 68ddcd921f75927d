// What a device keeps of its last events: an operator asks for it, the broker keeps it through anything, musterctl
// reads it. The device is a raw session here, so that it can also lie and flood; the real one is in
// 22_mcu_device_test.cpp.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "host/bulk_digest.h"
#include "operator/evidence_bundle.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "schemas/wire.h"
#include "tests/e2e/harness/hostile_client.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using nlohmann::json;
using testing::size_for;

constexpr std::size_t piece_len = 15000;
constexpr int not_authorised = 0x87;

struct Bundle {
  Bytes bytes;
  Sha256 digest;
  [[nodiscard]] std::string hex() const { return to_hex(digest); }
};

Bundle bundle_of(Bytes bytes) {
  host::BulkDigest digest;
  digest.update(bytes);
  return {std::move(bytes), digest.finish()};
}

Bundle noise_bundle(std::size_t size, std::uint32_t seed) {
  const auto text = noise(size, seed);
  return bundle_of(Bytes(text.begin(), text.end()));
}

// As a board makes it: two starts, the second after a watchdog.
Bundle board_bundle() {
  EvidenceBundleHeader header;
  header.event_count = 3;
  header.boot_id = 8;
  header.now_s = 1790000100;
  header.uptime_ms = 60000;
  header.stack_unused = 900;
  header.reset_cause = 3;
  header.planes[1].active_manifest[0] = 0x77;
  std::vector<EvidenceEvent> events = {{1, 7, 1790000000, 20, EventCode::started, 1, 4, 0, 0},
                                       {2, 7, 1790000009, 9020, EventCode::workload_silent, 0, 5000, 0, 0},
                                       {3, 8, 0, 25, EventCode::started, 3, 4, 0, 0}};
  for (auto& event : events) event.crc32 = ctl::check_sum_of(event);
  Bytes bytes(sizeof header + events.size() * sizeof(EvidenceEvent));
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, events.data(), bytes.size() - sizeof header);
  return bundle_of(std::move(bytes));
}

class Evidence : public World {
 protected:
  static std::string topic(const std::string& device, const std::string& leaf) {
    return "muster/v1/device/" + device + "/" + leaf;
  }
  // The reason code.
  static int send(Session& session, const std::string& device, const Bundle& bundle, std::uint64_t offset,
                  std::size_t length = piece_len) {
    const auto begin = bundle.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(length, bundle.bytes.size() - offset));
    return session.publish(topic(device, "evidence"), evidence_chunk({.device = device,
                                                                      .bundle = bundle.digest,
                                                                      .offset = offset,
                                                                      .total = bundle.bytes.size(),
                                                                      .data = Bytes(begin, end)}));
  }
  // Waits for an acknowledgement of the bundle up to `offset`.
  static bool acknowledged(Session& session, const std::string& device, const Bundle& bundle, std::uint64_t offset,
                           std::chrono::milliseconds patience = 5s) {
    return session
        .wait_for(topic(device, "ack"), patience,
                  [&](const host::MqttMessage& message) {
                    const auto ack = read_ack(message.payload);
                    return ack.valid && ack.bundle == bundle.digest && ack.offset == offset;
                  })
        .has_value();
  }
  void upload(Session& session, const std::string& device, const Bundle& bundle, std::uint64_t from = 0) {
    for (auto at = from; at < bundle.bytes.size(); at += piece_len) {
      ASSERT_LT(send(session, device, bundle, at), 0x80);
      ASSERT_TRUE(acknowledged(session, device, bundle, std::min<std::uint64_t>(at + piece_len, bundle.bytes.size())))
          << at;
    }
  }
  json bundles_of(const std::string& device) {
    return ops().control("listEvidence", {{"device", device}})["data"]["bundles"];
  }
  [[nodiscard]] std::uint64_t evidence_bytes() {
    std::uint64_t sum = 0;
    for (const auto& file : files_below(broker().data_dir() + "/evidence")) sum += size_of(file);
    return sum;
  }
};

TEST_F(Evidence, IsAskedForFetchedAndRead) {
  open();
  auto board = device_session("board-1");
  ASSERT_TRUE(board->subscribe(topic("board-1", "directive")));
  ASSERT_LT(board->publish(topic("board-1", "state"), state_report({.device = "board-1"}), true), 0x80);
  ctl().must({"evidence", "request", "board-1", "--reason", "two resets since noon"});
  ASSERT_TRUE(board->wait_for(topic("board-1", "directive"), 5s, [](const host::MqttMessage& message) {
    const AlignedBytes envelope{ByteView(message.payload)};
    const wire::Envelope* opened = nullptr;
    if (verify(envelope.view(), opened) != WireFault::none) return false;
    const AlignedBytes payload{ByteView(opened->payload()->data(), opened->payload()->size())};
    const wire::Directive* directive = nullptr;
    return verify(payload.view(), directive) == WireFault::none && directive->orders()->size() == 1 &&
           directive->orders()->Get(0)->kind() == wire::OrderKind::send_evidence;
  })) << "the order did not come";

  const auto bundle = board_bundle();
  upload(*board, "board-1", bundle);
  EXPECT_EQ(audit_count("evidence.received"), 1u);
  expect_audit_intact();
  const auto listed = ctl().json({"evidence", "list", "board-1"})["bundles"];
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["bundle"], bundle.hex());
  EXPECT_EQ(listed[0]["complete"], true);
  const auto table = ctl().run({"evidence", "list"});
  EXPECT_NE(table.out.find(bundle.hex().substr(0, 16)), std::string::npos) << table.out;

  const auto file = folder_.file("board.mevb");
  ctl().must({"evidence", "get", "board-1", bundle.hex().substr(0, 8), "--out", file});
  EXPECT_EQ(read_text(file), std::string(bundle.bytes.begin(), bundle.bytes.end()));
  EXPECT_EQ(ctl().run({"evidence", "get", "board-1", bundle.hex(), "--out", file}).exit_code, 4)
      << "never over another file";
  for (const auto& what : {file, std::string("board-1")}) {
    const auto shown = ctl().run({"evidence", "show", what});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_NE(shown.out.find("silent 5000 ms"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("cause watchdog, security version 4, slot 0"), std::string::npos) << shown.out;
    const auto object = ctl().json({"evidence", "show", what});
    EXPECT_EQ(object["reset_cause"], "watchdog");
    ASSERT_EQ(object["events"].size(), 3u);
    EXPECT_EQ(object["events"][1]["name"], "workload_silent");
  }
  // Of another device, of another make, and none at all.
  EXPECT_EQ(ctl().run({"evidence", "show", "board-2"}).exit_code, 3);
  EXPECT_EQ(ctl().run({"evidence", "get", "board-1", "ffff", "--out", folder_.file("x")}).exit_code, 3);
  EXPECT_EQ(ctl().run({"evidence", "list", "no/device"}).exit_code, 2);
  const auto other = noise_bundle(100, 5);
  upload(*board, "board-1", other);
  EXPECT_EQ(ctl().run({"evidence", "show", "board-1", other.hex()}).exit_code, 5);
  EXPECT_EQ(ctl_as("viewer").run({"evidence", "show", "board-1", bundle.hex()}).exit_code, 0)
      << "looking needs no more";
  EXPECT_EQ(ctl_as("viewer").run({"evidence", "request", "board-1"}).exit_code, 10) << "asking does";
}

// The agent for Linux takes the order, says that it has nothing, and goes on with its work.
TEST_F(Evidence, TheAgentForLinuxHasNone) {
  open();
  start_fleet(1);
  ctl().must({"directive", "send-evidence", "--fleet", "--reason", "what have you got"});
  ASSERT_EVENTUALLY(10s, agent(0).log_has("evidence was asked for by ops: what have you got; this agent keeps none"));
  EXPECT_TRUE(bundles_of("gw-0").empty());
  make_release({.name = "m", .version = "1"});
  start_rollout("r", rule("r", "{ model: m@1 }", "[{ name: all, percent: 100, gate: auto, soak: 0s }]"));
  EXPECT_EVENTUALLY(20s, state("r") == "completed");
}

TEST_F(Evidence, GoesOnAfterEveryKillOfTheBroker) {
  const auto seed = testing::seed_or(20261121);
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  open();
  auto board = device_session("board-1");
  const auto rounds = size_for<std::size_t>(3, 30);
  std::size_t kills = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto bundle =
        noise_bundle(piece_len * (2 + random() % 4) - random() % 100, static_cast<std::uint32_t>(round));
    std::uint64_t acked = 0;
    while (acked < bundle.bytes.size()) {
      const auto next = std::min<std::uint64_t>(acked + piece_len, bundle.bytes.size());
      const bool taken = send(*board, "board-1", bundle, acked) >= 0;
      if (random() % 3 == 0) {
        // Before it could be acknowledged, or just then: the device knows only what it was told.
        leave_ops();
        broker().kill_hard();
        ++kills;
        if (acknowledged(*board, "board-1", bundle, next, 1ms)) acked = next;
        ASSERT_TRUE(broker().start());
        board = device_session("board-1");
      } else if (taken && acknowledged(*board, "board-1", bundle, next)) {
        acked = next;
      } else {
        FAIL() << "no acknowledgement of " << next;
      }
    }
    const auto file = folder_.file("bundle-" + std::to_string(round));
    ctl().must({"evidence", "get", "board-1", bundle.hex(), "--out", file});
    EXPECT_EQ(read_text(file), std::string(bundle.bytes.begin(), bundle.bytes.end()));
    EXPECT_EQ(audit_count("evidence.received"), round + 1) << "each once";
  }
  EXPECT_LE(bundles_of("board-1").size(), 4u);
  expect_audit_intact();
  printf("evidence: %zu bundles through %zu kills, MUSTER_SEED=%llu\n", rounds, kills,
         static_cast<unsigned long long>(seed));
}

TEST_F(Evidence, LiesCostOnlyTheLiar) {
  open();
  auto liar = device_session("liar");
  const auto bundle = noise_bundle(40000, 1);
  // About the bytes.
  auto other = bundle;
  other.bytes[20000] ^= 1;
  for (std::size_t at = 0; at < other.bytes.size(); at += piece_len) ASSERT_LT(send(*liar, "liar", other, at), 0x80);
  EXPECT_TRUE(acknowledged(*liar, "liar", bundle, 0));
  EXPECT_EVENTUALLY(5s, refused("digest_mismatch") == 1);
  // About where it is: nothing is kept without a beginning, and what is here is said.
  liar->forget();
  EXPECT_LT(send(*liar, "liar", bundle, 30000), 0x80);
  EXPECT_TRUE(acknowledged(*liar, "liar", bundle, 0));
  EXPECT_LT(send(*liar, "liar", bundle, 0, 100), 0x80);
  EXPECT_TRUE(acknowledged(*liar, "liar", bundle, 100));
  liar->forget();
  EXPECT_LT(send(*liar, "liar", bundle, 200, 100), 0x80);
  EXPECT_TRUE(acknowledged(*liar, "liar", bundle, 100));
  // About its length.
  const auto say = [&](std::uint64_t offset, std::uint64_t total, const std::string& name = "liar") {
    return liar->publish(
        topic("liar", "evidence"),
        evidence_chunk(
            {.device = name, .bundle = bundle.digest, .offset = offset, .total = total, .data = Bytes(50, 1)}));
  };
  EXPECT_EQ(say(0, limits::evidence_bundle_len_max + 1), not_authorised);
  EXPECT_EQ(say(100, 120), not_authorised) << "beyond its own end";
  EXPECT_LT(say(100, 30000), 0x80);
  EXPECT_EVENTUALLY(5s, refused("malformed") == 2);
  // About who it is.
  EXPECT_EQ(say(100, 40000, "board-1"), not_authorised);
  EXPECT_EQ(liar->publish(topic("board-1", "evidence"), Bytes(10, 1)), not_authorised);
  EXPECT_TRUE(bundles_of("board-1").empty());
  // And yet it is heard when it tells the truth.
  upload(*liar, "liar", bundle, 100);
  EXPECT_EQ(audit_count("evidence.received"), 1u);
  ASSERT_EQ(bundles_of("liar").size(), 1u);
  EXPECT_EQ(bundles_of("liar")[0]["complete"], true);
}

TEST_F(Evidence, AFloodIsBoundedAndOthersAreHeard) {
  constexpr std::uint64_t room = 1 << 20;
  open();
  auto good = device_session("board-1");
  const auto kept = board_bundle();
  upload(*good, "board-1", kept);
  const auto memory_before = broker().resident_kib();
  HostileClient flooder(broker().port(), keys_, keys_.device("flooder"));
  flooder.connect();
  const auto pieces = size_for<std::uint64_t>(3000, 60000);
  std::uint64_t honest = 0;
  for (std::uint64_t i = 0; i < pieces; ++i) {
    Sha256 name;
    std::memcpy(name.bytes.data(), &i, sizeof i);
    name.bytes[31] = 1;
    const std::uint64_t total = limits::evidence_bundle_len_max;
    flooder.send(topic("flooder", "evidence"),
                 evidence_chunk(
                     {.device = "flooder", .bundle = name, .offset = 0, .total = total, .data = Bytes(piece_len, 1)}));
    if (i % 1000 != 999) continue;
    const auto bundle = noise_bundle(20000, static_cast<std::uint32_t>(i));
    if (++honest <= 10) upload(*good, "board-1", bundle);
  }
  EXPECT_TRUE(flooder.drained(60s));
  EXPECT_TRUE(flooder.connected());
  const auto answers = [&] { return refused("evidence_window") + refused("queue_full") + refused("evidence_rate"); };
  EXPECT_EVENTUALLY(10s, answers() + 16 >= static_cast<long>(pieces));
  EXPECT_GE(refused("evidence_rate"), 1);
  EXPECT_LE(evidence_bytes(), room) << "one unfinished bundle, and a few complete ones of the other device";
  EXPECT_EQ(bundles_of("flooder").size(), 1u);
  EXPECT_EQ(audit_count("evidence.received"), 1 + std::min<std::uint64_t>(honest, 10));
  if (memory_is_ours()) {
    EXPECT_LE(broker().resident_kib(), memory_before + 24 * 1024);
  }
  printf("flood: %llu pieces, %ld over the window, %ld over the rate\n", static_cast<unsigned long long>(pieces),
         refused("evidence_window"), refused("evidence_rate"));
}

// Many devices at once fill the room that they share; the oldest bundles go, and what is complete stays whole.
TEST_F(Evidence, TheRoomOfAllDevicesIsBounded) {
  open({.chunk_bytes_per_s = 0, .evidence_mb = 1});
  std::vector<std::string> devices;
  for (int i = 0; i < 6; ++i) devices.push_back("board-" + std::to_string(i));
  std::vector<Bundle> sent;
  for (const auto& name : devices) {
    auto session = device_session(name);
    sent.push_back(noise_bundle(300000, static_cast<std::uint32_t>(sent.size())));
    upload(*session, name, sent.back());
    EXPECT_LE(evidence_bytes(), std::uint64_t{1} << 20);
  }
  EXPECT_TRUE(bundles_of(devices.front()).empty());
  ASSERT_EQ(bundles_of(devices.back()).size(), 1u);
  const auto file = folder_.file("last");
  ctl().must({"evidence", "get", devices.back(), sent.back().hex(), "--out", file});
  EXPECT_EQ(read_text(file), std::string(sent.back().bytes.begin(), sent.back().bytes.end()));
  leave_ops();
  broker().stop();
  ASSERT_TRUE(broker().start());
  const auto numbers = metrics()["evidence"];
  EXPECT_EQ(numbers["bundles"], 3);
  EXPECT_EQ(audit_count("evidence.received"), devices.size());
  auto one = device_session(devices.back());
  const auto too_long = noise_bundle((1 << 20) + 1, 77);
  EXPECT_EQ(send(*one, devices.back(), too_long, 0), not_authorised);
  EXPECT_EQ(refused("over_limit"), 1);
}

}  // namespace
}  // namespace muster::e2e
