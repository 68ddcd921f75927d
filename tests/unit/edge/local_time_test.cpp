// How far a device's clock is from UTC, in time zones that need no files.
#include "edge-client/shell/local_time.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace muster::edge {
namespace {

constexpr std::uint64_t january_s = 1'768'478'400;  // 2026-01-15 12:00:00 UTC
constexpr std::uint64_t july_s = 1'784'116'800;     // 2026-07-15 12:00:00 UTC

class LocalTime : public ::testing::Test {
 protected:
  LocalTime() {
    if (const char* zone = std::getenv("TZ"); zone != nullptr) before_ = zone;
  }
  ~LocalTime() override {
    before_ ? ::setenv("TZ", before_->c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
  }
  static std::optional<std::int16_t> offset_in(const char* zone, std::uint64_t time_s) {
    ::setenv("TZ", zone, 1);
    return utc_offset_min(time_s);
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(LocalTime, IsThatOfTheTimeZone) {
  EXPECT_EQ(offset_in("UTC0", january_s), 0);
  EXPECT_EQ(offset_in("IST-5:30", january_s), 330);
  EXPECT_EQ(offset_in("NST+3:30", january_s), -210);
  EXPECT_EQ(offset_in("LINT-14", january_s), 840);
}

TEST_F(LocalTime, FollowsSummerTime) {
  const char* const berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
  EXPECT_EQ(offset_in(berlin, january_s), 60);
  EXPECT_EQ(offset_in(berlin, july_s), 120);
}

TEST_F(LocalTime, IsNothingWhereNoPlaceOnEarthIs) {
  EXPECT_FALSE(offset_in("FAR-15", january_s));
  EXPECT_FALSE(offset_in("FAR+13", january_s));
}

}  // namespace
}  // namespace muster::edge
