// A release's life from end to end: signed on the operator's side, asked for by the broker, held to by its rollouts,
// and its files gone at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/world.h"
#include "trust/sha256.h"

namespace muster::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string two_waves = "[{ name: canary, percent: 25, soak: 0s }, { name: all, percent: 100, soak: 0s }]";

class ReleaseStates : public World {
 protected:
  [[nodiscard]] Finished move(const std::string& ref, const std::string& to, std::vector<std::string> more = {}) {
    std::vector<std::string> args{"release", "promote", ref, "--to", to};
    if (to == "retired") args = {"release", "retire", ref};
    args.insert(args.end(), {"--release-key", keys_.folder() + "/release.key", "--reason", "it is time"});
    args.insert(args.end(), more.begin(), more.end());
    return ctl().run(args);
  }
  void must_move(const std::string& ref, const std::string& to) {
    const auto finished = move(ref, to);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr(ref + " is " + to));
  }
  void promote(const std::string& ref) {
    for (const auto* state : {"candidate", "canary", "promoted"}) must_move(ref, state);
  }
  void kill_broker() {
    leave_ops();
    broker().kill_hard();
    ASSERT_TRUE(broker().start());
  }
  [[nodiscard]] nlohmann::json shown(const std::string& ref) {
    return ctl().json({"release", "show", ref, "--root", keys_.folder() + "/root.menv"});
  }
  [[nodiscard]] std::string blob(const std::string& content) {
    const auto hex = to_hex(trust::sha256(ByteView(std::string_view(content))));
    return broker().data_dir() + "/blobs/" + hex.substr(0, 2) + "/" + hex;
  }
};

TEST_F(ReleaseStates, ARolloutGoesAsFarAsItsReleaseMay) {
  open({.more_plugin_config = "release_states: required\n"});
  start_fleet(4);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  promote("m@1");
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", two_waves));
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");

  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  const auto file = rule_file("m-2", rule("m-2", "{ model: m@2 }", two_waves));
  const auto refused = ctl().run({"rollout", "start", file});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("m@2 is in development"), HasSubstr("musterctl release promote m@2")));
  EXPECT_THAT(ctl().run({"rollout", "check", file, "--broker"}).out,
              AllOf(HasSubstr("The broker would refuse it now: m@2 is in development"), HasSubstr("takes 4 devices")));

  // Signed where the key is, without a broker; brought from elsewhere, once.
  const auto statement = folder_.file("m-2-candidate.menv");
  const auto signed_there = move(release_folder("m@2"), "candidate", {"--out", statement});
  EXPECT_EQ(signed_there.exit_code, 0) << signed_there.err;
  ctl().must({"release", "move", statement});
  EXPECT_THAT(ctl().run({"release", "move", statement}).err, HasSubstr("an old statement, or one brought twice"));

  ctl().must({"rollout", "start", file});
  ASSERT_EVENTUALLY(20s, count("m-2", "done") == 1);
  ASSERT_EVENTUALLY(20s,
                    status("m-2").value("waiting_for", "").find("waits for the state of m@2") != std::string::npos);
  kill_broker();
  EXPECT_THAT(status("m-2").value("waiting_for", ""), HasSubstr("waits for the state of m@2"));
  must_move("m@2", "canary");
  EXPECT_EQ(status("m-2").at("waves").at(1).value("state", ""), "pending") << "it takes everybody";
  must_move("m@2", "promoted");
  ASSERT_EVENTUALLY(20s, state("m-2") == "completed");
  EXPECT_EQ(agents_with("good 2"), 4u);

  const auto life = shown("m@2");
  EXPECT_EQ(life.at("state"), "promoted");
  ASSERT_EQ(life.at("moves").size(), 3u);
  EXPECT_EQ(life.at("moves").at(0).at("reason"), "it is time");
  EXPECT_EQ(audit_count("release.moved"), 6u);
  expect_audit_intact();
}

