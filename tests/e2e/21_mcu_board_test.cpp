// The board itself: the real bootloader starts the real firmware in QEMU, which speaks TLS with a client certificate to
// a real Mosquitto; and power, broker, firmware and trust fail it in turn.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <random>

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/qemu.h"
#include "tests/e2e/harness/session.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using testing::size_for;

class McuBoard : public ::testing::Test {
 protected:
  McuBoard() : broker_(folder_.make_folder("broker"), shared_keys(), settings()) {}
  ~McuBoard() override {
    if (HasFailure() && board_) std::cerr << board_->log().substr(0, 8000) << broker_.log();
  }

  static BrokerSettings settings() {
    BrokerSettings settings;
    settings.with_plugin = false;
    return settings;
  }

  QemuBoard& make_board(BoardToMake board) {
    board_.emplace(folder_.path(), board, shared_keys());
    return *board_;
  }
  [[nodiscard]] std::unique_ptr<Session> observer() const {
    auto session = std::make_unique<Session>(broker_.port(), shared_keys().ca(), shared_keys().operator_("observer"));
    session->connect();
    EXPECT_TRUE(session->subscribe(topic_));
    return session;
  }

  const std::string topic_ = "muster/v1/device/mcu-1/link";
  Folder folder_;
  Broker broker_;
  std::optional<QemuBoard> board_;
};

TEST_F(McuBoard, StartsByItsBootloaderAndPublishesOverTls) {
  ASSERT_TRUE(broker_.start());
  auto& board = make_board({.name = "mcu-1"});
  const auto session = observer();
  const auto before = std::chrono::steady_clock::now();
  board.start(broker_.port());
  ASSERT_TRUE(session->wait_for(topic_, 20s));
  const auto took = std::chrono::steady_clock::now() - before;
  std::cout << "power on to publish: " << std::chrono::duration_cast<Milliseconds>(took).count() << " ms\n";
  EXPECT_TRUE(broker_.log_has("as mcu-1 (")) << "the broker knows it by its certificate";
  EXPECT_TRUE(board.wait_for_log("published after", 10s));
  EXPECT_EQ(board.log_count("bootloader: reset by power on, starting slot A"), 1u);
  EXPECT_EQ(board.log_count("bootloader:"), 1u) << "it needed one start";
}

TEST_F(McuBoard, ComesBackWhenPowerIsCutAtAnyMoment) {
  const auto seed = testing::seed_or(21);
  std::cout << "MUSTER_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  ASSERT_TRUE(broker_.start());
  auto& board = make_board({.name = "mcu-1"});
  for (int cut = 0; cut < size_for(4, 60); ++cut) {
    board.start(broker_.port());
    // A start and a first publish take some 600 ms: the moment lies anywhere in them, or shortly after.
    const Milliseconds moment(random() % 900);
    ASSERT_TRUE(throughout(moment, [&] { return board.running(); }));
    board.kill_hard();
  }
  const auto session = observer();
  session->forget();
  const auto before = board.log_count("published after");
  board.start(broker_.port());
  EXPECT_TRUE(board.wait_for_log("published after", 20s, before));
  EXPECT_TRUE(session->wait_for(topic_, 10s));
  EXPECT_EQ(board.log_count("reset by fault") + board.log_count("reset by watchdog"), 0u);
}

TEST_F(McuBoard, ComesBackToABrokerThatWasKilled) {
  auto& board = make_board({.name = "mcu-1"});
  board.start(broker_.port());
  ASSERT_TRUE(board.wait_for_log("connection lost", 20s)) << "there is no broker yet";
  for (int death = 0; death < size_for(2, 20); ++death) {
    const auto before = board.log_count("published after");
    ASSERT_TRUE(broker_.start());
    ASSERT_TRUE(board.wait_for_log("published after", 20s, before));
    broker_.kill_hard();
    ASSERT_TRUE(board.wait_for_log("connection lost", 20s, before));
  }
  EXPECT_EQ(board.log_count("bootloader:"), 1u) << "all that without a reset";
}

TEST_F(McuBoard, RefusesABrokerThatItsAuthorityDoesNotKnow) {
  const Keys strangers;
  Broker stranger(folder_.make_folder("stranger"), strangers, settings());
  ASSERT_TRUE(stranger.start());
  auto& board = make_board({.name = "mcu-1"});
  board.start(stranger.port());
  // X509_CERT_VERIFY_FAILED
  EXPECT_TRUE(board.wait_for_log("TLS handshake failed: -0x2700", 20s, 1));
  EXPECT_EQ(board.log_count("info    connected"), 0u);
}

TEST_F(McuBoard, RefusesABrokerOfAnotherName) {
  ASSERT_TRUE(broker_.start());
  auto& board = make_board({.name = "mcu-1", .broker_name = "broker.example"});
  board.start(broker_.port());
  EXPECT_TRUE(board.wait_for_log("TLS handshake failed: -0x2700", 20s, 1));
  EXPECT_EQ(board.log_count("info    connected"), 0u);
}

TEST_F(McuBoard, StartsNoDamagedFirmwareAndTheWatchdogNeverGivesUp) {
  auto& board = make_board({.name = "mcu-1"});
  flip_bit(board.flash(), 0x040000 + 1024 + 5000);  // in slot A, behind the vectors
  board.start(broker_.port());
  EXPECT_TRUE(board.wait_for_log("reset by watchdog, no firmware", 30s));
  EXPECT_EQ(board.log_count("starting slot"), 0u);
}

TEST_F(McuBoard, SaysThatItCrashed) {
  auto& board = make_board({.name = "mcu-1", .with_certificates = false});
  board.start(broker_.port());
  EXPECT_TRUE(board.wait_for_log("reset by fault, starting slot A", 20s));
  EXPECT_GE(board.log_count("the identity has no certificates"), 1u);
}

}  // namespace
}  // namespace muster::e2e
