// Health summaries on their way out: kept across restarts, sent oldest first, bounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "edge-client/shell/outbox.h"
#include "tests/unit/edge/folder.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;

class Outbox : public testing::Test {
 protected:
  HealthOutbox make(std::size_t files_max = HealthOutbox::spool_max) {
    const auto send = [this](const Bytes& summary, std::function<void(bool)> acked) {
      sent.emplace_back(summary.begin(), summary.end());
      acks.push_back(std::move(acked));
      return true;
    };
    return HealthOutbox(folder.file("spool"), send, files_max);
  }
  static Bytes text(const std::string& t) { return {t.begin(), t.end()}; }
  void ack_all() {
    while (!acks.empty()) {
      const auto ack = std::move(acks.front());
      acks.erase(acks.begin());
      ack(true);
    }
  }
  Folder folder;
  std::vector<std::string> sent;
  std::vector<std::function<void(bool)>> acks;
};

TEST_F(Outbox, SendsAtOnceWhileOnline) {
  auto box = make();
  ASSERT_TRUE(box.open());
  box.set_online(true);
  box.put(text("a"), 1, 1);
  EXPECT_THAT(sent, ElementsAre("a"));
  ack_all();
  EXPECT_EQ(box.waiting(), 0u);
}

TEST_F(Outbox, SendsNothingThatItDidNotWrite) {
  {
    auto box = make();
    ASSERT_TRUE(box.open());
    for (std::uint64_t seq = 1; seq <= 3; ++seq) box.put(text("summary " + std::to_string(seq)), 1, seq);
    ASSERT_EQ(box.waiting(), 3u);
  }
  const auto file = [&](int seq) {
    return folder.file("spool/0000000000000001-000000000000000" + std::to_string(seq));
  };
  std::filesystem::resize_file(file(1), 20);
  std::fstream(file(2), std::ios::in | std::ios::out).put('S');
  std::ofstream(file(3) + ".tmp") << "cut off while it was written";
  auto box = make();
  ASSERT_TRUE(box.open());
  EXPECT_FALSE(std::filesystem::exists(file(3) + ".tmp"));
  box.set_online(true);
  EXPECT_THAT(sent, ElementsAre("summary 3"));
  EXPECT_EQ(box.take_dropped(), 2u);
}

TEST_F(Outbox, KeepsWhatWasNotAcknowledgedAcrossARestart) {
  {
    auto box = make();
    ASSERT_TRUE(box.open());
    box.set_online(true);
    box.put(text("a"), 1, 1);
    box.set_online(false);
    box.put(text("b"), 1, 2);
  }
  acks.clear();
  sent.clear();
  auto box = make();
  ASSERT_TRUE(box.open());
  EXPECT_EQ(box.waiting(), 2u);
  box.set_online(true);
  EXPECT_THAT(sent, ElementsAre("a", "b"));
  EXPECT_EQ(box.waiting(), 2u);
  ack_all();
  EXPECT_EQ(box.waiting(), 0u);
}

TEST_F(Outbox, SendsTheOldestFirstInAWindow) {
  auto box = make();
  ASSERT_TRUE(box.open());
  for (std::uint64_t i = 1; i <= 40; ++i) box.put(text(std::to_string(i)), 1, i);
  box.set_online(true);
  EXPECT_EQ(sent.size(), HealthOutbox::in_flight_max);
  ack_all();
  EXPECT_EQ(sent.size(), 40u);
  EXPECT_EQ(sent.front(), "1");
  EXPECT_EQ(sent.back(), "40");
}

TEST_F(Outbox, LateAcknowledgementsOfAnotherConnectionAreNothing) {
  auto box = make();
  ASSERT_TRUE(box.open());
  box.set_online(true);
  box.put(text("a"), 1, 1);
  box.set_online(false);
  ack_all();
  EXPECT_EQ(box.waiting(), 1u);
}

TEST_F(Outbox, TheOldestGoFirstWhenItIsFull) {
  auto box = make(20);
  ASSERT_TRUE(box.open());
  for (std::uint64_t i = 1; i <= 23; ++i) box.put(text(std::to_string(i)), 1, i);
  EXPECT_EQ(box.waiting(), 20u);
  EXPECT_EQ(box.take_dropped(), 3u);
  EXPECT_EQ(box.take_dropped(), 0u);
  box.set_online(true);
  EXPECT_EQ(sent.front(), "4");
}

}  // namespace
}  // namespace muster::edge
