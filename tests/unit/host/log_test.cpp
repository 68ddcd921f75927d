#include "host/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace muster::host {
namespace {

using testing::ElementsAre;

class LogTest : public testing::Test {
 protected:
  std::vector<std::string> lines_;
  std::chrono::steady_clock::time_point now_{};
  Log log_{[this](LogLevel, const std::string& line) { lines_.push_back(line); }, LogLevel::info,
           [this] { return now_; }};
};

TEST_F(LogTest, LinesBelowTheLevelAreDropped) {
  log_.write(LogLevel::debug, "quiet");
  log_.write_bounded(LogLevel::debug, "t", "quiet");
  log_.write(LogLevel::info, "said");
  log_.write(LogLevel::error, "shouted");
  EXPECT_THAT(lines_, ElementsAre("said", "shouted"));
}

TEST_F(LogTest, ATopicGetsTenLinesAMinuteAndThenACount) {
  for (int i = 0; i < 27; ++i) log_.write_bounded(LogLevel::warning, "bad", "line");
  EXPECT_EQ(lines_.size(), 10u);
  log_.write_bounded(LogLevel::warning, "other", "another topic");
  EXPECT_EQ(lines_.size(), 11u);
  now_ += std::chrono::seconds(59);
  log_.write_bounded(LogLevel::warning, "bad", "line");
  EXPECT_EQ(lines_.size(), 11u);
  now_ += std::chrono::seconds(1);
  log_.write_bounded(LogLevel::warning, "bad", "line");
  ASSERT_EQ(lines_.size(), 12u);
  EXPECT_EQ(lines_.back(), "line (18 more like this)");
  log_.write_bounded(LogLevel::warning, "bad", "line");
  EXPECT_EQ(lines_.back(), "line");
}

TEST_F(LogTest, PlainLinesAreNotBounded) {
  for (int i = 0; i < 100; ++i) log_.write(LogLevel::info, "line");
  EXPECT_EQ(lines_.size(), 100u);
}

TEST_F(LogTest, InventingTopicsDoesNotGetAround) {
  for (int i = 0; i < 10000; ++i) log_.write_bounded(LogLevel::warning, "topic " + std::to_string(i), "line");
  EXPECT_LE(lines_.size(), 256u + 10u);
  now_ += std::chrono::minutes(2);
  lines_.clear();
  for (int i = 0; i < 20; ++i) log_.write_bounded(LogLevel::warning, "fresh", "line");
  EXPECT_EQ(lines_.size(), 10u) << "after quiet minutes new topics have budgets of their own";
}

TEST(LogThreads, LinesOfManyThreadsAllArrive) {
  std::vector<std::string> lines;
  Log log([&](LogLevel, const std::string& line) { lines.push_back(line); });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) log.write(LogLevel::info, "line");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines.size(), 1000u);
}

TEST(StderrSink, WritesOneLineWithTimeAndLevel) {
  testing::internal::CaptureStderr();
  Log log(stderr_sink());
  log.write(LogLevel::warning, "the tank is empty");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z warning the tank is empty\n"));
}

}  // namespace
}  // namespace muster::host
