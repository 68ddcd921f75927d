// Evidence through the plugin: who may send it, what is acknowledged to whom, what the audit record and the operators
// see, and what a restart finds.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "host/base64.h"
#include "schemas/ack_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/wire.h"
#include "tests/unit/broker/bench.h"
#include "trust/envelope.h"
#include "trust/sha256.h"

namespace muster::broker::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class EvidenceTest : public ::testing::Test {
 protected:
  bool send(const std::string& device, std::size_t offset, std::size_t length, const std::string& named = {}) {
    const auto data = std::string_view(content).substr(offset, length);
    const auto chunk = make_evidence(named.empty() ? device : named, digest, offset, content.size(), data);
    return bench.message(device, "evidence", ByteView(chunk), false);
  }
  // The newest offset acknowledged to the device, waiting until it is that.
  void expect_ack(const std::string& device, std::uint64_t offset) {
    EXPECT_TRUE(bench.tick_until([&] {
      const auto found = acks(device);
      return !found.empty() && found.back() == offset;
    })) << device
        << " " << offset;
  }
  std::vector<std::uint64_t> acks(const std::string& device) {
    std::vector<std::uint64_t> offsets;
    for (const auto& sent : bench.port.sent) {
      if (sent.topic != "muster/v1/device/" + device + "/ack") continue;
      EXPECT_EQ(sent.client, "client-" + device) << "to the client that sent it and to nobody else";
      EXPECT_EQ(sent.qos, 1);
      EXPECT_FALSE(sent.retain);
      const AlignedBytes payload{ByteView(std::string_view(sent.payload))};
      const wire::Ack* ack = nullptr;
      EXPECT_EQ(verify(payload.view(), ack), WireFault::none);
      if (ack == nullptr) continue;
      EXPECT_EQ(digest_of(ack->bundle()), digest);
      offsets.push_back(ack->offset());
    }
    return offsets;
  }
  std::uint64_t refused(const std::string& reason) {
    return bench.metrics()["refused"].value(reason, std::uint64_t{0});
  }
  json bundles(const std::string& more = {}) {
    return bench.command("eve", R"("command":"listEvidence")" + more).at("data").at("bundles");
  }
  json received() {
    auto entries = json::array();
    const auto all = bench.command("eve", R"("command":"listAudit","limit":500)").at("data").at("entries");
    for (const auto& entry : all) {
      if (entry.at("what") == "evidence.received") entries.push_back(entry);
    }
    return entries;
  }
  void send_all(const std::string& device) {
    for (std::size_t at = 0; at < content.size(); at += 15000) {
      ASSERT_TRUE(send(device, at, 15000));
      expect_ack(device, std::min(at + 15000, content.size()));
    }
  }
  [[nodiscard]] std::string path_of(const std::string& device) const {
    return bench.installation.data_dir + "/evidence/" + device + "/" + to_hex(digest);
  }

  Bench bench;
  const std::string content = std::string(40000, 'e') + "end";
  const Sha256 digest = trust::sha256(ByteView(std::string_view(content)));
};

TEST_F(EvidenceTest, IsAcknowledgedRecordedAndFetched) {
  bench.start();
  send_all("gw-1");
  ASSERT_EQ(received().size(), 1u);
  EXPECT_EQ(received()[0].at("who"), "gw-1");
  EXPECT_EQ(received()[0].at("subject"), to_hex(digest));
  EXPECT_EQ(received()[0].at("why"), "40003 bytes");
  ASSERT_EQ(bundles().size(), 1u);
  EXPECT_EQ(bundles()[0].at("device"), "gw-1");
  EXPECT_EQ(bundles()[0].at("bundle"), to_hex(digest));
  EXPECT_EQ(bundles()[0].at("size"), content.size());
  EXPECT_EQ(bundles()[0].at("complete"), true);
  std::string fetched;
  while (fetched.size() < content.size()) {
    const auto part = bench.command("eve", R"("command":"getEvidence","device":"gw-1","bundle":")" + to_hex(digest) +
                                               R"(","length":30000,"offset":)" + std::to_string(fetched.size()));
    ASSERT_TRUE(part.contains("data")) << part.dump();
    EXPECT_EQ(part["data"]["size"], content.size());
    const auto bytes = host::from_base64(part["data"]["data"].get<std::string>());
    ASSERT_TRUE(bytes.has_value() && !bytes->empty());
    fetched.append(bytes->begin(), bytes->end());
  }
  EXPECT_EQ(fetched, content);
  const auto numbers = bench.metrics()["evidence"];
  EXPECT_EQ(numbers["bundles"], 1);
  EXPECT_EQ(numbers["unfinished"], 0);
  EXPECT_EQ(numbers["received"], 1);
  EXPECT_EQ(numbers["bytes"], 40960);
  EXPECT_EQ(bench.metrics()["messages"]["evidence"], 3);
  // Sent once more, as after an acknowledgement that was lost.
  bench.port.sent.clear();
  ASSERT_TRUE(send("gw-1", 30000, 15000));
  expect_ack("gw-1", content.size());
  EXPECT_EQ(received().size(), 1u);
}

