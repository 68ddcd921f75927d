// The plugin as a whole, without a broker: releases and rollouts, what survives a restart, and what operators see.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "host/base64.h"
#include "tests/unit/broker/bench.h"

namespace muster::broker::test {
namespace {

using nlohmann::json;

std::string start_fields(const std::string& rule) {
  return R"("command":"startRollout","file":"r.yaml","reason":"time for it","rule":)" + json(rule).dump();
}

class PluginTest : public ::testing::Test {
 protected:
  void SetUp() override { bench.start(); }

  // Two devices, a published release, a rollout of it under way with one of them.
  void start_rollout(const std::string& gate = "auto") {
    EXPECT_TRUE(bench.report({.device = "gw-1"}));
    EXPECT_TRUE(bench.report({.device = "gw-2"}));
    EXPECT_FALSE(bench.publish(release).contains("error"));
    const auto started = bench.command("alice", start_fields(rule_text("first", "m@1", gate)));
    ASSERT_EQ(started.value("error", ""), "");
    EXPECT_EQ(started["data"]["rollout"], "first");
  }
  std::string canary() {
    std::string device;
    EXPECT_TRUE(bench.tick_until([&] {
      for (const auto* name : {"gw-1", "gw-2"}) {
        if (!bench.port.retained(std::string("muster/v1/device/") + name + "/assignment").empty()) device = name;
      }
      return !device.empty();
    }));
    return device;
  }
  void commit(const std::string& device, std::uint64_t seq) {
    EXPECT_TRUE(bench.report({.device = device,
                              .seq = seq,
                              .model = release.digest,
                              .attempt_epoch = 1,
                              .attempt = wire::AttemptState::committed}));
  }

  Bench bench;
  SignedRelease release = make_release(bench.installation.release_key, "m", "1", "weights of version 1");
};

TEST_F(PluginTest, ARolloutGoesThroughItsWaves) {
  start_rollout();
  const auto first = canary();
  EXPECT_EQ(bench.assigned(first, 1), release.digest);
  EXPECT_EQ(bench.rollout("first")["reached"], 1);
  commit(first, 2);
  const std::string second = first == "gw-1" ? "gw-2" : "gw-1";
  EXPECT_EQ(bench.assigned(second, 1), release.digest);
  commit(second, 2);
  EXPECT_EQ(bench.rollout("first")["state"], "completed");
  ASSERT_TRUE(bench.tick_until([&] {
    const auto shown = bench.port.retained("muster/v1/rollout/first");
    return !shown.empty() && json::parse(shown)["state"] == "completed";
  })) << "and everybody sees it";
}

TEST_F(PluginTest, StatesThatNoRolloutIsInAreCountedAsNone) {
  const auto none = bench.metrics()["rollouts"];
  EXPECT_EQ(none.size(), 7u) << none.dump();
  EXPECT_EQ(none.value("halted", -1), 0);
  start_rollout();
  EXPECT_EQ(bench.metrics()["rollouts"]["halted"], 0) << "a curve of it comes back to none";
}

TEST_F(PluginTest, FailuresAreCountedByWhatTheySpeakOf) {
  start_rollout();
  EXPECT_EQ(bench.metrics()["failures"], json({{"release", 0}, {"infrastructure", 0}, {"refused", 0}, {"unclear", 0}}));
  EXPECT_EQ(bench.metrics()["guardrails_failed"], 0);
  EXPECT_TRUE(bench.report({.device = canary(),
                            .seq = 2,
                            .attempt_epoch = 1,
                            .attempt = wire::AttemptState::failed,
                            .error = wire::ErrorCode::fetch_failed}));
  EXPECT_EQ(bench.metrics()["failures"]["infrastructure"], 1);
  EXPECT_EQ(bench.metrics()["failures"]["release"], 0);
}

TEST_F(PluginTest, AnApprovalNeedsTheRole) {
  start_rollout("manual");
  commit(canary(), 2);
  const auto refused = bench.command("alice", R"("command":"approveRollout","rollout":"first")");
  EXPECT_EQ(refused["kind"], "refused");
  EXPECT_EQ(bench.rollout("first")["state"], "awaiting_approval");
  EXPECT_EQ(bench.metrics()["refused"]["role"], 1);
  EXPECT_EQ(
      bench.command("bob", R"("command":"approveRollout","rollout":"first","reason":"looks good")").value("error", ""),
      "");
  EXPECT_EQ(bench.rollout("first")["state"], "running");
  const auto audit = bench.command("eve", R"("command":"listAudit")")["data"];
  std::string words;
  for (const auto& entry : audit["entries"])
    words += entry["who"].get<std::string>() + ":" + entry["what"].get<std::string>() + " ";
  EXPECT_NE(words.find("alice:release.published"), std::string::npos) << words;
  EXPECT_NE(words.find("alice:rollout.started"), std::string::npos) << words;
  EXPECT_NE(words.find("alice:command.refused"), std::string::npos) << words;
  EXPECT_NE(words.find("bob:wave.approved"), std::string::npos) << words;
}

TEST_F(PluginTest, ARestartFindsEverythingAndPublishesTheSameBytes) {
  start_rollout("manual");
  const auto device = canary();
  commit(device, 2);
  ASSERT_TRUE(bench.tick_until([&] { return !bench.port.retained("muster/v1/rollout/first").empty(); }));
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"group/region=eu","order":"safe_mode")")
                .value("error", ""),
            "");
  const auto assignment = bench.port.retained("muster/v1/device/" + device + "/assignment");
  const auto directive = bench.port.retained("muster/v1/group/region=eu/directive");
  EXPECT_FALSE(directive.empty());
  const auto status = bench.rollout("first");
  bench.stop();
  bench.port.sent.clear();

