// A release's way from development to retired: what moves it, and what its state lets rollouts do.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/store.h"
#include "host/base64.h"
#include "schemas/manifest_generated.h"
#include "tests/unit/broker/lifecycle_fixture.h"

namespace muster::broker::test {
namespace {

TEST_F(Lifecycle, AReleaseGoesAlongTheLineOneStepAtATime) {
  start();
  const auto release = publish("1", "weights");
  EXPECT_EQ(shown("1")["state"], "development");
  EXPECT_EQ(shown("1")["moves"], json::array());
  EXPECT_EQ(move(release, "1", {State::development, State::canary})["error"],
            "m@1 is development, and the next state is candidate, not canary");
  const auto moved = move(release, "1", {State::development, State::candidate, "tests pass"});
  EXPECT_EQ(moved["data"]["message"], "m@1 is candidate now, and was development");
  EXPECT_EQ(moved["data"]["release"]["state"], "candidate");
  EXPECT_EQ(move(release, "1", {State::candidate, State::canary, ""}).value("error", ""), "");
  EXPECT_EQ(move(release, "1", {State::canary, State::promoted}).value("error", ""), "");
  EXPECT_EQ(move(release, "1", {State::promoted, State::retired, ""})["error"],
            "retiring m@1 needs a reason in the signed statement");
  EXPECT_EQ(move(release, "1", {State::promoted, State::retired, "superseded"}).value("error", ""), "");
  EXPECT_EQ(move(release, "1", {State::retired, State::candidate})["error"], "m@1 is retired, and nothing leaves that");

  const auto life = shown("1");
  ASSERT_EQ(life["moves"].size(), 4u);
  EXPECT_EQ(life["moves"][0]["reason"], "tests pass");
  EXPECT_EQ(life["moves"][0]["by"], "alice");
  const auto key = bench->installation.release_key.id();
  const auto key_id = to_hex(ByteView(key.data(), key.size()));
  EXPECT_EQ(life["moves"][0]["key_ids"], json::array({key_id}));
  EXPECT_EQ(life["moves"][0]["envelope"],
            host::to_base64(signed_move(bench->installation.release_key, release, "m@1",
                                        {State::development, State::candidate, "tests pass"})))
      << "signatures are deterministic: the statement is kept as it came";
  const auto entries = audit("release.moved");
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0]["who"], "alice");
  EXPECT_EQ(entries[0]["subject"], "m@1");
  EXPECT_EQ(entries[0]["why"], "development → candidate, signed by key " + key_id + " (manifest " +
                                   to_hex(release.digest) + "); reason given: tests pass");
  EXPECT_EQ(audit("command.refused").size(), 3u) << "what was refused is on record too";
}

TEST_F(Lifecycle, OnlyAFreshStatementOfAReleaseKeyMovesIt) {
  start();
  const auto release = publish("1", "weights");
  const auto& keys = bench->installation;
  const auto forged = bring(signed_move(keys.control_key, release, "m@1", {}));
  EXPECT_EQ(forged["kind"], "untrusted") << "who has the broker has not the release key";
  EXPECT_EQ(move(release, "1", {.expires_s = now_s() - 10})["kind"], "untrusted");
  EXPECT_EQ(bring(release.envelope)["kind"], "untrusted") << "a manifest is no statement";
  EXPECT_EQ(bring(Bytes(100, 1))["kind"], "untrusted");
  EXPECT_EQ(bring(signed_move(keys.release_key, release, "m@1", {}), "eve")["kind"], "refused") << "her role";
  EXPECT_EQ(bring(signed_move(keys.release_key, release, "m@1", {.release = "m@2"}))["kind"], "refused");
  EXPECT_EQ(bring(signed_move(keys.release_key, make_release(keys.release_key, "m", "9", "x"), "m@9", {}))["kind"],
            "not_found");
  EXPECT_EQ(shown("1")["state"], "development");

  const auto statement = signed_move(keys.release_key, release, "m@1", {.expires_s = now_s() + 600});
  EXPECT_EQ(bring(statement).value("error", ""), "");
  EXPECT_EQ(bring(statement)["error"],
            "the statement moves m@1 from development, and it is candidate already: an old statement, or one brought "
            "twice");
  EXPECT_EQ(move(release, "1", {State::candidate, State::canary}).value("error", ""), "");
  EXPECT_EQ(bring(statement)["kind"], "refused");
  EXPECT_EQ(shown("1")["state"], "canary");
}

