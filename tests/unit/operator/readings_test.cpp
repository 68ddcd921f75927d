// What comes out of evidence files, and that whatever is in them gives values or a reason.
#include "operator/readiness/readings.h"

#include <gtest/gtest.h>

#include "schemas/limits.h"

namespace muster::ctl {
namespace {

using Fault = Readings::Fault;

std::string json_at(const std::string& text, const std::string& pointer) {
  const auto readings = JsonDocument(text).at(pointer);
  return readings.fault == Fault::none ? readings.values.at(0).text : readings.why;
}

TEST(Readings, FindsAValueByItsPointer) {
  const std::string text = R"({"a": {"b.c": [1, {"x/y": 18.2, "m~n": "s"}], "t": true, "n": null}})";
  EXPECT_EQ(json_at(text, "/a/b.c/0"), "1");
  EXPECT_EQ(json_at(text, "/a/b.c/1/x~1y"), "18.2");
  EXPECT_EQ(json_at(text, "/a/b.c/1/m~0n"), "s");
  EXPECT_EQ(json_at(text, "/a/t"), "true");
  EXPECT_EQ(json_at(text, "/a/b.c/2"), "has no /a/b.c/2");
  EXPECT_EQ(json_at(text, "/a/b.c/01x"), "has no /a/b.c/01x");
  EXPECT_EQ(json_at(text, "/a/t/x"), "has no /a/t/x");
  EXPECT_EQ(json_at(text, "/a/n"), "has null at /a/n");
  EXPECT_EQ(json_at(text, "/a"), "has a list or an object at /a, no value");
  EXPECT_EQ(JsonDocument(text).at("/a/n").fault, Fault::absent) << "null is not measured";
  EXPECT_EQ(*JsonDocument(text).at("/a/b.c/1/x~1y").values.at(0).number, 18.2);
  EXPECT_FALSE(JsonDocument(R"({"a": "18.2"})").at("/a").values.at(0).number) << "a text is no number";
}

TEST(Readings, WhatIsNoJsonSaysWhere) {
  for (const char* bad : {"", "{", R"({"a": NaN})", R"({"a": 1e999})", "{'a': 1}", "\xff", R"({"a": 1} 2)"}) {
    const auto readings = JsonDocument(bad).at("/a");
    EXPECT_EQ(readings.fault, Fault::unreadable) << bad;
    EXPECT_EQ(readings.why.substr(0, 12), "is no JSON: ") << bad;
  }
  EXPECT_EQ(json_at(R"({"a": 1, "b": {"a": 2}, "a": 99})", "/a"), "has the key a twice in one object");
  EXPECT_EQ(json_at(R"([{"a": 1}, {"a": 2}])", "/1/a"), "2") << "once in each of two objects";
  EXPECT_EQ(json_at(std::string(1'000'000, '['), "/0").substr(0, 9), "is nested");
}

std::string cells(const std::string& text, const std::string& column, const std::string& row_column = "",
                  const std::string& row = "") {
  const auto readings = read_column(text, column, row_column, row);
  if (readings.fault != Fault::none) return readings.why;
  std::string all;
  for (const auto& value : readings.values) all += std::to_string(value.line) + ":" + value.text + " ";
  return all;
}

TEST(Readings, TakesTheCellsOfAColumn) {
  const std::string text =
      "\xEF\xBB\xBF"
      "class, p95 ,note\r\nA,18.2,\"one, \"\"two\"\"\nlines\"\r\n\r\nB,24.7,\nA,19,x";
  EXPECT_EQ(cells(text, "p95"), "2:18.2 5:24.7 6:19 ");
  EXPECT_EQ(cells(text, "p95", "class", "A"), "2:18.2 6:19 ");
  EXPECT_EQ(cells(text, "note", "p95", "18.2"), "2:one, \"two\"\nlines ");
  EXPECT_EQ(cells(text, "p95", "class", "C"), "has no row for class C");
  EXPECT_EQ(cells(text, "note", "class", "B"), "has an empty note in line 5");
  EXPECT_EQ(cells(text, "p50", "class", "A"), "has no column p50; its first line names class, p95, note");
  EXPECT_EQ(cells("class;p95\nA;1\n", "p95", "class", "A"), "has no column p95; its first line names class;p95");
  EXPECT_EQ(cells("a,b,a\n1,2,3\n", "a"), "has the column a twice");
  EXPECT_EQ(cells("a,b\n1\n", "b"), "has an empty b in line 2");
  EXPECT_EQ(cells("a,b\n1,18,2\n", "b"), "has more cells in line 2 than its first line has columns");
  EXPECT_EQ(cells("a,b\n", "b"), "has no row");
  EXPECT_EQ(cells("", "b"), "has no line");
  EXPECT_EQ(cells("a\n\"1\n2", "a"), "is no CSV: line 2 begins a quoted cell that does not end");
  EXPECT_EQ(cells("a\n\"1\"2\n", "a"), "is no CSV: line 2 goes on behind a quoted cell");
  EXPECT_EQ(cells("a\n1\r2\n", "a"), "is no CSV: line 2 holds a lone CR");
  EXPECT_EQ(cells(std::string(300, ',') + "\n", "a"), "is no CSV: line 1 has more than 256 cells");
}

TEST(Readings, TakesTheWordsBehindAText) {
  const auto words = [](const std::string& text, const std::string& place) {
    std::string all;
    for (const auto& value : read_words_after(text, place).values)
      all += std::to_string(value.line) + ":" + value.text + " ";
    return all;
  };
  EXPECT_EQ(words("x\nhours=6.0, hours=\t7\r\nhours=\n", "hours="), "2:6.0 2:7 3: ");
  EXPECT_EQ(words("sha256: abc)\n", "sha256:"), "1:abc ");
  EXPECT_EQ(words("h=1, 2\nh=3,\n", "h="), "1:1 2:3 ");
  EXPECT_EQ(words("h=1,9 h=1,234,567)", "h="), "1:1,9 1:1,234,567 ");
  EXPECT_FALSE(read_words_after("h=1,9", "h=").values.at(0).number) << "not a part of it";
  EXPECT_EQ(read_words_after("nothing", "hours=").fault, Fault::absent);
  const auto endless = read_words_after("hours=" + std::string(2000, '1'), "hours=");
  EXPECT_EQ(endless.values.at(0).text.size(), limits::text_len_max);
  EXPECT_FALSE(endless.values.at(0).number) << "what was cut is no number";
}

TEST(Readings, AFileOfNothingButValuesIsRefused) {
  std::string words, column = "a\n";
  for (int i = 0; i < 250'001; ++i) {
    words += "y=";
    column += "1\n";
  }
  EXPECT_EQ(read_words_after(words, "y=").why, "has more than 250000 such values");
  EXPECT_EQ(read_words_after(words.substr(2), "y=").values.size(), 250'000u);
  EXPECT_EQ(read_column(column, "a", "", "").why, "has more than 250000 such values");
  EXPECT_EQ(read_column(column.substr(0, column.size() - 2), "a", "", "").values.size(), 250'000u);
}

TEST(Readings, FindsLinesByPattern) {
  EXPECT_EQ(find_line("a\nsignature of x: verified\r\n", "signature * verified"), 2u);
  EXPECT_EQ(find_line("a\nverified signature\n", "signature*verified"), 0u);
  EXPECT_EQ(find_line("abab\n", "ab*ab"), 1u);
  EXPECT_EQ(find_line("aba\n", "ab*ba"), 0u) << "the parts do not overlap";
  EXPECT_EQ(find_line("last line", "line"), 1u);
  EXPECT_EQ(find_line("", "x"), 0u);
  const std::string line(1u << 20, 'a');
  EXPECT_EQ(find_line(line + "\n", "a*a*a*a*a*a*a*a*b"), 0u) << "and does not take long";
}

TEST(Readings, PlainTextIsUtf8WithoutEscapes) {
  for (const char* good : {"", "a\tb\r\n", "18 \xC2\xB5s", "\xF0\x9F\x9A\xA2"}) EXPECT_TRUE(is_plain(good)) << good;
  EXPECT_FALSE(is_plain(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_plain("o\x1b[31mpen: ticket")) << "open: would not be found";
  EXPECT_FALSE(is_plain("ERROR\xff\xfe"));
  EXPECT_FALSE(is_plain("cut \xC3"));
}

TEST(Readings, NumbersAreDecimalAndFinite) {
  EXPECT_EQ(number_from("18.2"), 18.2);
  EXPECT_EQ(number_from("-1e-3"), -0.001);
  for (const char* none : {"", "nan", "NaN", "inf", "-inf", "1e999", "0x10", "18,2", "18.2 ms", "+1", " 1"}) {
    EXPECT_FALSE(number_from(none)) << none;
  }
}

}  // namespace
}  // namespace muster::ctl