  bench.start();
  EXPECT_EQ(bench.port.retained("muster/v1/device/" + device + "/assignment"), assignment) << "before the first tick";
  EXPECT_EQ(bench.port.retained("muster/v1/group/region=eu/directive"), directive);
  EXPECT_EQ(json::parse(bench.port.retained("muster/v1/rollout/first")), status);
  EXPECT_FALSE(bench.port.retained("muster/v1/trust/root").empty());
  EXPECT_EQ(bench.rollout("first"), status);
  EXPECT_EQ(bench.command("eve", R"("command":"listReleases")")["data"]["releases"][0]["name"], "m");
  EXPECT_EQ(bench.command("bob", R"("command":"approveRollout","rollout":"first")").value("error", ""), "")
      << "and goes on";
  EXPECT_EQ(bench.assigned(device == "gw-1" ? "gw-2" : "gw-1", 1), release.digest);
}

TEST_F(PluginTest, TheAuditRecordIsReadInPagesAndChained) {
  start_rollout();
  const auto all = bench.command("eve", R"("command":"listAudit","limit":500)")["data"];
  ASSERT_GE(all["entries"].size(), 4u);
  EXPECT_FALSE(all["more"]);
  EXPECT_EQ(all["head"]["hash"], all["entries"].back()["hash"]);
  EXPECT_EQ(all["head"]["seq"], all["entries"].size());
  EXPECT_TRUE(host::from_base64(all["head"]["envelope"].get<std::string>()).has_value());
  const auto page = bench.command("eve", R"("command":"listAudit","after":1,"limit":2)")["data"];
  EXPECT_EQ(page["entries"].size(), 2u);
  EXPECT_EQ(page["entries"][0]["seq"], 2);
  EXPECT_TRUE(page["more"]);
  EXPECT_TRUE(bench.command("eve", R"("command":"listAudit","after":18446744073709551615)")["data"]["entries"].empty());
}

