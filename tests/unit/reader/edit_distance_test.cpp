#include "examples/reader/edit_distance.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace muster::reader {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(EditDistance, AnUmlautIsOneCharacter) {
  EXPECT_EQ(code_point_count("Müller"), 6U);
  EXPECT_EQ(edit_distance("Müller", "Muller"), 1U);
  EXPECT_EQ(edit_distance("Straße", "StraBe"), 1U);
  EXPECT_EQ(edit_distance("Größe €", "Grosse E"), 4U);
  EXPECT_EQ(code_point_count("\xF0\x9F\x98\x80"), 1U);
}

TEST(EditDistance, BytesThatAreNoUtf8CountOneEach) {
  EXPECT_EQ(code_point_count("a\xFF\xC3"), 3U);
  EXPECT_EQ(code_point_count("\xC3("), 2U);
  EXPECT_EQ(code_point_count("\x80\xC0\xF5"), 3U);
  EXPECT_EQ(edit_distance("\xFF", "\xFF"), 0U);
  EXPECT_EQ(edit_distance("\xFF", "\xFE"), 1U);
}

TEST(EditDistance, LineBreaksAreLayout) {
  EXPECT_EQ(one_line("  Müller \n\n Käserei\t12\n"), "Müller Käserei 12");
  EXPECT_EQ(one_line(" \n\t"), "");
}

// The definition, word for word, without the table.
std::size_t by_definition(std::string_view known, std::string_view read) {
  if (known.empty()) return read.size();
  if (read.empty()) return known.size();
  if (known.front() == read.front()) return by_definition(known.substr(1), read.substr(1));
  const auto deleted = by_definition(known.substr(1), read);
  const auto inserted = by_definition(known, read.substr(1));
  const auto replaced = by_definition(known.substr(1), read.substr(1));
  return 1 + std::min({deleted, inserted, replaced});
}

TEST(EditDistance, AgreesWithItsDefinitionOnRandomTexts) {
  constexpr unsigned seed = 20261;
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> length(0, 7);
  std::uniform_int_distribution<int> letter('a', 'c');
  const auto text = [&] {
    std::string made(static_cast<std::size_t>(length(random)), ' ');
    for (auto& c : made) c = static_cast<char>(letter(random));
    return made;
  };
  for (int i = 0; i < 500; ++i) {
    const auto known = text();
    const auto read = text();
    ASSERT_EQ(edit_distance(known, read), by_definition(known, read))
        << "seed " << seed << ": '" << known << "' → '" << read << "'";
  }
}

}  // namespace
}  // namespace muster::reader
