// Finds function bodies by walking braces outside of comments and literals. It does not know C++; it knows how our code
// is laid out, which is enough to measure it.
#include <cctype>
#include <string>
#include <string_view>

#include "tests/house/shape.h"

namespace muster::house {
namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") - first + 1));
}

bool has_word(std::string_view text, std::string_view word) {
  const auto is_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool free_before = at == 0 || !is_name(text[at - 1]);
    const bool free_after = at + word.size() >= text.size() || !is_name(text[at + word.size()]);
    if (free_before && free_after) return true;
  }
  return false;
}

// What of a head stands outside of all brackets: "int f(a = 1) const" → "int f() const".
std::string outside_brackets(std::string_view head) {
  std::string text;
  int depth = 0;
  for (const char c : head) {
    if (c == ')' || c == ']') --depth;
    if (depth == 0) text.push_back(c);
    if (c == '(' || c == '[') ++depth;
  }
  return text;
}

enum class Opening { scope, function, initialiser };

// What the text before an opening brace says the brace opens, where no function surrounds it.
Opening classify(std::string_view head_text) {
  const std::string head = trimmed(outside_brackets(head_text));
  if (head.empty() || head.find('(') == std::string::npos) {
    const bool named = has_word(head, "namespace") || has_word(head, "struct") || has_word(head, "class") ||
                       has_word(head, "union") || has_word(head, "enum") || has_word(head, "extern") || head.empty();
    return named ? Opening::scope : Opening::initialiser;
  }
  const bool is_operator = has_word(head, "operator");
  if (!is_operator && head.find('=') != std::string::npos) return Opening::initialiser;
  const auto parameters_end = head.rfind(')');
  const auto colon = head.find(" :");
  const bool initialiser_list = colon != std::string::npos && head.find(')') < colon && head.substr(colon, 3) != " ::";
  const bool after_name = parameters_end + 1 < head.size() && head.back() != '}';
  if (initialiser_list && after_name && head.back() != ')') return Opening::initialiser;
  return Opening::function;
}

std::string name_of_function(std::string_view head_text) {
  const std::string head = trimmed(head_text);
  const auto parameters = head.find('(');
  const auto line_end = head.rfind('\n', parameters);
  const auto start = line_end == std::string::npos ? 0 : line_end;
  return trimmed(std::string_view(head).substr(start, parameters - start));
}

class Walker {
 public:
  explicit Walker(std::string_view code) : code_(code) {}

  std::vector<Function> run() {
    for (; at_ < code_.size(); ++at_) step(code_[at_]);
    return std::move(found_);
  }

 private:
  void step(char c) {
    if (c == '\n') ++line_;
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    if (parentheses_ > 0) return;  // lambdas in arguments belong to the call that they are given to
    if (c == '{') return open();
    if (c == '}' || c == ';') head_start_ = at_ + 1;
  }

  void open() {
    const auto head = code_.substr(head_start_, at_ - head_start_);
    const auto opening = classify(head);
    if (opening == Opening::scope) {
      head_start_ = at_ + 1;
      return;
    }
    const auto first_line = line_;
    skip_to_matching_brace();
    if (opening != Opening::function) return;  // the head goes on after it
    found_.push_back({name_of_function(head), first_line, line_ - first_line + 1});
    head_start_ = at_ + 1;
  }

  void skip_to_matching_brace() {
    int depth = 0;
    for (; at_ < code_.size(); ++at_) {
      if (code_[at_] == '\n') ++line_;
      if (code_[at_] == '{') ++depth;
      if (code_[at_] == '}' && --depth == 0) return;
    }
  }

  std::string_view code_;
  std::vector<Function> found_;
  std::size_t at_ = 0;
  std::size_t head_start_ = 0;
  std::size_t line_ = 1;
  int parentheses_ = 0;
};

}  // namespace

std::vector<Function> functions_of(const SourceFile& file) {
  const std::string code = code_only(file.text);
  return Walker(code).run();
}

}  // namespace muster::house