TEST_F(Lifecycle, AStateSaysHowFarARolloutGoes) {
  start();
  const auto one = publish("1", "old");
  const auto two = publish("2", "new");
  promote(one, "1");
  for (const auto* device : {"gw-1", "gw-2", "gw-3", "gw-4"})
    EXPECT_TRUE(bench->report({.device = device, .model = one.digest}));

  const auto refused = start_rollout("early", "2");
  EXPECT_EQ(refused["kind"], "refused");
  EXPECT_EQ(
      refused["error"],
      "m@2 is in development, and this broker rolls out candidates and later; 'musterctl release promote m@2 --to "
      "candidate' moves it on, with a release key");
  EXPECT_EQ(audit("command.refused").back()["subject"], "early");

  EXPECT_EQ(move(two, "2", {}).value("error", ""), "");
  auto rule = rule_text("whole", "m@2");
  rule.replace(rule.find("percent: 50"), 11, "percent: 100");
  rule.resize(rule.rfind("  - {"));
  EXPECT_NE(bench->command("alice", R"("command":"startRollout","rule":)" + json(rule).dump())
                .value("error", "")
                .find("m@2 is candidate, and the rule's first wave takes everybody, which needs promoted"),
            std::string::npos);

  EXPECT_EQ(start_rollout("careful", "2").value("error", ""), "");
  const auto finish_wave = [&] {
    for (const auto* device : {"gw-1", "gw-2", "gw-3", "gw-4"}) {
      if (bench->port.retained("muster/v1/device/" + std::string(device) + "/assignment").empty()) continue;
      EXPECT_TRUE(bench->report({.device = device,
                                 .seq = 2,
                                 .model = two.digest,
                                 .attempt_epoch = 1,
                                 .attempt = wire::AttemptState::committed}));
    }
  };
  EXPECT_TRUE(bench->tick_until([&] { return bench->port.count("muster/v1/rollout/careful") > 0; }));
  finish_wave();
  EXPECT_EQ(bench->rollout("careful")["waiting_for"],
            "wave all (100 %) waits for the state of m@2: it is candidate, and a wave that takes everybody needs "
            "promoted; 'musterctl release promote' moves it on");
  EXPECT_TRUE(bench->tick_until([&] { return audit("wave.held").size() == 1; }));
  EXPECT_EQ(move(two, "2", {State::candidate, State::canary}).value("error", ""), "");
  EXPECT_EQ(bench->rollout("careful")["wave"], 1);
  EXPECT_EQ(bench->rollout("careful")["waves"][1]["state"], "pending");

  // Neither a restart nor a reload that asks for no states any more loses the picture.
  bench->stop();
  bench->start();
  EXPECT_EQ(bench->rollout("careful")["waves"][1]["state"], "pending");
  configure("release_states: required", "release_states: off");
  bench->plugin->reload();
  EXPECT_EQ(bench->rollout("careful")["waves"][1]["state"], "open");
}

TEST_F(Lifecycle, StatesAreKeptAcrossRestartsAndDamageIsFound) {
  start();
  const auto release = publish("1", "weights");
  EXPECT_EQ(move(release, "1", {}).value("error", ""), "");
  EXPECT_EQ(move(release, "1", {State::candidate, State::canary}).value("error", ""), "");
  const auto before = shown("1");
  bench->stop();
  bench->start();
  EXPECT_EQ(shown("1"), before);
  EXPECT_EQ(move(release, "1", {})["kind"], "refused") << "a replay after a restart";
  bench->stop();
  {
    auto store = std::move(*Store::open(bench->installation.data_dir));
    EXPECT_TRUE(store->write({{move_key("m@1", 0), std::nullopt}}).has_value());
  }
  EXPECT_NE(bench->start_error().find("the stored state of a release (m@1/1)"), std::string::npos);
}

TEST_F(Lifecycle, WithoutBeingAskedForStatesOnlyEndARelease) {
  start("");
  const auto one = publish("1", "old");
  const auto two = publish("2", "new");
  EXPECT_TRUE(bench->report({.seq = ++seq, .model = {}}));
  EXPECT_EQ(start_rollout("first", "1").value("error", ""), "") << "in development, and nobody asks";
  commit(one, 1);
  const auto in_use = move(one, "1", {State::development, State::retired, "bad"});
  EXPECT_EQ(in_use["kind"], "refused");
  EXPECT_EQ(in_use["error"],
            "m@1 cannot be retired: these rollouts may still assign it: first; 'musterctl rollout abort NAME --keep' "
            "ends one; and 1 device is assigned it: gw-1; roll out another version there");
  EXPECT_EQ(move(two, "2", {State::development, State::retired, "never used"}).value("error", ""), "");
  EXPECT_EQ(start_rollout("second", "2")["error"],
            "m@2 is retired: no rollout of it starts any more; roll out another version");
  EXPECT_EQ(bench->publish(two)["kind"], "refused");
}