TEST_F(PluginTest, ThePaceOfARolloutCanBeChanged) {
  start_rollout();
  const auto change = [&](const std::string& who, const std::string& pace) {
    return bench.command(who, R"("command":"changePace","rollout":"first","pace":)" + pace);
  };
  EXPECT_EQ(change("eve", "{}")["kind"], "refused") << "she may only look";
  for (const auto* wrong :
       {R"({"per_hour":1})", R"({"per_site":-1})", R"({"jitter_s":86401})", "7", R"({"at_once":"2"})"})
    EXPECT_EQ(change("alice", wrong)["kind"], "usage") << wrong;
  const auto done = change("alice", R"({"per_minute":60,"per_site":2,"at_once":10,"jitter_s":5})");
  EXPECT_EQ(done["data"]["message"],
            "the pace of rollout first is now 60 a minute, 10 at work at once, 2 at work at one site, each up to 5 s "
            "after its wave opened; it was no limit");
  EXPECT_EQ(
      change("alice", "{}")["data"]["message"].get<std::string>().find("the pace of rollout first is now no limit"),
      0u);
}

TEST_F(PluginTest, AReleaseOfAHoldIsForThoseWhoOperate) {
  start_rollout();
  const auto let_go = [&](const std::string& who, const std::string& more) {
    return bench.command(who, R"("command":"releaseHold","rollout":"first")" + more);
  };
  EXPECT_EQ(let_go("eve", "")["kind"], "refused") << "she may only look";
  EXPECT_EQ(let_go("alice", R"(,"wave":7)")["kind"], "usage");
  const auto none = let_go("alice", "");
  EXPECT_EQ(none["kind"], "refused");
  EXPECT_NE(none["error"].get<std::string>().find("has no hold"), std::string::npos) << none;
  const auto status = bench.rollout("first");
  EXPECT_EQ(status["waves"][0]["hold"], "none");
  EXPECT_EQ(status["waves"][0]["line"], 7);
  EXPECT_EQ(status["waves"][1]["line"], 8);
  EXPECT_EQ(status["priority"], 0);
  EXPECT_EQ(status["shadow"], false);
}

TEST_F(PluginTest, AGroupIsStoppedAndADeviceTakenOutAcrossARestart) {
  start_rollout();
  const auto device = canary();
  const auto other = device == "gw-1" ? std::string("gw-2") : std::string("gw-1");
  const auto command = [&](const std::string& fields) { return bench.command("alice", fields); };
  EXPECT_EQ(bench.command("eve", R"("command":"stopGroup","rollout":"first","group":"region=eu","reason":"x")")["kind"],
            "refused")
      << "she may only look";
  EXPECT_EQ(command(R"("command":"stopGroup","rollout":"first","group":"region=eu")")["kind"], "usage") << "why not?";
  EXPECT_EQ(command(R"("command":"stopGroup","rollout":"none","group":"region=eu","reason":"x")")["kind"], "not_found");
  EXPECT_EQ(
      command(R"("command":"stopGroup","rollout":"first","group":"region=eu","reason":"hot there")").count("error"),
      0u);
  EXPECT_EQ(command(R"("command":"cancelDevice","rollout":"first","device":")" + other + R"(","reason":"odd")")
                .count("error"),
            0u);
  const auto status = bench.rollout("first");
  ASSERT_EQ(status["stops"].size(), 1u) << status;
  EXPECT_EQ(status["stops"][0]["group"], "region=eu");
  EXPECT_EQ(status["stops"][0]["mode"], "keep");
  EXPECT_EQ(status["stops"][0]["who"], "alice");
  EXPECT_EQ(status["stops"][0]["why"], "hot there");
  EXPECT_EQ(status["cancelled_count"], 1);
  EXPECT_EQ(status["cancelled"][0]["device"], other);
  EXPECT_EQ(status["targets"], 1);
  bench.stop();
  bench.start();
  EXPECT_EQ(bench.rollout("first"), status);
  EXPECT_EQ(json::parse(bench.port.retained("muster/v1/rollout/first")), status);
  EXPECT_EQ(command(R"("command":"readmitDevice","rollout":"first","device":")" + other + "\"").count("error"), 0u);
  EXPECT_EQ(command(R"("command":"continueGroup","rollout":"first","group":"region=eu")").count("error"), 0u);
  EXPECT_EQ(bench.rollout("first").count("stops") + bench.rollout("first").count("cancelled"), 0u);
}

