#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/condition/fixture.h"

namespace muster::rules::test {
namespace {

class Device : public testing::Test {
 protected:
  Device() {
    device_.set("device.class", Value::of("rk3566"));
    device_.set("device.region", Value::of("eu"));
    device_.set("device.memory_mb", Value::of(2048.0));
    device_.set("device.tags", Value::of_list(tags_, 2));
    device_.set("device.accelerators", Value::of_list(nullptr, 0));
  }
  std::string target(std::string_view text) const { return ask(text, target_vocabulary(), device_); }

  std::string_view tags_[2] = {"lab", "line-3"};
  Readings device_;
};

TEST_F(Device, MatchesTheDesignsExample) {
  const std::string rule = R"(device.class == "rk3566" && device.region in ["eu", "us"] && !("lab" in device.tags))";
  EXPECT_EQ(target(rule), "no");
  device_.set("device.tags", Value::of_list(tags_ + 1, 1));
  EXPECT_EQ(target(rule), "yes");
  device_.set("device.region", Value::of("cn"));
  EXPECT_EQ(target(rule), "no");
}

TEST_F(Device, Compares) {
  EXPECT_EQ(target("device.memory_mb == 2048"), "yes");
  EXPECT_EQ(target("device.memory_mb != 2048"), "no");
  EXPECT_EQ(target("device.memory_mb < 2048"), "no");
  EXPECT_EQ(target("device.memory_mb <= 2048"), "yes");
  EXPECT_EQ(target("device.memory_mb > 2047.5"), "yes");
  EXPECT_EQ(target("device.memory_mb >= 2.049e3"), "no");
  EXPECT_EQ(target("'eu' == device.region"), "yes");
  EXPECT_EQ(target("device.region != \"eu\""), "no");
  EXPECT_EQ(target("device.region == \"eu \""), "no");
  EXPECT_EQ(target("true != false"), "yes");
  EXPECT_EQ(target("(device.region == 'eu') == (device.class == 'rk3566')"), "yes");
}

TEST_F(Device, LooksIntoLists) {
  EXPECT_EQ(target("\"lab\" in device.tags"), "yes");
  EXPECT_EQ(target("\"la\" in device.tags"), "no");
  EXPECT_EQ(target("\"npu\" in device.accelerators"), "no");
  EXPECT_EQ(target("device.memory_mb in [1024, 2048, -1]"), "yes");
  EXPECT_EQ(target("device.memory_mb in [1024, 4096]"), "no");
  EXPECT_EQ(target("true in [false]"), "no");
  EXPECT_EQ(target("device.region in ['eu',]"), "yes");
}

TEST_F(Device, BindsAsCelDoes) {
  EXPECT_EQ(target("true || false && false"), "yes");
  EXPECT_EQ(target("(true || false) && false"), "no");
  EXPECT_EQ(target("1 + 2 * 3 == 7"), "yes");
  EXPECT_EQ(target("10 - 4 - 3 == 3"), "yes");
  EXPECT_EQ(target("16 / 4 / 2 == 2"), "yes");
  EXPECT_EQ(target("-2 * -3 == 6"), "yes");
  EXPECT_EQ(target("2 - -2 == 4"), "yes");
  EXPECT_EQ(target("-(1 + 2) == -3"), "yes");
  EXPECT_EQ(target("!!true"), "yes");
  EXPECT_EQ(target("!false == true"), "yes");
}

TEST_F(Device, ReadsCelEscapes) {
  device_.set("device.site", Value::of("a\"b'c\\d\ne\té€😀"));
  EXPECT_EQ(target(R"(device.site == "a\"b'c\\d\ne\té€😀")"), "yes");
  EXPECT_EQ(target(R"(device.site == 'a"b\'c\\d\012e\x09\u00e9\u20AC\U0001F600')"), "yes");
}

TEST_F(Device, UnknownIsNeitherMetNorRefuted) {
  EXPECT_EQ(target("device.site == \"plant-7\""), "unknown");
  EXPECT_EQ(target("device.site != \"plant-7\""), "unknown");
  EXPECT_EQ(target("!(device.site == \"plant-7\")"), "unknown");
  EXPECT_EQ(target("device.site in [\"plant-7\"]"), "unknown");
  EXPECT_EQ(target("device.site == device.customer"), "unknown");
}

TEST_F(Device, KleeneTables) {
  const struct {
    const char* text;
    bool known, value;
  } sides[] = {{"true", true, true}, {"false", true, false}, {"device.site == 'x'", false, false}};
  for (const auto& a : sides) {
    for (const auto& b : sides) {
      const bool both = a.known && b.known;
      const std::string all = (a.known && !a.value) || (b.known && !b.value) ? "no" : both ? "yes" : "unknown";
      const std::string any = (a.known && a.value) || (b.known && b.value) ? "yes" : both ? "no" : "unknown";
      EXPECT_EQ(target(std::string(a.text) + " && " + b.text), all) << a.text << " && " << b.text;
      EXPECT_EQ(target(std::string(a.text) + " || " + b.text), any) << a.text << " || " << b.text;
    }
  }
}

class Recovery : public testing::Test {
 protected:
  std::string rule(std::string_view text) const { return ask(text, recovery_vocabulary(), readings_); }
  Readings readings_;
};

TEST_F(Recovery, RulesOfTheDesign) {
  readings_.set("inference_p99_ms", Value::of(41.2));
  readings_.set("slo_ms", Value::of(20.0));
  readings_.set("gpu_oom_count", Value::of(2.0));
  EXPECT_EQ(rule("inference_p99_ms > 2 * slo_ms"), "yes");
  EXPECT_EQ(rule("gpu_oom_count > 2"), "no");
  EXPECT_EQ(rule("crash_loop_count > 3"), "unknown");
  EXPECT_EQ(rule("gpu_oom_count > 1 || crash_loop_count > 3"), "yes");
}

TEST_F(Recovery, AnyOtherPlainNameIsATaskMetric) {
  readings_.set("belt_speed", Value::of(3.0));
  EXPECT_EQ(rule("belt_speed / 2 >= 1.5"), "yes");
  EXPECT_EQ(rule("label_count > 0"), "unknown");
}

TEST_F(Recovery, NumbersThatAreNoneAreUnknown) {
  readings_.set("zero", Value::of(0.0));
  readings_.set("none", Value::of(std::nan("")));
  readings_.set("endless", Value::of(std::numeric_limits<double>::infinity()));
  readings_.set("huge", Value::of(1e308));
  EXPECT_EQ(rule("1 / zero > 0"), "unknown");
  EXPECT_EQ(rule("1 / -zero > 0"), "unknown");
  EXPECT_EQ(rule("none == none"), "unknown");
  EXPECT_EQ(rule("none != 1"), "unknown");
  EXPECT_EQ(rule("endless > 1"), "unknown");
  EXPECT_EQ(rule("huge * 10 > 1"), "unknown");
  EXPECT_EQ(rule("huge * 10 > 1 || true"), "yes");
  EXPECT_EQ(rule("none in [1, 2]"), "unknown");
}

// The environment decides types when it runs; whatever it returns, the outcome is defined.
TEST_F(Recovery, ValuesOfAnotherTypeAreUnknown) {
  const std::string_view items[] = {"a"};
  for (const Value& wrong : {Value::of("text"), Value::of(true), Value::of_list(items, 1)}) {
    readings_.set("m", wrong);
    for (const char* text : {"m > 1", "m == 1", "m != 1", "-m < 1", "m + 1 > 0", "m in [1]", "1 + m * 2 <= 7"}) {
      EXPECT_EQ(rule(text), "unknown") << text;
    }
  }
}

}  // namespace
}  // namespace muster::rules::test
