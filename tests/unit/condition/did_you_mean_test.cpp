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

TEST(DidYouMean, ListsChoices) {
  EXPECT_EQ(either_of({"a"}), "a");
  EXPECT_EQ(either_of({"a", "b"}), "a or b");
  EXPECT_EQ(either_of({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace muster::rules::test