TEST_F(PluginTest, ADeviceGetsAReleaseOfItsOwnAcrossARestart) {
  start_rollout();
  const auto device = canary();
  const auto other = device == "gw-1" ? std::string("gw-2") : std::string("gw-1");
  const auto of = [](const std::string& id) { return R"("device":")" + id + R"(","plane":"model")"; };
  const auto set = [&](const std::string& id, const std::string& rest) {
    return bench.command("alice", R"("command":"overrideDevice",)" + of(id) + R"(,"release":)" + rest);
  };
  EXPECT_EQ(set(other, R"("m@1")")["kind"], "usage") << "without a reason";
  EXPECT_EQ(set(other, R"("m@9","reason":"x")")["kind"], "not_found");
  const auto busy = set(device, R"("m@1","reason":"x")");
  EXPECT_NE(busy["error"].get<std::string>().find("'rollout cancel'"), std::string::npos) << busy;
  EXPECT_EQ(set(other, R"("m@1","reason":"odd camera")").value("error", ""), "");
  EXPECT_EQ(bench.assigned(other, 1), release.digest);
  const auto shown = [&] { return bench.command("eve", R"("command":"getDevice","device":")" + other + "\"")["data"]; };
  ASSERT_EQ(shown()["overrides"].size(), 1u) << shown();
  EXPECT_EQ(shown()["overrides"][0]["release"], "m@1");
  EXPECT_EQ(shown()["overrides"][0]["state"], "pending");
  EXPECT_EQ(shown()["overrides"][0]["why"], "odd camera");
  const auto assignment = bench.port.retained("muster/v1/device/" + other + "/assignment");
  bench.stop();
  bench.start();
  EXPECT_EQ(bench.port.retained("muster/v1/device/" + other + "/assignment"), assignment);
  EXPECT_EQ(shown()["overrides"].size(), 1u);
  const auto why = bench.command("eve", R"("command":"explainDevice","device":")" + other + "\"")["data"]["rollouts"];
  EXPECT_NE(why[0]["why"].get<std::string>().find("m@1 by alice: odd camera"), std::string::npos) << why;
  EXPECT_EQ(bench.command("alice", R"("command":"clearOverride",)" + of(other)).value("error", ""), "");
  EXPECT_EQ(shown().count("overrides"), 0u);
}

TEST_F(PluginTest, ADeviceIsExplainedByEachRollout) {
  const auto explain = [&](const std::string& device) {
    return bench.command("eve", R"("command":"explainDevice","device":")" + device + "\"");
  };
  EXPECT_EQ(explain("gw-1")["kind"], "not_found");
  start_rollout();
  const auto reached = explain(canary())["data"]["rollouts"];
  ASSERT_EQ(reached.size(), 1u);
  EXPECT_EQ(reached[0]["rollout"], "first");
  EXPECT_EQ(reached[0]["standing"], "assigned");
  EXPECT_NE(reached[0]["why"].get<std::string>().find("(epoch 1)"), std::string::npos) << reached[0]["why"];
  EXPECT_TRUE(bench.report({.device = "gw-9", .device_class = "other"}));
  const auto outside = explain("gw-9")["data"]["rollouts"];
  ASSERT_EQ(outside.size(), 1u);
  EXPECT_TRUE(outside[0]["standing"].is_null());
  EXPECT_NE(outside[0]["why"].get<std::string>().find("it is no target"), std::string::npos) << outside[0]["why"];
}

