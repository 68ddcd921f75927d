// Messages that no well-behaved program sends: refused before they act, counted by reason, and nothing changes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

const std::string state_topic = "muster/v1/device/gw-a/state";
const std::string health_topic = "muster/v1/device/gw-a/health";
const std::string chunk_get_topic = "muster/v1/device/gw-a/chunk/get";
const std::string chunk_topic = "muster/v1/device/gw-a/chunk";

class Hostile : public World {
 protected:
  void SetUp() override {
    open();
    device_ = device_session("gw-a");
    ASSERT_LT(device_->publish(state_topic, state_report({.device = "gw-a", .boot_id = 5, .seq = 5}), true), 0x80);
    ASSERT_EVENTUALLY(5s, device("gw-a").value("reported", false));
    before_ = known();
  }
  // What the broker believes of the device, without the time at which it was last heard.
  nlohmann::json known() {
    auto object = device("gw-a");
    object.erase("last_seen_s");
    return object;
  }
  // Publishes, and expects a refusal for one of `reasons`, and that the device is what it was.
  void expect_refused(const std::string& what, const std::string& topic, const Bytes& payload,
                      const std::vector<std::string>& reasons, bool retain = true) {
    const auto count = [&] {
      long sum = 0;
      for (const auto& reason : reasons) sum += refused(reason);
      return sum;
    };
    const long counted = count();
    EXPECT_EQ(device_->publish(topic, payload, retain), 0x87) << what;
    EXPECT_EQ(count(), counted + 1) << what << ": " << metrics().at("refused").dump();
    EXPECT_EQ(known(), before_) << what;
  }
  static std::string base64_of(const std::string& path) {
    const auto finished = run({"base64", "-w0", path});
    EXPECT_EQ(finished.exit_code, 0);
    return finished.out;
  }

  std::unique_ptr<Session> device_;
  nlohmann::json before_;
};

Bytes shifted(const Bytes& bytes) {
  Bytes moved = {0};
  moved.insert(moved.end(), bytes.begin(), bytes.end());
  return moved;
}

