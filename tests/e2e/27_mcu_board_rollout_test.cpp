// Real firmware in a rollout: boards in QEMU through their real bootloader, beside Linux agents, over TLS with
// certificates.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/qemu.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

const std::string boards_only = "device.class == \"cortex-m3\"";
const std::string one_wave = "[{ name: all, percent: 100, soak: 1s }]";

class BoardRollout : public World {
 protected:
  void start_boards(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      BoardToMake made;
      made.name = "board-" + std::to_string(i);
      boards_.push_back(std::make_unique<QemuBoard>(folder_.make_folder(made.name), made, keys_));
      boards_.back()->start(broker().port());
    }
    for (const auto& board : boards_) {
      ASSERT_EVENTUALLY(20s, device(board->name()).value("reported", false)) << board->log();
    }
  }
  void TearDown() override {
    if (!HasFailure()) return;
    for (const auto& board : boards_) printf("--- %s ---\n%s\n", board->name().c_str(), board->log().c_str());
  }
  // `image` is a firmware of the board's build: "firmware-2", "firmware-hangs".
  void make_firmware(const std::string& version, const std::string& image, const std::string& more = {}) {
    make_release({.name = "fw",
                  .version = version,
                  .model_txt = "",
                  .plane = "firmware",
                  .probes = "[{ exec: sensor }]",
                  .more = "compatible: { class: [cortex-m3] }\n" + more,
                  .files = {{"slot_a.bin", read_text(mcu_file(image + "-a.bin"))},
                            {"slot_b.bin", read_text(mcu_file(image + "-b.bin"))}}});
  }
  // A model of the classifier, as its trainer makes it.
  void make_model(const std::string& version, bool good) {
    const auto path = folder_.file("model-" + version + ".mcls");
    std::vector<std::string> args = {programs::classifier_train, "--seed", "7", "--golden", "0", "--out", path};
    if (!good) args.push_back("--bad");
    const auto trained = run(args);
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    make_release({.name = "motor",
                  .version = version,
                  .model_txt = "",
                  .probes = "[{ exec: model }]",
                  .more = "compatible: { class: [cortex-m3] }\n",
                  .files = {{"model.mcls", read_text(path)}}});
  }
  void roll_out(const std::string& name, const std::string& versions, const std::string& targets = boards_only) {
    start_rollout(name, rule(name, versions, one_wave, targets));
  }
  std::string active(const std::string& name, const std::string& plane) {
    const auto release = device(name)["planes"][plane]["release"];
    return release.is_string() ? release.get<std::string>() : "none";
  }
  // Every board says so of one plane.
  bool all_run(const std::string& plane, const std::string& release) {
    for (const auto& board : boards_) {
      if (active(board->name(), plane) != release) return false;
    }
    return true;
  }
  // In per cent; 0 while the board has not reported any.
  double accuracy_of(const std::string& name) {
    const auto metric = device(name)["health"]["metrics"]["accuracy"];
    return metric.is_object() ? metric.value("last", 0.0) : 0.0;
  }
  std::vector<std::unique_ptr<QemuBoard>> boards_;
};

TEST_F(BoardRollout, TakesGoodFirmwareAndComesBackFromBad) {
  open();
  start_boards(2);
  make_firmware("2", "firmware-2");
  roll_out("fw-2", "{ firmware: fw@2 }");
  ASSERT_EVENTUALLY(30s, state("fw-2") == "completed") << status("fw-2").dump();
  EXPECT_TRUE(all_run("firmware", "fw@2"));
  for (const auto& board : boards_) EXPECT_EQ(board->log_count("starting slot B"), 1u);

  make_firmware("3", "firmware-hangs");
  roll_out("fw-3", "{ firmware: fw@3 }");
  ASSERT_EVENTUALLY(60s, state("fw-3") == "halted") << status("fw-3").dump();
  EXPECT_EVENTUALLY(30s, count("fw-3", "rolled_back") + count("fw-3", "failed") >= 2) << status("fw-3").dump();
  EXPECT_EVENTUALLY(30s, all_run("firmware", "fw@2"));
  for (const auto& board : boards_) EXPECT_GE(board->log_count("reset by watchdog"), 3u) << board->log();
}

TEST_F(BoardRollout, AMixedFleetTakesEachItsPlanes) {
  open();
  start_boards(2);
  start_fleet(2);
  make_model("1", true);
  make_release({.name = "m", .version = "1"});
  make_release({.name = "c", .version = "1", .plane = "config", .probes = ""});
  make_firmware("2", "firmware-2");
  roll_out("linux", "{ model: m@1, config: c@1 }", "device.class == \"rk3566\"");
  roll_out("boards", "{ model: motor@1, config: c@1, firmware: fw@2 }");
  EXPECT_EVENTUALLY(40s, state("boards") == "completed") << status("boards").dump();
  EXPECT_EVENTUALLY(20s, state("linux") == "completed") << status("linux").dump();
  EXPECT_TRUE(all_run("model", "motor@1"));
  EXPECT_TRUE(all_run("config", "c@1"));
  EXPECT_TRUE(all_run("firmware", "fw@2"));
  EXPECT_EVENTUALLY(20s, accuracy_of("board-0") > 80.0) << device("board-0").dump();
  expect_audit_intact();
}

// A model that is well-formed, signed and useless: no digest can tell, but the accuracy on the board does, and the
// recovery policy of the configuration that runs.
TEST_F(BoardRollout, ABadModelShowsInItsTaskMetric) {
  open();
  start_boards(1);
  make_model("1", true);
  make_model("2", false);
  make_release({.name = "c",
                .version = "1",
                .plane = "config",
                .probes = "",
                .more = "recovery:\n  - { when: accuracy < 50, do: rollback_release }\n"});
  roll_out("first", "{ model: motor@1, config: c@1 }");
  ASSERT_EVENTUALLY(30s, state("first") == "completed") << status("first").dump();
  start_rollout("second",
                rule("second", "{ model: motor@2 }", "[{ name: all, percent: 100, soak: 20s }]", boards_only));
  EXPECT_EVENTUALLY(30s, state("second") == "halted") << status("second").dump();
  EXPECT_EQ(device("board-0")["attempt"].value("error", ""), "recovery_rollback") << device("board-0").dump();
  EXPECT_TRUE(all_run("model", "motor@1"));
}

// What a board remembers comes to the operator when somebody asks: its starts, states and attempts, and how deep its
// stack was.
TEST_F(BoardRollout, ItsLastEventsCanBeAskedFor) {
  open();
  start_boards(1);
  make_model("1", true);
  roll_out("first", "{ model: motor@1 }");
  ASSERT_EVENTUALLY(30s, state("first") == "completed") << status("first").dump();
  ctl().must({"evidence", "request", "board-0", "--reason", "a look at its memory"});
  const auto bundles = [&] { return ctl().json({"evidence", "list", "board-0"})["bundles"]; };
  ASSERT_EVENTUALLY(20s, bundles().size() == 1) << boards_[0]->log();
  const auto shown = ctl().json({"evidence", "show", "board-0"});
  EXPECT_GT(shown["stack_unused"].get<std::uint32_t>(), 1000u) << shown.dump();
  std::vector<std::string> codes;
  for (const auto& event : shown["events"]) codes.push_back(event["name"]);
  EXPECT_EQ(codes.front(), "started") << shown.dump();
  for (const auto* code : {"connected", "attempt_state"}) {
    EXPECT_NE(std::find(codes.begin(), codes.end(), code), codes.end()) << code << shown.dump();
  }
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