TEST_F(PluginTest, DevicesAreShownWithTheirHealth) {
  EXPECT_TRUE(bench.report({.device = "gw-1", .region = "de"}));
  const auto health = make_health("gw-1", 1, 12.5);
  EXPECT_TRUE(bench.message("gw-1", "health", ByteView(health), false));
  const auto device = bench.command("eve", R"("command":"getDevice","device":"gw-1")")["data"];
  EXPECT_EQ(device["facts"]["region"], "de");
  EXPECT_TRUE(device["connected"]);
  EXPECT_EQ(device["health"]["p95_ms"], 12.5);
  EXPECT_TRUE(device["health"]["p50_ms"].is_null()) << "not measured is not zero";
  EXPECT_EQ(bench.command("eve", R"("command":"getDevice","device":"gw-9")")["kind"], "not_found");
  for (const auto* name : {"gw-2", "gw-3"}) EXPECT_TRUE(bench.report({.device = name}));
  const auto page = bench.command("eve", R"("command":"listDevices","after":"gw-1","limit":1)")["data"];
  EXPECT_EQ(page["devices"][0]["device"], "gw-2");
  EXPECT_TRUE(page["more"]);
  bench.stop();
  bench.start();
  EXPECT_EQ(bench.command("eve", R"("command":"getDevice","device":"gw-1")")["data"]["health"]["p95_ms"], 12.5)
      << "saved when the broker stopped";
  EXPECT_FALSE(bench.command("eve", R"("command":"getDevice","device":"gw-1")")["data"]["connected"])
      << "until it comes back";
}

TEST_F(PluginTest, ReleasesAreChecked) {
  const auto& keys = bench.installation;
  const auto without_file =
      bench.command("alice", R"("command":"publishRelease","envelope":")" + host::to_base64(release.envelope) + "\"");
  EXPECT_EQ(without_file["kind"], "not_found");
  EXPECT_NE(without_file["error"].get<std::string>().find("weights.bin"), std::string::npos);
  EXPECT_EQ(bench.publish(make_release(keys.control_key, "m", "1", "x"))["kind"], "untrusted") << "not a release key";
  EXPECT_EQ(bench.publish(make_release(keys.release_key, "m", "1", "x", 1000))["kind"], "untrusted") << "expired";
  EXPECT_EQ(bench.metrics()["refused"]["expired"], 1);
  EXPECT_FALSE(bench.publish(release).contains("error"));
  EXPECT_FALSE(bench.publish(release).contains("error")) << "twice is fine";
  EXPECT_EQ(bench.publish(make_release(keys.release_key, "m", "1", "changed"))["kind"], "exists");
  const auto shown = bench.command("eve", R"("command":"getRelease","release":"m@1")")["data"];
  EXPECT_EQ(shown["envelope"], host::to_base64(release.envelope));
  EXPECT_EQ(shown["manifest"], to_hex(release.digest));
  EXPECT_EQ(bench.publish(release, "eve")["kind"], "refused") << "eve only looks";
}

TEST_F(PluginTest, RulesAreChecked) {
  EXPECT_FALSE(bench.publish(release).contains("error"));
  const auto wrong = bench.command("alice", start_fields("rollout: x\nwavess: []\n"));
  EXPECT_EQ(wrong["kind"], "invalid");
  ASSERT_FALSE(wrong["diagnostics"].empty());
  EXPECT_EQ(wrong["diagnostics"][0].get<std::string>().substr(0, 7), "r.yaml:");
  EXPECT_EQ(bench.command("alice", start_fields(rule_text("r", "m@2")))["kind"], "not_found");
  EXPECT_EQ(bench.command("alice", start_fields(rule_text("r", "m@1"))).value("error", ""), "");
  EXPECT_EQ(bench.command("alice", start_fields(rule_text("r", "m@1")))["kind"], "exists");
  EXPECT_EQ(bench.command("alice", R"("command":"pauseRollout","rollout":"nope")")["kind"], "not_found");
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"fleet/x","order":"safe_mode")")["kind"], "usage");
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"freeze")")["kind"], "usage");
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"freeze","release":"m@9")")["kind"],
            "not_found");
  EXPECT_EQ(bench.command(
                "alice",
                R"("command":"giveOrder","scope":"fleet","order":"freeze","release":"m@1","plane":"config")")["kind"],
            "usage");
}

