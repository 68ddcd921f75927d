// A failed assert comes back to its caller instead of ending the program.
#include "broker-plugin/core/bug_guard.h"

#include <gtest/gtest.h>

#include <cassert>
#include <stdexcept>

namespace muster::broker {
namespace {

void must_be_even(int number) {
  assert(number % 2 == 0);
}

TEST(BugGuard, NothingHappensWithoutABug) {
  int ran = 0;
  EXPECT_EQ(catch_bugs([&] { ++ran; }), "");
  EXPECT_EQ(ran, 1);
}

TEST(BugGuard, ExceptionsComeBackAsWords) {
  EXPECT_EQ(catch_bugs([] { throw std::runtime_error("out of luck"); }), "out of luck");
  EXPECT_EQ(catch_bugs([] { throw 7; }), "something unknown was thrown");
}

#ifndef NDEBUG
TEST(BugGuard, FailedAssertsComeBackAsWords) {
  const auto what = catch_bugs([] { must_be_even(3); });
  EXPECT_NE(what.find("number % 2 == 0"), std::string::npos) << what;
  EXPECT_NE(what.find("bug_guard_test.cpp"), std::string::npos) << what;
}

TEST(BugGuard, GuardsNest) {
  std::string inner;
  const auto outer = catch_bugs([&] {
    inner = catch_bugs([] { must_be_even(3); });
    must_be_even(5);
  });
  EXPECT_NE(inner, "");
  EXPECT_NE(outer, "");
}

TEST(BugGuardDeathTest, WithoutAGuardAnAssertStillEndsTheProgram) {
  EXPECT_DEATH(must_be_even(3), "number % 2 == 0");
}
#endif

}  // namespace
}  // namespace muster::broker