Bytes cut(const Bytes& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST_F(Hostile, StateReportsThatAreNoneAreRefused) {
  const auto good = state_report({.device = "gw-a", .boot_id = 6});
  expect_refused("noise", state_topic, Bytes(100, 0x5a), {"wrong_kind", "malformed"});
  expect_refused("one byte", state_topic, Bytes(1, 0), {"malformed"});
  expect_refused("cut", state_topic, cut(good, good.size() / 2), {"malformed"});
  expect_refused("misaligned", state_topic, shifted(good), {"malformed", "misaligned", "wrong_kind"});
  expect_refused("another message", state_topic, health_summary({.device = "gw-a"}), {"wrong_kind"});
  expect_refused("oversized", state_topic, Bytes(5000, 0), {"too_long"});
  expect_refused("too many tags", state_topic, state_report({.device = "gw-a", .boot_id = 6, .tag_count = 17}),
                 {"over_limit"});
  expect_refused("unknown state", state_topic, state_report({.device = "gw-a", .boot_id = 6, .device_state = 9}),
                 {"unknown_value"});
  expect_refused("unknown attempt", state_topic, state_report({.device = "gw-a", .boot_id = 6, .attempt_state = 99}),
                 {"unknown_value"});
  expect_refused("no name", state_topic, state_report({.device = "", .boot_id = 6}), {"bad_name"});
  expect_refused("a path for a name", state_topic, state_report({.device = "../gw-a", .boot_id = 6}), {"bad_name"});
  expect_refused("another's name", state_topic, state_report({.device = "gw-b", .boot_id = 6}), {"foreign_device"});
}

TEST_F(Hostile, OldReportsAreRefused) {
  // The same number again is what QoS 1 may do: acknowledged, and it changes nothing.
  EXPECT_LT(
      device_->publish(state_topic, state_report({.device = "gw-a", .boot_id = 5, .seq = 5, .region = "us"}), true),
      0x80);
  EXPECT_EQ(known(), before_);
  expect_refused("an older one", state_topic, state_report({.device = "gw-a", .boot_id = 5, .seq = 4, .region = "us"}),
                 {"stale_report"});
  expect_refused("an older boot", state_topic,
                 state_report({.device = "gw-a", .boot_id = 4, .seq = 99, .region = "us"}), {"stale_report"});
  EXPECT_LT(
      device_->publish(state_topic, state_report({.device = "gw-a", .boot_id = 5, .seq = 6, .region = "us"}), true),
      0x80);
  EXPECT_EVENTUALLY(5s, known().at("facts").value("region", "") == "us");
}

TEST_F(Hostile, HealthSummariesThatAreNoneAreRefused) {
  const auto good = health_summary({.device = "gw-a"});
  expect_refused("noise", health_topic, Bytes(64, 0xff), {"wrong_kind", "malformed"}, false);
  expect_refused("cut", health_topic, cut(good, good.size() - 8), {"malformed"}, false);
  expect_refused("oversized", health_topic, Bytes(4200, 1), {"too_long"}, false);
  expect_refused("another's name", health_topic, health_summary({.device = "gw-b"}), {"foreign_device"}, false);
  expect_refused("retained", health_topic, good, {"retain_flag"}, true);
  EXPECT_LT(device_->publish(health_topic, good), 0x80);
}

// Whatever a broken radio or a fuzzer makes of a message: the broker goes on, and what it knows stays as it was.
TEST_F(Hostile, MutatedMessagesNeverHurt) {
  const std::uint32_t seed = 20261121;
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::vector<std::pair<std::string, Bytes>> originals = {
      {state_topic, state_report({.device = "gw-a", .boot_id = 1, .seq = 1})},  // stale when it survives
      {health_topic, health_summary({.device = "gw-a"})},
      {chunk_get_topic, chunk_get({}, 0, 100)},
      {"muster/v1/device/gw-a/evidence",
       evidence_chunk({.device = "gw-a", .bundle = {}, .offset = 0, .total = 300, .data = Bytes(300, 7)})}};
  for (int round = 0; round < 400; ++round) {
    auto [topic, payload] = originals[random() % originals.size()];
    const auto changes = 1 + random() % 8;
    for (unsigned i = 0; i < changes; ++i) payload[random() % payload.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) payload.resize(random() % payload.size());
    device_->publish_qos0(topic, payload);
  }
  EXPECT_LT(device_->publish("muster/v1/device/gw-a/link", ByteView(std::string_view("1")), true), 0x80);
  EXPECT_TRUE(broker().running());
  EXPECT_EQ(known().at("facts"), before_.at("facts"));
  EXPECT_EQ(known().at("planes"), before_.at("planes"));
  EXPECT_EQ(known().at("attempt"), before_.at("attempt"));
}

TEST_F(Hostile, LogLinesAreBounded) {
  const auto size_before = broker().log().size();
  const long counted = refused("too_long");
  for (int i = 0; i < 2000; ++i) device_->publish_qos0(health_topic, Bytes(4200, 1));
  ASSERT_EVENTUALLY(10s, refused("too_long") == counted + 2000);
  std::size_t lines = 0;
  const auto log = broker().log().substr(size_before);
  for (auto at = log.find("too_long"); at != std::string::npos; at = log.find("too_long", at + 1)) ++lines;
  EXPECT_LE(lines, 20u);
  EXPECT_GE(lines, 1u);
}

TEST_F(Hostile, ChunkRequestsBeyondTheWindowAreRefused) {
  const auto content = noise(1 << 20, 4);
  const auto digest = published_blob(content);
  ASSERT_TRUE(device_->subscribe(chunk_topic));
  for (int i = 0; i < 600; ++i) device_->publish_qos0(chunk_get_topic, chunk_get(digest, 0, 65536));
  ASSERT_EVENTUALLY(10s, refused("chunk_window") > 0);
  EXPECT_TRUE(device_->connected());
  // It is served again once it keeps to the window.
  ASSERT_EVENTUALLY(10s, metrics()["chunks"].value("served", 0L) + refused("chunk_window") >= 600);
  device_->forget();
  device_->publish_qos0(chunk_get_topic, chunk_get(digest, 65536, 4096));
  // Answers to the many may still be on their way.
  const auto is_it = [](const host::MqttMessage& message) { return read_chunk(message.payload).offset == 65536; };
  const auto answer = device_->wait_for(chunk_topic, 5s, is_it);
  ASSERT_TRUE(answer.has_value());
  const auto chunk = read_chunk(answer->payload);
  EXPECT_EQ(chunk.status, 0);
  EXPECT_TRUE(std::string(chunk.data.begin(), chunk.data.end()) == content.substr(65536, 4096));
}

TEST_F(Hostile, ChunkRequestsForNothingAreAnsweredSo) {
  const auto digest = published_blob(noise(1000, 5));
  ASSERT_TRUE(device_->subscribe(chunk_topic));
  const auto ask = [&](const Sha256& wanted, std::uint64_t offset, std::uint32_t length) {
    device_->forget();
    device_->publish_qos0(chunk_get_topic, chunk_get(wanted, offset, length));
    const auto answer = device_->wait_for(chunk_topic, 5s);
    return answer ? read_chunk(answer->payload) : ChunkSeen{};
  };
  Sha256 unknown;
  unknown.bytes[0] = 1;
  EXPECT_EQ(ask(unknown, 0, 100).status, 1);
  EXPECT_EQ(refused("unknown_blob"), 1);
  EXPECT_EQ(ask(digest, 1001, 100).status, 2);
  const auto end = ask(digest, 900, 4096);
  EXPECT_EQ(end.status, 0);
  EXPECT_EQ(end.data.size(), 100u);
  EXPECT_EQ(end.total, 1000u);
}

TEST_F(Hostile, BadControlRequestsAreAnsweredAndCounted) {
  auto& operator_ = ops();
  const auto error_of = [&](const std::string& request) {
    const auto reply = nlohmann::json::parse(operator_.control_raw(request), nullptr, false);
    if (!reply.is_object() || !reply.contains("responses") || reply["responses"].empty()) return std::string();
    return reply["responses"][0].value("error", "");
  };
  const long bad_json = refused("bad_json");
  EXPECT_NE(error_of("{\"commands\": ["), "");
  EXPECT_NE(error_of("[]"), "");
  EXPECT_NE(error_of("{\"commands\": 5}"), "");
  EXPECT_NE(error_of("{\"commands\": [5]}"), "");
  EXPECT_NE(error_of(std::string(20000, '[')), "");
  std::string many = "{\"commands\":[{\"command\":\"getMetrics\"}";
  for (int i = 0; i < 16; ++i) many += ",{\"command\":\"getMetrics\"}";
  EXPECT_NE(error_of(many + "]}"), "");
  EXPECT_GE(refused("bad_json"), bad_json + 5);
  const long unknown = refused("unknown_command");
  EXPECT_NE(error_of("{\"commands\":[{\"command\":\"formatDisk\"}]}"), "");
  EXPECT_EQ(refused("unknown_command"), unknown + 1);
  // Wrong types and missing fields are the sender's to mend.
  for (const std::string request :
       {R"({"command":"pauseRollout"})", R"({"command":"pauseRollout","rollout":5})",
        R"({"command":"listDevices","limit":-1})", R"({"command":"giveOrder","scope":"fleet","order":"dance"})",
        R"({"command":"getDevice","device":"../etc"})"}) {
    EXPECT_NE(error_of("{\"commands\":[" + request + "]}"), "") << request;
  }
  EXPECT_TRUE(operator_.connected());
  EXPECT_TRUE(operator_.control("getMetrics").contains("data"));
}

TEST_F(Hostile, OnlyRightlySignedReleasesArePublished) {
  build_release({.name = "m", .version = "1"});
  const auto folder = release_folder("m@1");
  const auto publish = [&](const std::string& envelope_file) {
    return ops().control("publishRelease", {{"envelope", base64_of(envelope_file)}});
  };
  const auto expect_untrusted = [&](const std::string& file, const std::string& reason) {
    const long counted = refused(reason);
    const auto response = publish(file);
    EXPECT_TRUE(response.value("kind", "") == "untrusted" || response.value("kind", "") == "invalid")
        << reason << ": " << response.dump();
    EXPECT_EQ(refused(reason), counted + 1) << metrics().at("refused").dump();
    EXPECT_TRUE(ops().control("listReleases")["data"]["releases"].empty());
  };
  // By the key of another root.
  const auto other = folder_.file("other-keys");
  ASSERT_EQ(run({programs::ctl, "keys", "init", other}).exit_code, 0);
  const auto original = read_text(folder + "/manifest.menv");
  ASSERT_EQ(run({programs::ctl, "release", "sign", folder, "--key", other + "/release.key", "--again"}).exit_code, 0);
  expect_untrusted(folder + "/manifest.menv", "unknown_key");
  // By a key of ours that holds another role.
  ASSERT_EQ(
      run({programs::ctl, "release", "sign", folder, "--key", keys_.folder() + "/control.key", "--again"}).exit_code,
      0);
  expect_untrusted(folder + "/manifest.menv", "unknown_key");
  // Changed after it was signed: the manifest's name.
  auto changed = original;
  const auto at = changed.find("model.txt");
  ASSERT_NE(at, std::string::npos);
  changed[at] = 'M';
  write_text(folder_.file("changed.menv"), changed);
  expect_untrusted(folder_.file("changed.menv"), "bad_signature");
  write_text(folder_.file("cut.menv"), original.substr(0, original.size() / 2));
  expect_untrusted(folder_.file("cut.menv"), "malformed");
  build_release({.name = "old", .version = "1", .more = "expires: 2020-01-01\n"});
  expect_untrusted(release_folder("old@1") + "/manifest.menv", "expired");
}

TEST_F(Hostile, UploadsAreCheckedAgainstTheirDigest) {
  const std::string digest(64, 'b');
  EXPECT_TRUE(ops().control("beginBlob", {{"digest", digest}, {"size", 4}}).contains("data"));
  EXPECT_EQ(
      ops().control("putBlob", {{"digest", digest}, {"offset", 0}, {"data", "not base64!"}}).value("error", "").empty(),
      false);
  EXPECT_FALSE(
      ops().control("putBlob", {{"digest", digest}, {"offset", 2}, {"data", "YWJjZA=="}}).value("error", "").empty());
  EXPECT_TRUE(ops().control("putBlob", {{"digest", digest}, {"offset", 0}, {"data", "YWJjZA=="}}).contains("data"));
  const auto ended = ops().control("endBlob", {{"digest", digest}});
  EXPECT_FALSE(ended.value("error", "").empty()) << ended.dump();
  EXPECT_FALSE(ops().control("endBlob", {{"digest", std::string(64, 'c')}}).value("error", "").empty());
  EXPECT_FALSE(ops().control("beginBlob", {{"digest", "xyz"}, {"size", 4}}).value("error", "").empty());
}

}  // namespace
}  // namespace muster::e2e