TEST_F(PluginTest, CommandsOfOneRequestRunInOrder) {
  EXPECT_TRUE(bench.report({.device = "gw-1"}));
  const auto digest = R"("digest":")" + to_hex(release.file) + "\"";
  const auto answers = bench.request(
      "alice", {R"("command":"beginBlob",)" + digest + R"(,"size":)" + std::to_string(release.content.size()),
                R"("command":"putBlob",)" + digest + R"(,"offset":0,"data":")" +
                    host::to_base64(ByteView(std::string_view(release.content))) + "\"",
                R"("command":"endBlob",)" + digest,
                R"("command":"publishRelease","envelope":")" + host::to_base64(release.envelope) + "\"",
                start_fields(rule_text("first", "m@1")), R"("command":"getRollout","rollout":"first")"});
  for (const auto& answer : answers) EXPECT_EQ(answer.value("error", ""), "") << answer["command"];
  EXPECT_EQ(answers[5]["data"]["targets"], 1);
}

TEST_F(PluginTest, ReloadChangesRolesAtOnce) {
  EXPECT_EQ(bench.command("eve", R"("command":"giveOrder","scope":"fleet","order":"safe_mode")")["kind"], "refused");
  const auto text = read_text(bench.installation.config_path);
  write_text(bench.installation.config_path,
             "data_dir: data\ncontrol_key: control.key\nroot_chain: root-chain.mrch\n"
             "operators: { eve: [operate] }\n");
  bench.plugin->reload();
  EXPECT_EQ(bench.command("eve", R"("command":"giveOrder","scope":"fleet","order":"safe_mode")").value("error", ""),
            "");
  EXPECT_EQ(bench.command("alice", R"("command":"listRollouts")")["kind"], "refused") << "alice is gone";
  write_text(bench.installation.config_path, "operators: { broken");
  bench.plugin->reload();
  EXPECT_TRUE(bench.port.logged("nothing reloaded"));
  EXPECT_EQ(bench.command("eve", R"("command":"listRollouts")").value("error", ""), "")
      << "a file with an error changes nothing";
  write_text(bench.installation.config_path, text + "assignment_valid_for: 1d\n");
  bench.plugin->reload();
  EXPECT_TRUE(bench.port.logged("a reload does not change assignment_valid_for"));
}

TEST_F(PluginTest, ANewControlKeySignsEverythingAgain) {
  start_rollout("manual");
  const auto device = canary();
  const auto before = bench.port.retained("muster/v1/device/" + device + "/assignment");
  bench.stop();
  auto& keys = bench.installation;
  const auto next = new_key();
  const auto document = trust::seal_root(1, 1000, 0,
                                         {{wire::Role::root, 1, {keys.root_key.point()}},
                                          {wire::Role::release, 1, {keys.release_key.point()}},
                                          {wire::Role::control, 1, {next.point()}}},
                                         {&keys.root_key});
  write_text(keys.folder / "root-chain.mrch", ByteView(trust::make_root_chain({*document})).text());
  EXPECT_NE(bench.start_error().find("is not a key that"), std::string::npos) << "the old key no longer holds the role";
  ASSERT_EQ(std::remove((keys.folder / "control.key").c_str()), 0);
  ASSERT_TRUE(next.save(keys.folder / "control.key").has_value());
  const AlignedBytes aligned{ByteView(*document)};
  keys.root = {};
  ASSERT_EQ(trust::pin_root(aligned.view(), keys.root), trust::TrustFault::none);
  bench.start();
  EXPECT_EQ(bench.assigned(device, 1), release.digest) << "the same epoch, verifiable under the new root";
  EXPECT_NE(bench.port.retained("muster/v1/device/" + device + "/assignment"), before);
}

}  // namespace
}  // namespace muster::broker::test
