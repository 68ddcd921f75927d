#include "tests/house/shape.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace muster::house {
namespace {

// The only files and functions that may be longer, each with its reason. Empty is how it should stay.
struct Exception {
  std::string_view path;
  std::string_view function;  // empty: the file's own length
  std::string_view reason;
};
const std::vector<Exception>& exceptions() {
  static const std::vector<Exception> table = {};
  return table;
}

bool is_excepted(std::string_view path, std::string_view function) {
  const auto& all = exceptions();
  return std::any_of(all.begin(), all.end(), [&](const auto& e) { return e.path == path && e.function == function; });
}

// Written in halves, so that this file does not find itself.
const std::vector<std::string>& forbidden_words() {
  static const std::vector<std::string> words = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                                 std::string("XX") + "X", std::string("# being ") + "written",
                                                 std::string("// being ") + "written"};
  return words;
}

const std::vector<std::string>& sleeping_calls() {
  static const std::vector<std::string> calls = {std::string("sleep") + "_for", std::string("sleep") + "_until",
                                                 std::string("usl") + "eep", std::string("nanosl") + "eep",
                                                 std::string("sl") + "eep"};
  return calls;
}

const std::vector<std::string>& switched_off_tests() {
  static const std::vector<std::string> marks = {std::string("GTEST_") + "SKIP", std::string("DISABLED")};
  return marks;
}

// True when `word` stands in `line` by itself: not a part of a longer name.
bool has_alone(std::string_view line, std::string_view word) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (auto at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || !is_letter(line[at - 1])) && (end == line.size() || !is_letter(line[end]))) return true;
  }
  return false;
}

std::vector<Finding> find_any(const SourceFile& file, const std::vector<std::string>& words,
                              const std::string& advice) {
  std::vector<Finding> findings;
  std::size_t number = 0;
  for (const auto line : lines_of(file.text)) {
    ++number;
    for (const auto& word : words) {
      if (has_alone(line, word)) findings.push_back({file.path, number, "'" + word + "': " + advice});
    }
  }
  return findings;
}

}  // namespace

std::vector<Finding> check_lengths(const SourceFile& file) {
  std::vector<Finding> findings;
  if (!is_cpp(file.path)) return findings;
  const auto lines = lines_of(file.text).size();
  if (lines > file_lines_max && !is_excepted(file.path, {})) {
    findings.push_back({file.path, 0, std::to_string(lines) + " lines; at most " + std::to_string(file_lines_max)});
  }
  for (const auto& function : functions_of(file)) {
    if (function.lines <= function_lines_max || is_excepted(file.path, function.name)) continue;
    findings.push_back({file.path, function.line,
                        "'" + function.name + "' has " + std::to_string(function.lines) + " lines; at most " +
                            std::to_string(function_lines_max)});
  }
  return findings;
}

std::vector<Finding> check_header(const SourceFile& file) {
  std::vector<Finding> findings;
  if (!is_header(file.path)) return findings;
  const auto lines = lines_of(file.text);
  const bool says_what_it_is = !lines.empty() && starts_with(lines.front(), "// ") && lines.front().size() > 20;
  if (!says_what_it_is) findings.push_back({file.path, 1, "a header begins with a sentence that says what it is"});
  const auto guards = std::count(lines.begin(), lines.end(), std::string_view("#pragma once"));
  if (guards != 1) findings.push_back({file.path, 0, "a header has '#pragma once' once"});
  return findings;
}

std::vector<Finding> check_words(const SourceFile& file) {
  return find_any(file, forbidden_words(), "nothing is left for later in the tree");
}

std::vector<Finding> check_waiting(const SourceFile& file) {
  if (!starts_with(file.path, "tests/") || !is_cpp(file.path)) return {};
  return find_any({file.path, code_only(file.text)}, sleeping_calls(), "tests wait for a condition with a deadline");
}

std::vector<Finding> check_not_generated(const SourceFile& file) {
  const bool generated = ends_with(file.path, "_generated.h") || ends_with(file.path, ".pb.h") ||
                         ends_with(file.path, ".o") || ends_with(file.path, ".so") || ends_with(file.path, ".a") ||
                         ends_with(file.path, "CMakeCache.txt");
  if (!generated) return {};
  return {{file.path, 0, "is made by the build and does not belong into the tree"}};
}

std::vector<Finding> check_tests_run(const SourceFile& file) {
  if (!starts_with(file.path, "tests/") || !is_cpp(file.path)) return {};
  return find_any({file.path, code_only(file.text)}, switched_off_tests(), "a test that does not run proves nothing");
}

}  // namespace muster::house
