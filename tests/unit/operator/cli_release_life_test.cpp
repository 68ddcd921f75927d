// Moves of releases as operators make them without a broker: docs/release-states.md line by line, and what is refused.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/files.h"
#include "operator/commands/release_life.h"
#include "operator/release_folder.h"
#include "operator/release_move.h"
#include "schemas/limits.h"
#include "tests/unit/operator/page.h"
#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"
#include "trust/release_move.h"
#include "trust/root.h"

namespace muster::ctl::test {
namespace {

namespace fs = std::filesystem;

class ReleaseLife : public ::testing::Test {
 protected:
  [[nodiscard]] Ran shell(const std::string& line) const {
    const auto program = fs::path(std::getenv("MUSTERCTL"));
    return run({"/bin/sh", "-c",
                "cd " + (directory / ".") + " && PATH=" + program.parent_path().string() + ":$PATH && " + line});
  }
  void run_page() const {
    std::size_t lines = 0;
    for (const auto& block : blocks_of("docs/release-states.md", "sh try")) {
      std::istringstream in(block);
      for (std::string line; std::getline(in, line);) {
        ++lines;
        const auto ran = shell(line);
        EXPECT_EQ(ran.code, expected_code(line)) << line << "\n" << ran.out << ran.err;
      }
    }
    EXPECT_GE(lines, 5u);
  }
  TemporaryDirectory directory;
};

TEST_F(ReleaseLife, EveryCommandOfThePageDoesWhatItSays) {
  run_page();
  const auto envelope = host::read_file(directory / "sorter-7-candidate.menv",
                                        limits::release_move_len_max + limits::envelope_overhead_max);
  ASSERT_TRUE(envelope.has_value());
  const auto statement = read_move(ByteView(*envelope));
  ASSERT_TRUE(statement.has_value()) << statement.error().message;
  EXPECT_EQ(statement->release, "sorter@7");
  EXPECT_EQ(statement->from, wire::ReleaseState::development);
  EXPECT_EQ(statement->to, wire::ReleaseState::candidate);
  EXPECT_EQ(statement->reason, "bench and lab are clean");

  // It holds under the root of that folder, for a week.
  const auto pinned = host::read_file(directory / "keys/root.menv", limits::envelope_len_max);
  ASSERT_TRUE(pinned.has_value());
  const AlignedBytes root_bytes{ByteView(*pinned)}, copy{ByteView(*envelope)};
  trust::TrustRoot root;
  ASSERT_EQ(trust::pin_root(root_bytes.view(), root), trust::TrustFault::none);
  const wire::ReleaseMove* move = nullptr;
  EXPECT_EQ(trust::open_release_move(copy.view(), {&root, statement->made_s + move_valid_for_s}, move),
            trust::TrustFault::none);
  EXPECT_EQ(trust::open_release_move(copy.view(), {&root, statement->made_s + move_valid_for_s + 1}, move),
            trust::TrustFault::expired);
}

// Of what a broker says: statements about this release that lead, step by step, to the state that it names.
TEST_F(ReleaseLife, AStateThatNobodyHasSignedIsFound) {
  run_page();
  const auto release = LocalRelease::open(directory / "out/sorter@7");
  ASSERT_TRUE(release) << release.error().message;
  const auto root = directory / "keys/root.menv";
  const auto step = [&](const char* from, const char* to, const std::string& name = "sorter@7",
                        const std::string& key = "keys/release.key") {
    MoveStatement statement{name, release->digest(), *state_from(from), *state_from(to), 1'795'000'000, "ready"};
    const auto envelope = sign_move(statement, {directory / key});
    EXPECT_TRUE(envelope);
    ReleaseMoveView move;
    move.from = from;
    move.to = to;
    move.reason = "ready";
    move.envelope = envelope.value_or(Bytes());
    return move;
  };
  const auto judge = [&](const std::string& state, std::vector<ReleaseMoveView> moves) {
    ReleaseLifeView life;
    life.state = state;
    life.moves = std::move(moves);
    const auto words = check_moves(life, *release, root);
    return words ? (words->empty() ? "nothing" : words->back()) : words.error().message;
  };
  const auto first = step("development", "candidate"), second = step("candidate", "canary");
  EXPECT_EQ(judge("development", {}), "nothing");
  EXPECT_EQ(judge("canary", {first, second}), "valid");
  EXPECT_NE(judge("promoted", {}).find("its signed statements lead to development"), std::string::npos);
  EXPECT_NE(judge("promoted", {first, second}).find("its signed statements lead to canary"), std::string::npos);
  EXPECT_NE(judge("canary", {second}).find("it says something else"), std::string::npos) << "a step is missing";
  EXPECT_NE(judge("candidate", {step("development", "candidate", "sorter@6")}).find("it says something else"),
            std::string::npos)
      << "of another release";
  auto changed = first;
  changed.reason = "not that";
  EXPECT_NE(judge("candidate", {changed}).find("it says something else"), std::string::npos);
  ASSERT_EQ(shell("musterctl keys init other").code, 0);
  EXPECT_EQ(judge("candidate", {step("development", "candidate", "sorter@7", "other/release.key")}),
            "by keys that this root does not name");
}

TEST_F(ReleaseLife, WhatIsNoMoveIsSaidBeforeAnythingIsSigned) {
  run_page();
  const auto fails = [&](const std::string& line, int code, const std::string& says) {
    const auto ran = shell(line);
    EXPECT_EQ(ran.code, code) << line << "\n" << ran.err;
    EXPECT_NE(ran.err.find(says), std::string::npos) << ran.err;
  };
  const std::string key = " --release-key keys/release.key";
  fails("musterctl release promote out/sorter@7 --to retired --out x" + key, 2, "--to");
  fails("musterctl release retire out/sorter@7 --out x" + key, 2, "--reason");
  fails("musterctl release retire out/sorter@7 --reason old --out x" + key, 2, "--from has to say");
  fails("musterctl release promote nothing --to canary --out x" + key, 2,
        "neither a release's folder nor NAME@VERSION");
  fails("musterctl release promote out/sorter@7 --to canary --out x --release-key none.key", 3, "none.key");
  fails("musterctl release move keys/root.menv", 5, "this is no signed move of a release");
  EXPECT_FALSE(fs::exists(directory / "x"));
}

}  // namespace
}  // namespace muster::ctl::test
