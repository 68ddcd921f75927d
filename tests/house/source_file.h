// A file of the tree as the house checks see it: its path from the repository's root and its text, with the few ways of
// looking at it that several checks share. Tests only; plain values, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster::house {

struct SourceFile {
  std::string path;  // from the repository's root, with '/': "rules/engine/engine.h"
  std::string text;
};

// Something that breaks a rule of the house, as an editor can jump to it.
struct Finding {
  std::string path;
  std::size_t line = 0;  // from 1; 0: the whole file
  std::string what;

  [[nodiscard]] std::string sentence() const;
};

struct Include {
  std::string name;  // what stands between the quotes or brackets
  std::size_t line = 0;
  bool system = false;  // written with <>
};

// Every file below `root`, sorted, without build trees, version control and what a demo leaves behind. Binary files
// have their path but no text.
[[nodiscard]] std::vector<SourceFile> read_tree(const std::string& root);

[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
[[nodiscard]] std::vector<Include> includes_of(const SourceFile& file);

// The text with comments, string and character literals and preprocessor lines blanked out; every line keeps its
// number.
[[nodiscard]] std::string code_only(std::string_view text);

[[nodiscard]] bool starts_with(std::string_view text, std::string_view prefix);
[[nodiscard]] bool ends_with(std::string_view text, std::string_view suffix);
[[nodiscard]] bool is_cpp(std::string_view path);     // a C or C++ source or header
[[nodiscard]] bool is_header(std::string_view path);  // .h or .hpp

}  // namespace muster::house
