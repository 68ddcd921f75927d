#include "operator/render/bar.h"

#include <gtest/gtest.h>

#include <random>

#include "operator/render/progress_line.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr Style ascii{false, false};
constexpr Style unicode{false, true};

TEST(Bar, DrawsSharesAtSeveralWidths) {
  EXPECT_EQ(bar({0, 0, 0, 10}, 10, ascii), "..........");
  EXPECT_EQ(bar({5, 0, 0, 10}, 10, ascii), "#####.....");
  EXPECT_EQ(bar({10, 0, 0, 10}, 10, ascii), "##########");
  EXPECT_EQ(bar({4, 1, 1, 10}, 20, ascii), "########xx??........");
  EXPECT_EQ(bar({1, 1, 1, 3}, 6, ascii), "##xx??");
  EXPECT_EQ(bar({1, 0, 0, 3}, 10, ascii), "###.......");
  EXPECT_EQ(bar({2, 1, 0, 4}, 8, unicode), "████▓▓░░");
}

TEST(Bar, ShowsTheFirstAndNeverHidesTheLast) {
  EXPECT_EQ(bar({1, 0, 0, 1000}, 10, ascii), "#.........");
  EXPECT_EQ(bar({999, 0, 0, 1000}, 10, ascii), "#########.");
  EXPECT_EQ(bar({998, 1, 0, 1000}, 10, ascii), "########x.");
}

TEST(Bar, AnEmptyTotalIsAnEmptyBar) {
  EXPECT_EQ(bar({0, 0, 0, 0}, 4, ascii), "....");
  EXPECT_EQ(bar({0, 0, 0, 10}, 0, ascii), "");
}

TEST(Bar, ColoursItsParts) {
  EXPECT_EQ(bar({1, 1, 0, 2}, 2, {true, false}), "\x1b[32m#\x1b[0m\x1b[31mx\x1b[0m");
}

TEST(Bar, IsAlwaysAsWideAsAsked) {
  const unsigned seed = 7;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int round = 0; round < 5000; ++round) {
    const auto number = [&random](unsigned limit) { return std::uint64_t{random() % limit}; };
    const BarParts parts{number(50), number(5), number(5), number(60)};
    const auto width = static_cast<std::size_t>(number(50));
    const auto text = bar(parts, width, unicode);
    ASSERT_EQ(display_width(text), width)
        << parts.done << " " << parts.failed << " " << parts.unreachable << " " << parts.total;
    const bool open = parts.done + parts.failed + parts.unreachable < parts.total;
    if (width < 4 || parts.total == 0) continue;
    ASSERT_EQ(text.find("░") != std::string::npos, open);
    ASSERT_EQ(text.find("▓") != std::string::npos, parts.failed != 0);
  }
}

TEST(ProgressLine, FitsItsWidth) {
  EXPECT_EQ(progress_text("r@1", 0, 2048, 60, ascii), "r@1  " + std::string(32, '.') + "    0 %  0 B of 2.0 KiB");
  EXPECT_EQ(progress_text("r@1", 2048, 2048, 40, ascii), "r@1  ########  100 %  2.0 KiB of 2.0 KiB");
  EXPECT_EQ(progress_text("r@1", 0, 0, 40, ascii).find("nan"), std::string::npos);
  for (std::size_t columns = 5; columns < 100; ++columns)
    EXPECT_LE(display_width(progress_text("reader@2", 700, 1000, columns, unicode)), columns);
}

}  // namespace
}  // namespace muster::ctl
