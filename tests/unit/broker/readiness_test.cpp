// Releases that have to have passed a readiness policy: what the broker takes as that, what it refuses to roll out, and
// the evidence that it keeps for operators.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/readiness/release_evidence.h"
#include "broker-plugin/readiness/required_policies.h"
#include "host/base64.h"
#include "schemas/manifest_generated.h"
#include "tests/unit/broker/bench.h"
#include "trust/sha256.h"

namespace muster::broker::test {
namespace {

using nlohmann::json;

Sha256 digest_of_text(std::string_view text) {
  return trust::sha256(ByteView(text));
}

const std::string policy_text = "policy: readiness\nversion: 3\n";
const std::string benchmark = R"({"p95_ms": 18.2})";

// What musterctl writes beside a release that passed.
json record_of(const std::string& release) {
  return {{"release", release},
          {"policy", {{"name", "readiness"}, {"version", 3}, {"sha256", to_hex(digest_of_text(policy_text))}}},
          {"judged_s", 1000},
          {"items", {{{"id", "budgets"}, {"result", "pass"}}, {{"id", "watched"}, {"result", "later"}}}},
          {"evidence",
           {{{"name", "benchmark.json"}, {"sha256", to_hex(digest_of_text(benchmark))}, {"size", benchmark.size()}}}}};
}

// m@version for the class linux, with readiness 3 and this record.
SignedRelease judged_release(const trust::SigningKey& key, const std::string& version, const std::string& record) {
  auto release = make_release(key, "m", version, "weights of " + version);
  flatbuffers::FlatBufferBuilder builder;
  const auto file = wire_digest(release.file), policy = wire_digest(digest_of_text(policy_text)),
             record_digest = wire_digest(digest_of_text(record));
  const auto files = builder.CreateVector(
      std::vector{wire::CreateFileEntry(builder, builder.CreateString("weights.bin"), release.content.size(), &file)});
  const auto classes = builder.CreateVectorOfStrings({"linux"});
  const auto compatible = wire::CreateCompatibility(builder, classes);
  const auto readiness = wire::CreateReadiness(builder, builder.CreateString("readiness"), 3, &policy, &record_digest);
  const auto name_at = builder.CreateString("m"), version_at = builder.CreateString(version);
  wire::ManifestBuilder manifest(builder);
  manifest.add_name(name_at);
  manifest.add_version(version_at);
  manifest.add_plane(wire::Plane::model);
  manifest.add_files(files);
  manifest.add_compatible(compatible);
  manifest.add_readiness(readiness);
  wire::FinishManifestBuffer(builder, manifest.Finish());
  release.manifest = {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  release.digest = trust::sha256(ByteView(release.manifest));
  release.envelope = trust::seal({{wire::PayloadKind::manifest, ByteView(release.manifest)}}, {&key}).value().front();
  return release;
}

class ReadinessTest : public ::testing::Test {
 protected:
  void start(const std::string& required = "") {
    bench = std::make_unique<Bench>(required);
    bench->start();
  }
  void upload(const std::string& text) {
    const auto digest = R"("digest":")" + to_hex(digest_of_text(text)) + "\"";
    const auto answers =
        bench->request("alice", {R"("command":"beginBlob",)" + digest + R"(,"size":)" + std::to_string(text.size()),
                                 R"("command":"putBlob",)" + digest + R"(,"offset":0,"data":")" +
                                     host::to_base64(ByteView(std::string_view(text))) + "\"",
                                 R"("command":"endBlob",)" + digest});
    EXPECT_EQ(answers.at(2).value("error", ""), "");
  }
  // Uploads everything that belongs to it and publishes it.
  json publish_whole(const std::string& version, const json& record) {
    for (const auto& text : {policy_text, benchmark, record.dump()}) upload(text);
    return bench->publish(judged_release(bench->installation.release_key, version, record.dump()));
  }
  json start_rollout(const std::string& rollout, const std::string& release) {
    return bench->command("alice", R"("command":"startRollout","file":"r.yaml","reason":"go","rule":)" +
                                       json(rule_text(rollout, release)).dump());
  }
  json evidence(const std::string& release, std::string_view text, const std::string& more = "") {
    return bench->command("eve", R"("command":"getReleaseEvidence","release":")" + release + R"(","digest":")" +
                                     to_hex(digest_of_text(text)) + "\"" + more);
  }

  std::unique_ptr<Bench> bench;
};

