#include "operator/json_text.h"

#include <gtest/gtest.h>

namespace muster::ctl {
namespace {

TEST(JsonText, KeepsTheOrderAndEscapesTexts) {
  EXPECT_EQ(json_object({{"b", std::string("a \"quote\"\n")},
                         {"a", std::uint64_t{18446744073709551615u}},
                         {"c", true},
                         {"d", std::vector<std::string>{"x", "y\\"}},
                         {"e", RawJson{"[1,2]"}}}),
            R"({"b":"a \"quote\"\n","a":18446744073709551615,"c":true,"d":["x","y\\"],"e":[1,2]})");
  EXPECT_EQ(json_object({}), "{}");
  EXPECT_EQ(json_array({}), "[]");
}

TEST(JsonText, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(json_object({{"reason", std::string("bad \xff byte")}}), "{\"reason\":\"bad \xef\xbf\xbd byte\"}");
}

TEST(JsonText, IndentsForPeople) {
  EXPECT_EQ(json_pretty(R"({"b":1,"a":[true]})"), "{\n  \"b\": 1,\n  \"a\": [\n    true\n  ]\n}");
  EXPECT_EQ(json_pretty("not json"), "not json");
}

}  // namespace
}  // namespace muster::ctl
