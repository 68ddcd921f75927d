// The size and shape of files: lengths of files and functions, how headers begin, words that must not be left behind,
// waiting without a condition in tests, generated code. Tests only; pure, any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/house/source_file.h"

namespace muster::house {

inline constexpr std::size_t file_lines_max = 400;
inline constexpr std::size_t function_lines_max = 70;

// A function body found by counting braces; `name` is the text before its parameters.
struct Function {
  std::string name;
  std::size_t line = 0;
  std::size_t lines = 0;  // from the line of its opening brace to that of its closing one
};
[[nodiscard]] std::vector<Function> functions_of(const SourceFile& file);

[[nodiscard]] std::vector<Finding> check_lengths(const SourceFile& file);
[[nodiscard]] std::vector<Finding> check_header(const SourceFile& file);
[[nodiscard]] std::vector<Finding> check_words(const SourceFile& file);
[[nodiscard]] std::vector<Finding> check_waiting(const SourceFile& file);
[[nodiscard]] std::vector<Finding> check_not_generated(const SourceFile& file);
[[nodiscard]] std::vector<Finding> check_tests_run(const SourceFile& file);

}  // namespace muster::house
