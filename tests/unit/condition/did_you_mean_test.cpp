#include "rules/condition/did_you_mean.h"

#include <gtest/gtest.h>

namespace muster::rules::test {
namespace {

TEST(DidYouMean, CountsChanges) {
  EXPECT_EQ(edit_distance("percent", "percent"), 0u);
  EXPECT_EQ(edit_distance("percent", "precent"), 1u);
  EXPECT_EQ(edit_distance("percent", "percentage"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance(std::string(65, 'a'), std::string(65, 'a')), 64u);
}

TEST(DidYouMean, OffersOnlyWhatIsNear) {
  EXPECT_EQ(closest("gaet", {"name", "gate"}), "gate");
  EXPECT_EQ(closest("colour", {"name", "gate"}), "");
  EXPECT_EQ(closest("so", {"do", "soak"}), "do");
  EXPECT_EQ(closest("x", {"do", "in"}), "");
  EXPECT_EQ(closest("percentage", {"name", "percent"}), "percent");
  EXPECT_EQ(closest("nam", {"names_of_all"}), "");
}

TEST(DidYouMean, NamesOfSeveralWordsAreFoundByOne) {
  const std::vector<std::string_view> names = {"load_time_ms", "p95_ms", "peak_ram_mb", "temperature_c", "cpu_percent"};
  EXPECT_EQ(closest_name("p95", names), "p95_ms");
  EXPECT_EQ(closest_name("latency_p95", names), "p95_ms");
  EXPECT_EQ(closest_name("ram_mb", names), "peak_ram_mb");
  EXPECT_EQ(closest_name("temperature", names), "temperature_c");
  EXPECT_EQ(closest_name("cpu_load", names), "cpu_percent");
  EXPECT_EQ(closest_name("edit_distance", names), "");
  EXPECT_EQ(closest_name("gpu_oom_count", names), "");
  EXPECT_EQ(closest_name("free_mb", names), "") << "a unit alone says nothing";
  EXPECT_EQ(closest_name("_", names), "");
  EXPECT_EQ(closest_name("", names), "");
}

TEST(DidYouMean, ListsChoices) {
  EXPECT_EQ(either_of({"a"}), "a");
  EXPECT_EQ(either_of({"a", "b"}), "a or b");
  EXPECT_EQ(either_of({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace muster::rules::test
