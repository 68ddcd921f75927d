// Topics, ids and texts: builders and parsers are inverse, and nothing that people or attackers write confuses them.
#include <gtest/gtest.h>

#include <random>

#include "schemas/bytes.h"
#include "schemas/ids.h"
#include "schemas/text.h"
#include "schemas/topics.h"

namespace muster {
namespace {

constexpr TopicKind last_kind = TopicKind::metrics;

bool has_name(TopicKind kind) {
  return kind != TopicKind::fleet_directive && kind != TopicKind::trust_root && kind != TopicKind::metrics;
}

std::string random_id(std::mt19937& random, std::size_t len_max) {
  static constexpr std::string_view letters = "ABCXYZabcxyz0189._-";
  std::string id;
  const auto len = 1 + random() % len_max;
  for (std::size_t i = 0; i < len; ++i) id.push_back(letters[random() % letters.size()]);
  if (id.front() == '.') id.front() = 'a';
  return id;
}

TEST(Topics, WhatABuilderWritesTheParserReads) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    Topic topic;
    topic.kind = static_cast<TopicKind>(1 + random() % static_cast<unsigned>(last_kind));
    std::string name;
    if (has_name(topic.kind)) name = random_id(random, 64);
    if (topic.kind == TopicKind::group_directive) {
      name = std::string(group_attributes[random() % std::size(group_attributes)]) + "=" + name;
    }
    topic.name = name;
    const auto text = format_topic(topic);
    ASSERT_FALSE(text.view().empty()) << static_cast<unsigned>(topic.kind) << " " << name;
    EXPECT_EQ(parse_topic(text.view()), topic) << text.view();
    EXPECT_EQ(text.c_str()[text.size], '\0');
  }
}

// Pieces of real topics in random order come close enough to real ones to find a parser's weak places.
TEST(Topics, WhatTheParserKnowsTheBuilderWritesAgain) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  static constexpr std::string_view pieces[] = {
      "muster/v1/", "muster/v1", "device/",    "group/", "fleet/", "directive", "/state",     "/chunk",
      "/get",       "gw-17",     "region=de",  "tag=",   "/",      "",          "#",          "+",
      "rollout/",   "metrics",   "trust/root", "\xFF",   "a.b",    "/ack",      "/directive", "/assignment"};
  int known = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text = random() % 8 == 0 ? "" : "muster/v1/";
    const auto count = random() % 5;
    for (unsigned i = 0; i < count; ++i) text += pieces[random() % std::size(pieces)];
    if (random() % 8 == 0) text.push_back(static_cast<char>(random()));
    const auto topic = parse_topic(text);
    if (topic.kind == TopicKind::unknown) continue;
    ++known;
    EXPECT_EQ(format_topic(topic).view(), text);
  }
  EXPECT_GT(known, 100) << "the pieces should hit real topics often enough to test anything";
}

TEST(Topics, NearMissesAreUnknown) {
  for (const char* text : {"",
                           "muster",
                           "muster/v1",
                           "muster/v1/",
                           "muster/v2/device/a/state",
                           "MUSTER/v1/device/a/state",
                           "muster/v1/device//state",
                           "muster/v1/device/a",
                           "muster/v1/device/a/",
                           "muster/v1/device/a/state/",
                           "muster/v1/device/a/b/state",
                           "muster/v1/device/+/state",
                           "muster/v1/device/#",
                           "muster/v1/device/a/chunk/get/x",
                           "muster/v1/device/a/chunk/",
                           "muster/v1/group/region/directive",
                           "muster/v1/group/=de/directive",
                           "muster/v1/group/region=/directive",
                           "muster/v1/group/colour=red/directive",
                           "muster/v1/group/region=a=b/directive",
                           "muster/v1/fleet",
                           "muster/v1/rollout/",
                           "muster/v1/rollout/a/b",
                           "muster/v1/metrics/",
                           "/muster/v1/metrics",
                           "$CONTROL/muster/v1"}) {
    EXPECT_EQ(parse_topic(text).kind, TopicKind::unknown) << text;
  }
  const std::string long_name = "muster/v1/device/" + std::string(65, 'a') + "/state";
  EXPECT_EQ(parse_topic(long_name).kind, TopicKind::unknown);
}

TEST(Topics, ABuilderRefusesNamesThatAreNone) {
  EXPECT_TRUE(format_topic({TopicKind::device_state, ""}).view().empty());
  EXPECT_TRUE(format_topic({TopicKind::device_state, "a/b"}).view().empty());
  EXPECT_TRUE(format_topic({TopicKind::group_directive, "region"}).view().empty());
  EXPECT_TRUE(format_topic({TopicKind::metrics, "x"}).view().empty());
  EXPECT_TRUE(format_topic({TopicKind::unknown, ""}).view().empty());
}

