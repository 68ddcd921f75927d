#include "mcu-client/include/layout_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

TEST(McuLayout, GoodOnePasses) {
  EXPECT_EQ(layout_fault(testing::small_layout()), nullptr);
  Layout without_model = testing::small_layout();
  without_model.slots[1][0] = without_model.slots[1][1] = {};
  EXPECT_EQ(layout_fault(without_model), nullptr);
  EXPECT_FALSE(without_model.has_plane(1));
}

TEST(McuLayout, EachRuleIsNamed) {
  struct Case {
    const char* part;
    std::function<void(Layout&)> spoil;
  };
  const Case cases[] = {
      {"erase_size", [](Layout& l) { l.erase_size = 3000; }},
      {"erase_size", [](Layout& l) { l.erase_size = 512; }},
      {"erase_size", [](Layout& l) { l.erase_size = 0; }},
      {"program_size", [](Layout& l) { l.program_size = 64; }},
      {"program_size", [](Layout& l) { l.program_size = 0; }},
      {"program_size", [](Layout& l) { l.program_size = 12; }},
      {"identity", [](Layout& l) { l.identity.size = 0; }},
      {"identity", [](Layout& l) { l.identity.offset = 8; }},
      {"scratch", [](Layout& l) { l.scratch.size = 100; }},
      {"evidence", [](Layout& l) { l.evidence.size = 1024; }},
      {"boot_log", [](Layout& l) { l.boot_log.size = 1024; }},
      {"settings", [](Layout& l) { l.settings.size = 3 * 1024; }},
      {"whole erase units", [](Layout& l) { l.settings.offset = 0xfffffc00; }},
      {"same size", [](Layout& l) { l.slots[2][1].size += 1024; }},
      {"a slot", [](Layout& l) { l.slots[0][0].offset += 4; }},
      {"longer than its header", [](Layout& l) { l.slots[0][0].size = l.slots[0][1].size = 1024; }},
      {"overlap", [](Layout& l) { l.identity.offset = l.boot_log.offset + 1024; }},
      {"overlap", [](Layout& l) { l.slots[2][1] = l.slots[2][0]; }},
      {"overlap", [](Layout& l) { l.slots[1][0].offset = l.slots[0][0].offset + 1024; }},
  };
  for (const Case& one : cases) {
    Layout layout = testing::small_layout();
    one.spoil(layout);
    const char* what = layout_fault(layout);
    ASSERT_NE(what, nullptr) << one.part;
    EXPECT_NE(std::string(what).find(one.part), std::string::npos) << one.part << ": " << what;
  }
}

TEST(McuError, EveryNumberHasItsName) {
  EXPECT_STREQ(name_of(ok), "ok");
  EXPECT_STREQ(name_of(err_not_found), "not found");
  EXPECT_STREQ(name_of(static_cast<Error>(-99)), "unknown error");
  int named = 0;
  for (int number = -60; number <= 0; ++number) {
    if (std::string(name_of(static_cast<Error>(number))) != "unknown error") ++named;
  }
  EXPECT_EQ(named, 17);
}

}  // namespace
}  // namespace muster::mcu