TEST_F(Lifecycle, WhatCannotRunItIsNamedAndNeverAssigned) {
  start("");
  const auto good = publish("1", "weights");
  EXPECT_TRUE(bench->report({.device = "gw-1"}));
  EXPECT_TRUE(bench->report({.device = "board-1", .device_class = "esp32"}));
  EXPECT_TRUE(bench->report({.device = "board-2", .device_class = "esp32"}));
  flatbuffers::FlatBufferBuilder builder;
  auto picky = make_release(bench->installation.release_key, "m", "2", "for linux");
  const wire::Digest file(picky.file.bytes);
  const auto files = builder.CreateVector(
      std::vector{wire::CreateFileEntry(builder, builder.CreateString("weights.bin"), picky.content.size(), &file)});
  const auto compatible = wire::CreateCompatibility(builder, builder.CreateVectorOfStrings({"linux"}));
  const auto name = builder.CreateString("m"), version = builder.CreateString("2");
  wire::ManifestBuilder manifest(builder);
  manifest.add_name(name);
  manifest.add_version(version);
  manifest.add_plane(wire::Plane::model);
  manifest.add_files(files);
  manifest.add_compatible(compatible);
  wire::FinishManifestBuffer(builder, manifest.Finish());
  picky.manifest = {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  picky.envelope =
      trust::seal({{wire::PayloadKind::manifest, ByteView(picky.manifest)}}, {&bench->installation.release_key})
          .value()
          .front();
  EXPECT_EQ(bench->publish(picky).value("error", ""), "");

  auto rule = rule_text("all-of-them", "m@2");
  rule.replace(rule.find("device.class == \"linux\""), 23, "true");
  rule.replace(rule.find("percent: 50"), 11, "percent: 99");
  const auto text = json(rule).dump();
  const auto checked = bench->command("alice", R"("command":"checkRollout","rule":)" + text)["data"];
  EXPECT_EQ(checked["refused"], "");
  EXPECT_EQ(checked["targets"], 1);
  EXPECT_EQ(checked["ineligible"]["devices"], 2);
  EXPECT_EQ(checked["ineligible"]["reasons"], json({{"class", 2}}));
  EXPECT_EQ(checked["ineligible"]["first"][0]["device"], "board-1");
  EXPECT_EQ(checked["ineligible"]["first"][0]["why"], "m@2 is made for class linux, and its class is esp32");
  EXPECT_EQ(bench->rollout("all-of-them"), json()) << "a check starts nothing";

  const auto started = bench->command("alice", R"("command":"startRollout","rule":)" + text);
  EXPECT_EQ(started["data"]["ineligible"]["devices"], 2);
  (void)bench->assigned("gw-1", 1);
  EXPECT_EQ(bench->port.retained("muster/v1/device/board-1/assignment"), "");
  EXPECT_EQ(bench->rollout("all-of-them")["targets"], 1);
  EXPECT_NE(audit("rollout.started")[0].value("why", "").find("2 devices cannot run it (2 class)"), std::string::npos);
  // A device that comes later is listed too, for as long as somebody asks.
  EXPECT_TRUE(bench->report({.device = "board-3", .device_class = "esp32"}));
  const auto plain = bench->command("alice", R"("command":"getRollout","rollout":"all-of-them")")["data"];
  EXPECT_FALSE(plain.contains("ineligible"));
  const auto full =
      bench->command("alice", R"("command":"getRollout","rollout":"all-of-them","ineligible":true)")["data"];
  EXPECT_EQ(full["targets"], 1);
  EXPECT_EQ(full["ineligible"]["reasons"], json({{"class", 3}}));
  EXPECT_EQ(full["ineligible"]["first"][2]["device"], "board-3");
  const auto again = bench->command("alice", R"("command":"checkRollout","rule":)" + text);
  EXPECT_EQ(again["kind"], "exists");
}

}  // namespace
}  // namespace muster::broker::test