TEST(Topics, AreTheOnesOfTheDocument) {
  EXPECT_EQ(format_topic({TopicKind::device_state, "gw-17"}).view(), "muster/v1/device/gw-17/state");
  EXPECT_EQ(format_topic({TopicKind::chunk_get, "gw-17"}).view(), "muster/v1/device/gw-17/chunk/get");
  EXPECT_EQ(format_topic({TopicKind::group_directive, "region=de"}).view(), "muster/v1/group/region=de/directive");
  EXPECT_EQ(format_topic({TopicKind::fleet_directive, ""}).view(), "muster/v1/fleet/directive");
  EXPECT_EQ(format_topic({TopicKind::trust_root, ""}).view(), "muster/v1/trust/root");
  EXPECT_EQ(format_topic({TopicKind::rollout, "r1"}).view(), "muster/v1/rollout/r1");
}

TEST(Ids, CharactersAreExactlyTheOnesOfTheDocument) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  for (int code = 0; code < 256; ++code) {
    const char c = static_cast<char>(code);
    EXPECT_EQ(is_id(std::string("x") + c), plain.find(c) != std::string_view::npos) << code;
  }
  EXPECT_TRUE(is_id(std::string(64, 'a')));
  EXPECT_FALSE(is_id(std::string(65, 'a')));
  EXPECT_FALSE(is_id(""));
  EXPECT_FALSE(is_id(".a"));
}

TEST(Ids, ReleaseRefs) {
  ReleaseRef ref;
  EXPECT_TRUE(parse_release_ref("yolo-v8n@2.1.0", ref));
  EXPECT_EQ(ref.name, "yolo-v8n");
  EXPECT_EQ(ref.version, "2.1.0");
  for (const char* text : {"", "@", "a@", "@1", "a@b@c", "a b@1", "a", ".a@1"}) {
    EXPECT_FALSE(parse_release_ref(text, ref)) << text;
    EXPECT_EQ(ref.name, "yolo-v8n") << "untouched";
  }
}

TEST(Ids, Scopes) {
  for (const char* text : {"fleet", "device/gw-17", "group/tag=lab", "group/os_version=12"})
    EXPECT_TRUE(is_scope(text)) << text;
  for (const char* text :
       {"", "Fleet", "fleet/", "device/", "device", "group/", "group/tag", "device/a/b", "group/x=1"}) {
    EXPECT_FALSE(is_scope(text)) << text;
  }
}

TEST(Texts, WellFormedUtf8WithoutControlCharacters) {
  for (const char* text :
       {"", "plain", "tab\tand\nnewline", "größer", "日本", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(is_text(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xE2\x82", "\xFF", "a\rb", "\x1B[0m", "\x7F", "\x01"}) {
    EXPECT_FALSE(is_text(text)) << testing::PrintToString(text);
  }
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
}

// is_text looks at eight characters at a time; its twin at one.
TEST(Texts, EveryByteAtEveryPlaceIsJudgedAlike) {
  const auto twin = [](std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto len = detail::utf8_character_len(text, at);
      if (len == 0 || detail::is_control(text[at])) return false;
      at += len;
    }
    return true;
  };
  for (const std::string around :
       {"0123456789 ~abcdefghijk", "größer als sonst, 日本語", "\t\n tab and newline \t\n"}) {
    for (std::size_t place = 0; place < around.size(); ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = around;
        text[place] = static_cast<char>(byte);
        EXPECT_EQ(is_text(text), twin(text)) << byte << " at " << place << " of " << around;
      }
    }
  }
}

TEST(Texts, AnythingCanBeMadeOne) {
  EXPECT_EQ(clean_text("caf\xE9 \x1B[1m", 100), "caf? ?[1m");
  EXPECT_EQ(clean_text("größer", 3), "gr") << "no half characters";
  EXPECT_EQ(clean_text("größer", 4), "grö");
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, ' ');
    for (auto& c : text) c = static_cast<char>(random() % 3 == 0 ? 0xC0 + random() % 64 : random());
    const auto len_max = random() % 40;
    const auto clean = clean_text(text, len_max);
    EXPECT_TRUE(is_text(clean)) << testing::PrintToString(text);
    EXPECT_LE(clean.size(), len_max);
    if (is_text(text) && text.size() <= len_max) {
      EXPECT_EQ(clean, text);
    }
  }
}

TEST(Hex, DigestsRoundTrip) {
  Sha256 digest;
  for (std::size_t i = 0; i < 32; ++i) digest.bytes[i] = static_cast<std::uint8_t>(i * 9);
  Sha256 parsed;
  EXPECT_TRUE(parse_hex(to_hex(digest), parsed));
  EXPECT_EQ(parsed, digest);
  EXPECT_FALSE(parse_hex(to_hex(digest).substr(1), parsed));
  EXPECT_FALSE(parse_hex(std::string(63, '0') + "g", parsed));
  EXPECT_EQ(parsed, digest);
}

}  // namespace
}  // namespace muster