TEST_F(ReadinessTest, ARolloutNeedsAReleaseThatPassed) {
  start("required_policies: [{ policy: readiness, version: 3, planes: [model] }]\n");
  EXPECT_FALSE(bench->publish(make_release(bench->installation.release_key, "m", "1", "x")).contains("error"))
      << "it may be there, for a look or a device that has it";
  const auto refused = start_rollout("first", "m@1");
  EXPECT_EQ(refused["kind"], "refused");
  EXPECT_EQ(
      refused["error"],
      "m@1 may not be rolled out: this broker asks for the readiness policy readiness, version 3 or later, and its "
      "manifest carries none; name that policy in the release file, build, sign and publish it as a new version");
  EXPECT_EQ(bench->rollout("first"), json());
  const auto audit = bench->command("eve", R"("command":"listAudit","limit":500)")["data"]["entries"];
  const auto entry = audit.back();
  EXPECT_EQ(entry["who"], "alice");
  EXPECT_EQ(entry["what"], "command.refused");
  EXPECT_EQ(entry["subject"], "first");
  EXPECT_EQ(entry["why"], refused["error"]);

  EXPECT_EQ(publish_whole("2", record_of("m@2")).value("error", ""), "");
  EXPECT_EQ(start_rollout("second", "m@2").value("error", ""), "");
  EXPECT_EQ(bench->rollout("second")["state"], "running");
}

TEST_F(ReadinessTest, ARestartAndAReloadKeepWhatIsAskedForUpToDate) {
  start();
  EXPECT_EQ(publish_whole("1", record_of("m@1")).value("error", ""), "");
  EXPECT_FALSE(bench->publish(make_release(bench->installation.release_key, "m", "0", "x")).contains("error"));
  EXPECT_EQ(start_rollout("unasked", "m@0").value("error", ""), "");
  const auto text = read_text(bench->installation.config_path);
  write_text(bench->installation.config_path, text + "required_policies: [{ policy: readiness, version: 4 }]\n");
  bench->plugin->reload();
  const auto refused = start_rollout("asked", "m@1");
  EXPECT_NE(refused.value("error", "").find("version 4 or later, and it was judged by version 3"), std::string::npos)
      << refused;
  EXPECT_EQ(bench->rollout("unasked")["state"], "running") << "what runs goes on";
  write_text(bench->installation.config_path, text + "required_policies: [{ policy: readiness, version: 3 }]\n");
  bench->stop();
  bench->start();
  EXPECT_EQ(start_rollout("asked", "m@1").value("error", ""), "") << "known again from the store";
  EXPECT_EQ(start_rollout("other", "m@0")["kind"], "refused");
}

TEST_F(ReadinessTest, OnlyWhatTheRecordVouchesForIsPublished) {
  start();
  const auto& key = bench->installation.release_key;
  auto record = record_of("m@1");
  EXPECT_EQ(bench->publish(judged_release(key, "1", record.dump()))["kind"], "not_found") << "without its record";
  upload(record.dump());
  const auto no_policy = bench->publish(judged_release(key, "1", record.dump()));
  EXPECT_EQ(no_policy["error"], "the policy readiness is not at the broker yet");
  upload(policy_text);
  const auto no_evidence = bench->publish(judged_release(key, "1", record.dump()));
  EXPECT_NE(no_evidence.value("error", "").find("the evidence benchmark.json ("), std::string::npos) << no_evidence;
  upload(benchmark);
  EXPECT_EQ(bench->publish(judged_release(key, "1", record.dump())).value("error", ""), "");

  const auto trouble = [&](const json& changed) {
    upload(changed.dump());
    return bench->publish(judged_release(key, "2", changed.dump())).value("error", "");
  };
  EXPECT_EQ(trouble(record), "the record of how m@2 was judged is about something else; build the release again");
  record = record_of("m@2");
  record["items"][0]["result"] = "fail";
  EXPECT_EQ(trouble(record), "the record of how m@2 was judged does not say that it passed; build the release again");
  record["items"] = json::array();
  EXPECT_EQ(trouble(record), "the record of how m@2 was judged does not say that it passed; build the release again");
  record = record_of("m@2");
  record["policy"]["version"] = 2;
  EXPECT_NE(trouble(record).find("is about something else"), std::string::npos);
  record = record_of("m@2");
  record["policy"]["name"] = "other";
  EXPECT_NE(trouble(record).find("is about something else"), std::string::npos);
  record = record_of("m@2");
  record["policy"]["sha256"] = to_hex(digest_of_text("another policy of that name"));
  EXPECT_NE(trouble(record).find("is about something else"), std::string::npos);
  record = record_of("m@2");
  record["evidence"][0]["size"] = benchmark.size() + 1;
  EXPECT_NE(trouble(record).find("the evidence benchmark.json"), std::string::npos);
  EXPECT_EQ(trouble(json("no record")), "the record of how it was judged is none; build the release again");
}

