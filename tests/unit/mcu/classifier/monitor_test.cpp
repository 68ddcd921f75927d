// The task metric: a good model shows as good, a bad one as bad, and the count is that of the newest windows.
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "examples/mcu-classifier/monitor.h"
#include "tests/unit/mcu/classifier/trained_models.h"

namespace muster::classifier {
namespace {

using testing::bad_model;
using testing::good_model;

TEST(Monitor, SaysNothingFromFewWindows) {
  Monitor monitor;
  EXPECT_FALSE(monitor.ready());
  EXPECT_EQ(monitor.accuracy_permille(), Monitor::unknown);
  monitor.use(good_model().model);
  EXPECT_TRUE(monitor.ready());
  Window window;
  for (int i = 0; i < Monitor::known_from; ++i) {
    EXPECT_EQ(monitor.accuracy_permille(), Monitor::unknown);
    monitor.judge(window, make_window(1, static_cast<std::uint32_t>(i), window));
  }
  EXPECT_NE(monitor.accuracy_permille(), Monitor::unknown);
}

TEST(Monitor, CountsTheNewestWindows) {
  Monitor monitor;
  monitor.use(good_model().model);
  std::deque<int> hits;
  for (std::uint32_t index = 0; index < 1000; ++index) {
    Window window;
    auto truth = make_window(2, index, window);
    // Stretches of wrong labels, so that many windows count as missed.
    if (index % 150 < 70) truth = static_cast<Motor>((static_cast<unsigned>(truth) + 1) % motor_count);
    const auto answer = monitor.judge(window, truth);
    hits.push_back(answer.motor == truth ? 1 : 0);
    if (hits.size() > Monitor::remembered) hits.pop_front();
    if (hits.size() < Monitor::known_from) continue;
    const auto right = std::accumulate(hits.begin(), hits.end(), 0);
    ASSERT_EQ(monitor.accuracy_permille(), right * 1000 / static_cast<int>(hits.size())) << "window " << index;
  }
  EXPECT_EQ(monitor.inferences(), 1000U);
}

TEST(Monitor, CanBeWithoutAModelAgain) {
  Monitor monitor;
  monitor.use(good_model().model);
  Window window;
  for (std::uint32_t index = 0; index < 20; ++index) monitor.judge(window, make_window(5, index, window));
  EXPECT_NE(monitor.accuracy_permille(), Monitor::unknown);
  monitor.use(Model{});
  EXPECT_FALSE(monitor.ready());
  EXPECT_EQ(monitor.accuracy_permille(), Monitor::unknown);
  EXPECT_EQ(monitor.inferences(), 20U);
}

TEST(Monitor, WindowsOfUnknownMotorsCountAsInferencesOnly) {
  Monitor monitor;
  monitor.use(good_model().model);
  Window window;
  for (std::uint32_t index = 0; index < 100; ++index) {
    make_window(3, index, window);
    EXPECT_EQ(monitor.judge(window).motor, classify(good_model().model, window).motor);
  }
  EXPECT_EQ(monitor.inferences(), 100U);
  EXPECT_EQ(monitor.accuracy_permille(), Monitor::unknown);
}

TEST(Monitor, ShowsABadModelWithinItsMemory) {
  Monitor monitor;
  Window window;
  std::uint32_t index = 0;
  const auto run = [&](const Model& model) {
    monitor.use(model);
    EXPECT_EQ(monitor.accuracy_permille(), Monitor::unknown);
    int lowest = 1000;
    int highest = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto motor = make_window(4, index++, window);
      monitor.judge(window, motor);
      if (i < Monitor::remembered) continue;
      lowest = std::min(lowest, monitor.accuracy_permille());
      highest = std::max(highest, monitor.accuracy_permille());
    }
    return std::pair(lowest, highest);
  };
  const auto good = run(good_model().model);
  const auto bad = run(bad_model().model);
  // What guardrails may go by: the two do not come near each other, in any 64 windows.
  EXPECT_GE(good.first, 800);
  EXPECT_LE(bad.second, 150);
  EXPECT_EQ(run(good_model().model).second, 1000);
  EXPECT_EQ(monitor.inferences(), 6000U);
}

}  // namespace
}  // namespace muster::classifier