// The key speaks of what its owner has before him, not of what the broker has under that name.
TEST_F(ReleaseStates, AFolderThatIsNotWhatTheBrokerHasIsNotPromoted) {
  open({.more_plugin_config = "release_states: required\n"});
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  const auto published = folder_.file("published");
  std::filesystem::rename(release_folder("m@1"), published);
  build_release({.name = "m", .version = "1", .model_txt = "something else"});
  const auto refused = move(release_folder("m@1"), "candidate");
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("nothing was signed"));
  EXPECT_EQ(shown("m@1").value("state", ""), "development");
  const auto moved = move(published, "candidate");
  EXPECT_EQ(moved.exit_code, 0) << moved.err;
  EXPECT_EQ(shown("m@1").value("state", ""), "candidate");
}

TEST_F(ReleaseStates, ARetiredReleaseLosesItsFilesAndNothingElse) {
  BrokerSettings settings{.more_plugin_config = "keep_retired_for: 365d\n"};
  open(settings);
  start_fleet(2);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", two_waves));
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_THAT(move("m@1", "retired").err, AllOf(HasSubstr("m@1 cannot be retired"), HasSubstr("m-1"),
                                                HasSubstr("2 devices are assigned it: gw-0, gw-1")));
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", two_waves) + "rollback: { keep_previous_for: 14d }\n");
  ASSERT_EVENTUALLY(20s, state("m-2") == "completed");
  EXPECT_THAT(ctl().run({"rollout", "status", "m-2"}).out, HasSubstr("what its devices ran before is kept until 20"));
  ctl().must({"rollout", "abort", "m-1", "--keep", "--reason", "m-2 has them all"});
  EXPECT_THAT(move("m@1", "retired").err, HasSubstr("these keep what their devices ran before: m-2 until 20"));
  ctl().must({"rollout", "abort", "m-2", "--keep", "--reason", "nobody will go back"});
  must_move("m@1", "retired");
  EXPECT_THAT(ctl().run({"rollout", "start", rule_file("again", rule("again", "{ model: m@1 }", two_waves))}).err,
              HasSubstr("m@1 is retired"));
  EXPECT_TRUE(std::filesystem::exists(blob("good 1")));

  // The window ends with a new configuration; the broker dies in between.
  settings.more_plugin_config = "keep_retired_for: 0s\n";
  broker().reload(settings);
  ASSERT_EVENTUALLY(20s, audit_count("release.files_removed") == 1);
  kill_broker();
  ASSERT_EVENTUALLY(20s, !std::filesystem::exists(blob("good 1")));
  EXPECT_TRUE(std::filesystem::exists(blob("good 2")));
  const auto life = shown("m@1");
  EXPECT_EQ(life.at("state"), "retired");
  EXPECT_NE(life.value("files_removed_s", 0), 0);
  EXPECT_EQ(life.at("files").size(), 1u) << "names and hashes stay";
  EXPECT_THAT(ctl().run({"release", "show", "m@1"}).out, HasSubstr("removed on "));
  EXPECT_EQ(audit_count("release.files_removed"), 1u);
  EXPECT_EQ(agents_with("good 2"), 2u);
  EXPECT_FALSE(broker().log_has("missing or damaged"));
  expect_audit_intact();
}

TEST_F(ReleaseStates, WhoCannotRunItIsToldAndLeftAlone) {
  open();
  start_fleet(2);
  make_release(
      {.name = "m", .version = "1", .model_txt = "good 1", .more = "compatible: { memory_mb: \">= 1000000\" }\n"});
  const auto file = rule_file("m-1", rule("m-1", "{ model: m@1 }", two_waves));
  EXPECT_THAT(ctl().run({"rollout", "check", file, "--broker"}).out,
              AllOf(HasSubstr("2 devices match its targets and cannot run it (2 memory)"),
                    HasSubstr("gw-0: m@1 needs 1000000 MiB of memory")));
  const auto started = ctl().run({"rollout", "start", file});
  EXPECT_EQ(started.exit_code, 0) << started.err;
  EXPECT_THAT(started.out, HasSubstr("nothing is assigned there"));
  EXPECT_EQ(count("m-1", "targets"), 0);
  EXPECT_THAT(ctl().run({"rollout", "why", "gw-0"}).out, HasSubstr("it cannot run it: m@1 needs 1000000 MiB"));
  EXPECT_EQ(agents_with("good 1"), 0u);
}

}  // namespace
}  // namespace muster::e2e
