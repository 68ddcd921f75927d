// The order of versions is one: examples, and the laws of an order among all short versions of a few parts.
#include "schemas/version_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster {
namespace {

TEST(McuVersionOrder, Examples) {
  EXPECT_LT(compare_versions("2.1", "2.1.1"), 0);
  EXPECT_LT(compare_versions("2.9", "2.10"), 0);
  EXPECT_LT(compare_versions("2.1.0-rc1", "2.1.0"), 0);
  EXPECT_LT(compare_versions("99999999999999999999998", "99999999999999999999999"), 0);
  EXPECT_EQ(compare_versions("1.02", "1.2"), 0);
  EXPECT_EQ(compare_versions("1_2-3", "1.2.3"), 0);
  EXPECT_GT(compare_versions("1", ""), 0);
}

TEST(McuVersionOrder, IsAnOrder) {
  const std::vector<std::string> parts = {"", "0", "1", "01", "10", "a", "rc1", "rc2"};
  std::vector<std::string> versions;
  for (const auto& a : parts) {
    versions.push_back(a);
    for (const auto& b : parts) versions.push_back(a + "." + b);
    for (const auto& b : parts) versions.push_back(a + ".1-" + b);
  }
  const auto sign = [](int value) { return (value > 0) - (value < 0); };
  for (const auto& a : versions) {
    for (const auto& b : versions) {
      const int ab = sign(compare_versions(a, b));
      ASSERT_EQ(ab, -sign(compare_versions(b, a))) << a << " " << b;
      for (const auto& c : versions) {
        if (ab > 0 || compare_versions(b, c) > 0) continue;
        ASSERT_LE(compare_versions(a, c), 0) << a << " " << b << " " << c;
      }
    }
  }
}

}  // namespace
}  // namespace muster