TEST_F(EvidenceTest, PagesAndOneDeviceAlone) {
  bench.start();
  for (const auto* device : {"gw-1", "gw-2", "gw-3"}) send_all(device);
  const auto page = bench.command("eve", R"("command":"listEvidence","limit":2)").at("data");
  EXPECT_EQ(page.at("more"), true);
  ASSERT_EQ(page.at("bundles").size(), 2u);
  const auto rest =
      bench.command("eve", R"("command":"listEvidence","limit":2,"after":"gw-2/)" + to_hex(digest) + "\"");
  EXPECT_EQ(rest.at("data").at("more"), false);
  ASSERT_EQ(rest.at("data").at("bundles").size(), 1u);
  EXPECT_EQ(rest.at("data").at("bundles")[0].at("device"), "gw-3");
  EXPECT_EQ(bundles(R"(,"device":"gw-2")").size(), 1u);
  EXPECT_EQ(bundles(R"(,"device":"gw-9")").size(), 0u);
  EXPECT_EQ(bench.command("eve", R"("command":"listEvidence","after":"gw-2")").value("kind", ""), "usage");
  EXPECT_EQ(bench.command("eve", R"("command":"getEvidence","device":"gw-9","bundle":")" + to_hex(digest) + "\"")
                .value("kind", ""),
            "not_found");
  EXPECT_EQ(bench.command("mallory", R"("command":"listEvidence")").value("kind", ""), "refused");
}

TEST_F(EvidenceTest, OnlyFromTheDeviceItselfAndInItsBounds) {
  bench.start();
  EXPECT_FALSE(send("gw-2", 0, 100, "gw-1"));
  EXPECT_EQ(refused("foreign_device"), 1u);
  const auto chunk = make_evidence("gw-1", digest, 0, content.size(), content.substr(0, 100));
  EXPECT_FALSE(bench.message("gw-1", "evidence", ByteView(chunk), true));
  EXPECT_EQ(refused("retain_flag"), 1u);
  const auto huge = make_evidence("gw-1", digest, 0, limits::evidence_bundle_len_max + 1, "x");
  EXPECT_FALSE(bench.message("gw-1", "evidence", ByteView(huge), false));
  EXPECT_EQ(refused("over_limit"), 1u);
  const auto beyond = make_evidence("gw-1", digest, 10, 11, "xx");
  EXPECT_FALSE(bench.message("gw-1", "evidence", ByteView(beyond), false));
  EXPECT_EQ(refused("malformed"), 1u);
  EXPECT_FALSE(bench.message("gw-1", "evidence", ByteView(make_health("gw-1", 1, 1)), false));
  EXPECT_EQ(refused("wrong_kind"), 1u);
  EXPECT_TRUE(bundles().empty());
  EXPECT_TRUE(acks("gw-1").empty());
}

// What is not answered yet is bounded, for one device and for all: the broker's thread never waits for the disk.
TEST_F(EvidenceTest, WhatWaitsIsBounded) {
  bench.start();
  std::size_t taken = 0;
  for (int i = 0; i < 50; ++i) taken += send("gw-1", 0, 100) ? 1u : 0u;
  EXPECT_EQ(taken, EvidenceDesk::window);
  EXPECT_EQ(bench.plugin != nullptr, true);
  std::size_t all = taken;
  for (int device = 2; device < 200; ++device) {
    for (std::size_t i = 0; i < EvidenceDesk::window; ++i)
      all += send("gw-" + std::to_string(device), 0, 100) ? 1u : 0u;
  }
  EXPECT_EQ(all, EvidenceDesk::waiting_max);
  expect_ack("gw-1", 100);
  EXPECT_EQ(refused("evidence_window"), 50 - EvidenceDesk::window);
  EXPECT_EQ(refused("queue_full"), 198 * EvidenceDesk::window + EvidenceDesk::window - EvidenceDesk::waiting_max);
  EXPECT_TRUE(bench.tick_until([&] { return bench.metrics()["evidence"]["unfinished"] == 64; }));
  ASSERT_TRUE(send("gw-150", 0, 100)) << "there is room again";
  expect_ack("gw-150", 100);
}

