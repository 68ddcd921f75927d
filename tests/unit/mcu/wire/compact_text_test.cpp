// text_character_len agrees with schemas/text.h about every start of a character that there can be.
#include <gtest/gtest.h>

#include "schemas/compact/text.h"
#include "schemas/text.h"

namespace muster {
namespace {

std::size_t expected_len(std::string_view text) {
  return detail::is_control(text.front()) ? 0 : detail::utf8_character_len(text, 0);
}

void compare(std::string_view text) {
  ASSERT_EQ(compact::text_character_len(text.data(), text.data() + text.size()), expected_len(text)) << [&] {
    std::string hex;
    for (const char c : text) hex += std::to_string(static_cast<unsigned char>(c)) + " ";
    return hex;
  }();
}

// The bytes at which the rule for the third and fourth byte of a character changes.
constexpr unsigned edges[] = {0x20, 0x7F, 0x80, 0xBF, 0xC0};

TEST(CompactText, KnowsEveryCharacterOfOneAndTwoBytes) {
  for (unsigned first = 0; first < 256; ++first) {
    const char one[] = {static_cast<char>(first)};
    compare({one, 1});
    for (unsigned second = 0; second < 256; ++second) {
      const char two[] = {static_cast<char>(first), static_cast<char>(second)};
      compare({two, 2});
    }
  }
}

TEST(CompactText, KnowsTheEdgesOfLongerOnes) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      for (const unsigned third : edges) {
        for (const unsigned fourth : edges) {
          const char four[] = {static_cast<char>(first), static_cast<char>(second), static_cast<char>(third),
                               static_cast<char>(fourth)};
          compare({four, 3});
          compare({four, 4});
        }
      }
    }
  }
}

}  // namespace
}  // namespace muster
