#include "tests/house/source_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace muster::house {
namespace {

namespace fs = std::filesystem;

bool is_skipped_folder(const std::string& name) {
  static const std::set<std::string> skipped = {".git", "build", "demo-state", ".cache"};
  return skipped.count(name) != 0;
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  std::string read = text.str();
  if (read.find('\0') != std::string::npos) read.clear();
  return read;
}

// Walks C++ text once and blanks what is no code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), out_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    if (at_line_start_ && text_[at_] == '#') return blank_preprocessor();
    if (starts("//")) return blank_until_line_end();
    if (starts("/*")) return blank_until("*/", 2);
    if (starts("R\"")) return blank_raw_string();
    if (text_[at_] == '"') return blank_quoted('"');
    if (text_[at_] == '\'' && !after_digit()) return blank_quoted('\'');
    const char c = text_[at_++];
    if (c == '\n')
      at_line_start_ = true;
    else if (c != ' ' && c != '\t')
      at_line_start_ = false;
  }

  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  // 1'000'000 holds digit separators, not characters.
  [[nodiscard]] bool after_digit() const {
    return at_ > 0 && at_ + 1 < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0 &&
           std::isxdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0;
  }

  void blank_one() {
    if (text_[at_] != '\n') out_[at_] = ' ';
    ++at_;
  }

  void blank_until_line_end() {
    while (at_ < text_.size() && text_[at_] != '\n') blank_one();
  }

  void blank_until(std::string_view end, std::size_t skip) {
    const auto found = text_.find(end, at_ + skip);
    const auto stop = found == std::string_view::npos ? text_.size() : found + end.size();
    while (at_ < stop) blank_one();
  }

  void blank_preprocessor() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\n' && (at_ == 0 || text_[at_ - 1] != '\\')) return;
      blank_one();
    }
  }

  void blank_raw_string() {
    const auto open = text_.find('(', at_);
    if (open == std::string_view::npos) return blank_one();
    const std::string end = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    blank_until(end, 2);
    at_line_start_ = false;
  }

  void blank_quoted(char quote) {
    blank_one();
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) blank_one();
      blank_one();
    }
    if (at_ < text_.size()) blank_one();
    at_line_start_ = false;
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
  bool at_line_start_ = true;
};

}  // namespace

std::string Finding::sentence() const {
  return line == 0 ? path + ": " + what : path + ":" + std::to_string(line) + ": " + what;
}

std::vector<SourceFile> read_tree(const std::string& root) {
  std::vector<SourceFile> files;
  auto walk = fs::recursive_directory_iterator(root);
  for (const auto& entry : walk) {
    if (entry.is_directory() && is_skipped_folder(entry.path().filename().string())) {
      walk.disable_recursion_pending();
      continue;
    }
    if (!entry.is_regular_file()) continue;
    files.push_back({fs::relative(entry.path(), root).generic_string(), read_text(entry.path())});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> includes;
  std::size_t number = 0;
  for (auto line : lines_of(file.text)) {
    ++number;
    const auto hash = line.find_first_not_of(" \t");
    if (hash == std::string_view::npos || line[hash] != '#') continue;
    const auto word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string_view::npos || line.substr(word, 7) != "include") continue;
    const auto open = line.find_first_of("<\"", word + 7);
    if (open == std::string_view::npos) continue;
    const char closing = line[open] == '<' ? '>' : '"';
    const auto close = line.find(closing, open + 1);
    if (close == std::string_view::npos) continue;
    includes.push_back({std::string(line.substr(open + 1, close - open - 1)), number, closing == '>'});
  }
  return includes;
}

std::string code_only(std::string_view text) {
  return Blanker(text).run();
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool is_header(std::string_view path) {
  return ends_with(path, ".h") || ends_with(path, ".hpp");
}

bool is_cpp(std::string_view path) {
  return is_header(path) || ends_with(path, ".cpp") || ends_with(path, ".c");
}

}  // namespace muster::house