TEST_F(EvidenceTest, LiesAreCountedAndLeaveNothing) {
  bench.start();
  auto lie = content;
  lie[5] = 'x';
  for (std::size_t at = 0; at < lie.size(); at += 15000) {
    const auto chunk = make_evidence("gw-1", digest, at, lie.size(), std::string_view(lie).substr(at, 15000));
    ASSERT_TRUE(bench.message("gw-1", "evidence", ByteView(chunk), false));
  }
  expect_ack("gw-1", 0);
  EXPECT_EQ(refused("digest_mismatch"), 1u);
  EXPECT_TRUE(bench.port.logged("digest_mismatch"));
  EXPECT_TRUE(bundles().empty());
  EXPECT_TRUE(received().empty());
  EXPECT_EQ(bench.metrics()["evidence"]["bytes"], 0);
  bench.port.sent.clear();
  send_all("gw-1");
}

TEST_F(EvidenceTest, NoneIsTakenWhereItIsSwitchedOff) {
  Bench off("limits: { evidence_mb: 0 }\n");
  off.start();
  const auto chunk = make_evidence("gw-1", digest, 0, content.size(), content.substr(0, 100));
  EXPECT_FALSE(off.message("gw-1", "evidence", ByteView(chunk), false));
  EXPECT_EQ(off.metrics()["refused"]["unsupported"], 1);
}

TEST_F(EvidenceTest, ARestartGoesOnAndRecordsNothingTwice) {
  bench.start();
  ASSERT_TRUE(send("gw-1", 0, 15000));
  expect_ack("gw-1", 15000);
  bench.stop();
  bench.port.sent.clear();
  bench.start();
  EXPECT_EQ(bundles()[0].at("received"), 15000);
  ASSERT_TRUE(send("gw-1", 15000, 15000));
  expect_ack("gw-1", 30000);
  ASSERT_TRUE(send("gw-1", 30000, 15000));
  expect_ack("gw-1", content.size());
  const auto time_s = bundles()[0].at("time_s");
  for (int start = 0; start < 2; ++start) {
    bench.stop();
    bench.start();
    EXPECT_EQ(received().size(), 1u);
    ASSERT_EQ(bundles().size(), 1u);
    EXPECT_EQ(bundles()[0].at("time_s"), time_s);
  }
}

// Cut off between the file and its record, or between a record's file and the record's removal.
TEST_F(EvidenceTest, AStartBringsFilesAndStoreTogether) {
  bench.start();
  send_all("gw-1");
  bench.stop();
  fs::create_directories(path_of("gw-2").substr(0, path_of("gw-2").rfind('/')));
  fs::rename(path_of("gw-1"), path_of("gw-2"));
  bench.start();
  ASSERT_TRUE(bench.tick_until([&] { return received().size() == 2; })) << "what came without a record gets one";
  EXPECT_EQ(received()[1].at("who"), "gw-2");
  ASSERT_EQ(bundles().size(), 1u);
  EXPECT_EQ(bundles()[0].at("device"), "gw-2");
  bench.port.sent.clear();
  send_all("gw-1");
  EXPECT_EQ(received().size(), 3u) << "the record without a file went: it is received anew";
}

TEST_F(EvidenceTest, AnOrderAsksForIt) {
  bench.start();
  const auto answer = bench.command(
      "alice", R"("command":"giveOrder","scope":"device/gw-1","order":"send_evidence","reason":"resets")");
  ASSERT_TRUE(answer.contains("data")) << answer.dump();
  const auto retained = bench.port.retained("muster/v1/device/gw-1/directive");
  const AlignedBytes aligned{ByteView(std::string_view(retained))};
  const wire::Directive* directive = nullptr;
  const trust::OpenContext context{&bench.installation.root, 0};
  ASSERT_EQ(trust::open_directive(aligned.view(), context, "device/gw-1", directive), trust::TrustFault::none);
  ASSERT_EQ(directive->orders()->size(), 1u);
  EXPECT_EQ(directive->orders()->Get(0)->kind(), wire::OrderKind::send_evidence);
  EXPECT_EQ(directive->orders()->Get(0)->reason()->str(), "resets");
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"send_evidence","plane":"model")")
                .value("kind", ""),
            "usage");
}

}  // namespace
}  // namespace muster::broker::test