TEST_F(ReadinessTest, OperatorsGetTheEvidenceAndDevicesDoNot) {
  start();
  const auto record = record_of("m@1");
  const auto published = publish_whole("1", record);
  ASSERT_EQ(published.value("error", ""), "");
  EXPECT_EQ(published["data"]["readiness"]["policy"], "readiness");
  EXPECT_EQ(published["data"]["readiness"]["version"], 3);
  EXPECT_EQ(published["data"]["readiness"]["record_sha256"], to_hex(digest_of_text(record.dump())));
  for (const auto& text : {policy_text, benchmark, record.dump()}) {
    const auto answer = evidence("m@1", text)["data"];
    EXPECT_EQ(answer["size"], text.size());
    EXPECT_EQ(answer["data"], host::to_base64(ByteView(std::string_view(text))));
  }
  const auto part = evidence("m@1", benchmark, R"(,"offset":2,"length":6)")["data"];
  EXPECT_EQ(part["data"], host::to_base64(ByteView(std::string_view("p95_ms"))));
  EXPECT_EQ(evidence("m@1", benchmark, R"(,"offset":99)")["kind"], "usage");
  EXPECT_EQ(evidence("m@1", "weights of 1")["kind"], "not_found") << "a file of the release is no evidence";
  EXPECT_EQ(evidence("m@9", benchmark)["kind"], "not_found");
  const auto ask = make_chunk_get(digest_of_text(benchmark), 0, 16);
  EXPECT_TRUE(bench->report({.device = "gw-1"}));
  static_cast<void>(bench->message("gw-1", "chunk/get", ByteView(ask), false));
  EXPECT_TRUE(bench->tick_until([&] { return bench->metrics()["chunks"]["refused"] == 1; }));
}

Release release_with(std::vector<std::string> classes, const std::string& policy, std::uint32_t version) {
  Release release;
  release.name = "m";
  release.version = "1";
  release.needs.classes = std::move(classes);
  release.readiness = {policy, version, digest_of_text(policy_text), {}};
  return release;
}

TEST(RequiredPolicies, ConcernPlanesAndClasses) {
  const auto release = release_with({"a", "b"}, "", 0);
  EXPECT_EQ(lacks_readiness(release, {}), "");
  EXPECT_NE(lacks_readiness(release, {{"p", 1, {}, {}, {}}}), "");
  EXPECT_EQ(lacks_readiness(release, {{"p", 1, {rules::Plane::firmware}, {}, {}}}), "");
  EXPECT_NE(lacks_readiness(release, {{"p", 1, {rules::Plane::firmware, rules::Plane::model}, {}, {}}}), "");
  EXPECT_EQ(lacks_readiness(release, {{"p", 1, {}, {"c"}, {}}}), "");
  EXPECT_NE(lacks_readiness(release, {{"p", 1, {}, {"c", "b"}, {}}}), "");
  EXPECT_NE(lacks_readiness(release_with({}, "", 0), {{"p", 1, {}, {"c"}, {}}}), "")
      << "a release for every class is one for this class";
}

TEST(RequiredPolicies, AskForNameVersionAndFile) {
  const auto release = release_with({}, "p", 3);
  EXPECT_EQ(lacks_readiness(release, {{"p", 3, {}, {}, {}}}), "");
  EXPECT_EQ(lacks_readiness(release, {{"p", 1, {}, {}, {digest_of_text("other"), digest_of_text(policy_text)}}}), "");
  EXPECT_NE(lacks_readiness(release, {{"p", 4, {}, {}, {}}}).find("judged by version 3"), std::string::npos);
  EXPECT_NE(lacks_readiness(release, {{"q", 1, {}, {}, {}}}).find("judged by p"), std::string::npos);
  EXPECT_NE(lacks_readiness(release, {{"p", 1, {}, {}, {digest_of_text("other")}}}).find("does not know"),
            std::string::npos);
  EXPECT_NE(lacks_readiness(release, {{"p", 1, {}, {}, {}}, {"p", 4, {}, {}, {}}}), "") << "all of them are asked for";
}

}  // namespace
}  // namespace muster::broker::test
