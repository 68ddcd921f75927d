// That a finding is a failure: the watcher of this tree finds the faults of a program made for it, in a child process,
// and the harness gets the report; a program without fault has none.
#include "tests/e2e/harness/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/harness/process.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

std::string reports_of(const std::string& fault) {
  (void)run(watched_command({MUSTER_FAULTY, fault}));
  return take_reports();
}

std::size_t reads_found_in_restarted() {
  (void)run(watched_restarting_command({MUSTER_FAULTY, "restarted"}));
  const auto text = take_reports();
  std::size_t count = 0;
  for (auto at = text.find("Invalid read"); at != std::string::npos; at = text.find("Invalid read", at + 1)) ++count;
  return count;
}

TEST(Watcher, FindsWhatItIsFor) {
  switch (watcher()) {
    case Watcher::thread_sanitizer:
      EXPECT_THAT(reports_of("race"), HasSubstr("data race"));
      break;
    case Watcher::address_sanitizer:
      EXPECT_THAT(reports_of("leak"), HasSubstr("1234 byte(s) leaked"));
      EXPECT_THAT(reports_of("overrun"), HasSubstr("heap-buffer-overflow"));
      break;
    case Watcher::memcheck:
      EXPECT_THAT(reports_of("leak"), HasSubstr("1,234 bytes in 1 blocks are definitely lost"));
      EXPECT_THAT(reports_of("overrun"), HasSubstr("Invalid read"));
      EXPECT_EQ(reads_found_in_restarted(), 2u)
          << "what was found before it started again is kept, and it stays watched";
      break;
    case Watcher::none:
      FAIL() << "nothing watches: set MUSTER_UNDER=valgrind, or build with a sanitizer";
  }
}

TEST(Watcher, IsSilentAboutAProgramWithoutFault) {
  EXPECT_EQ(reports_of("none"), "");
}

}  // namespace
}  // namespace muster::e2e
