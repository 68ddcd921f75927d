#include "examples/reader/score.h"

#include <gtest/gtest.h>

namespace muster::reader {
namespace {

Reading reading(double ms, std::size_t edits, std::size_t characters) {
  return {"label", "", ms, edits, characters};
}

TEST(Score, EditsArePerHundredCharactersOfAllKnownTexts) {
  EXPECT_DOUBLE_EQ(edits_per_hundred({}), 0);
  EXPECT_DOUBLE_EQ(edits_per_hundred({reading(1, 3, 30)}), 10);
  EXPECT_DOUBLE_EQ(edits_per_hundred({reading(1, 0, 150), reading(1, 10, 50)}), 5);
}

TEST(Score, PercentilesAreByNearestRank) {
  EXPECT_DOUBLE_EQ(percentile_ms({}, 50), 0);
  EXPECT_DOUBLE_EQ(percentile_ms({reading(7, 0, 1)}, 95), 7);
  std::vector<Reading> readings;
  for (int ms = 20; ms >= 1; --ms) readings.push_back(reading(ms, 0, 1));
  EXPECT_DOUBLE_EQ(percentile_ms(readings, 50), 10);
  EXPECT_DOUBLE_EQ(percentile_ms(readings, 95), 19);
  EXPECT_DOUBLE_EQ(percentile_ms(readings, 100), 20);
  EXPECT_DOUBLE_EQ(percentile_ms(readings, 1), 1);
}

TEST(Score, PeakMemoryIsMeasured) {
  EXPECT_GT(peak_ram_mb(), 1);
  EXPECT_LT(peak_ram_mb(), 100000);
}

}  // namespace
}  // namespace muster::reader
