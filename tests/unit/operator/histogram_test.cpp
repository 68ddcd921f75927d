#include "operator/render/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr Style ascii{false, false};
constexpr Style unicode{false, true};

TEST(Spread, QuantilesAreValuesThatWereThere) {
  const Spread spread({5, 1, 9, 3, 7});
  EXPECT_EQ(spread.quantile(0), 1u);
  EXPECT_EQ(spread.quantile(20), 1u);
  EXPECT_EQ(spread.quantile(50), 5u);
  EXPECT_EQ(spread.quantile(90), 9u);
  EXPECT_EQ(spread.quantile(100), 9u);
  EXPECT_EQ(Spread({4}).quantile(50), 4u);
  EXPECT_TRUE(Spread({}).empty());
}

TEST(Spread, IsOneLine) {
  EXPECT_EQ(spread_line(Spread({40, 44, 71, 88}), Unit::count), "median 44, 90 % up to 88, at most 88");
  EXPECT_EQ(spread_line(Spread({90, 4000}), Unit::seconds),
            "median 1 min 30 s, 90 % up to 1 h 06 min, at most 1 h 06 min");
  EXPECT_EQ(spread_line(Spread({7, 9}), Unit::count, 200), "median 7 (3.5 %), 90 % up to 9 (4.5 %), at most 9 (4.5 %)");
  EXPECT_EQ(spread_line(Spread({7}), Unit::count), "7");
  EXPECT_EQ(spread_line(Spread({4861, 4890}), Unit::seconds), "1 h 21 min in every run");
}

TEST(Histogram, StepsAreRoundAndGapsAreSeen) {
  EXPECT_EQ(histogram(Spread({12, 14, 15, 38}), Unit::count, 40, ascii),
            "  10 - 14  ##########################  2\n"
            "  15 - 19  #############  1\n"
            "  20 - 24  \n"
            "  25 - 29  \n"
            "  30 - 34  \n"
            "  35 - 39  #############  1\n");
  EXPECT_EQ(histogram(Spread({3, 4, 4}), Unit::count, 20, unicode),
            "  3  ██████  1\n"
            "  4  ████████████  2\n");
  EXPECT_EQ(histogram(Spread({3700, 3710, 4400}), Unit::seconds, 60, ascii),
            "  1 h 00 min - 1 h 02 min  ##############################  2\n"
            "  1 h 02 min - 1 h 04 min  \n"
            "  1 h 04 min - 1 h 06 min  \n"
            "  1 h 06 min - 1 h 08 min  \n"
            "  1 h 08 min - 1 h 10 min  \n"
            "  1 h 10 min - 1 h 12 min  \n"
            "  1 h 12 min - 1 h 14 min  ###############  1\n");
}

// What people cannot tell apart stands in one row, and every row fits whatever the values are.
TEST(Histogram, FitsInto80Columns) {
  EXPECT_EQ(histogram(Spread({4861, 4870, 4890}), Unit::seconds, 80, ascii).substr(0, 28),
            "  1 h 21 min - 1 h 22 min  #");
  for (const std::uint64_t most : {1ull, 9ull, 60ull, 3'599ull, 86'400ull, 31'000'000ull, 10'000'000'000ull}) {
    for (const auto unit : {Unit::count, Unit::seconds}) {
      std::istringstream lines(histogram(Spread({0, most / 3, most / 2, most, most}), unit, 80, unicode));
      std::size_t rows = 0;
      for (std::string line; std::getline(lines, line); ++rows) EXPECT_LE(display_width(line), 80u) << line;
      EXPECT_LE(rows, 10u) << most;
      EXPECT_GE(rows, 1u) << most;
    }
  }
}

}  // namespace
}  // namespace muster::ctl
