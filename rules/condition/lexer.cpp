#include "rules/condition/lexer.h"

#include <charconv>

#include "rules/condition/quoted.h"

namespace muster::rules {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || is_digit(c);
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct Symbol {
  std::string_view text;
  TokenKind kind;
  std::string_view meant;  // not empty: a slip for this
};

// Longer symbols first, so that <= is not read as <.
constexpr Symbol symbols[] = {
    {"===", TokenKind::equal, "=="},     {"!==", TokenKind::not_equal, "!="},  {"==", TokenKind::equal, ""},
    {"!=", TokenKind::not_equal, ""},    {"<>", TokenKind::not_equal, "!="},   {"<=", TokenKind::less_equal, ""},
    {"=<", TokenKind::less_equal, "<="}, {">=", TokenKind::greater_equal, ""}, {"=>", TokenKind::greater_equal, ">="},
    {"&&", TokenKind::logical_and, ""},  {"||", TokenKind::logical_or, ""},    {"<", TokenKind::less, ""},
    {">", TokenKind::greater, ""},       {"=", TokenKind::equal, "=="},        {"&", TokenKind::logical_and, "&&"},
    {"|", TokenKind::logical_or, "||"},  {"!", TokenKind::logical_not, ""},    {"+", TokenKind::plus, ""},
    {"-", TokenKind::minus, ""},         {"*", TokenKind::times, ""},          {"/", TokenKind::divided_by, ""},
    {"(", TokenKind::open, ""},          {")", TokenKind::close, ""},          {"[", TokenKind::open_list, ""},
    {"]", TokenKind::close_list, ""},    {",", TokenKind::comma, ""},
};

constexpr Symbol words[] = {
    {"true", TokenKind::yes, ""},          {"false", TokenKind::no, ""},          {"in", TokenKind::in, ""},
    {"and", TokenKind::logical_and, "&&"}, {"AND", TokenKind::logical_and, "&&"}, {"or", TokenKind::logical_or, "||"},
    {"OR", TokenKind::logical_or, "||"},   {"not", TokenKind::logical_not, "!"},  {"NOT", TokenKind::logical_not, "!"},
    {"True", TokenKind::yes, "true"},      {"TRUE", TokenKind::yes, "true"},      {"False", TokenKind::no, "false"},
    {"FALSE", TokenKind::no, "false"},
};

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<ConditionError>& errors) : text_(text), errors_(errors) {}

  std::vector<Token> run() {
    while (true) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        read_number();
      } else if (starts_name(c)) {
        read_word();
      } else if (c == '"' || c == '\'') {
        Token& token = add(TokenKind::text, 0);
        at_ = read_quoted(text_, at_, token.text, errors_);
        token.source = text_.substr(token.offset, at_ - token.offset);
      } else {
        read_symbol();
      }
    }
    at_ = text_.size();
    add(TokenKind::end, 0);
    return std::move(tokens_);
  }

 private:
  Token& add(TokenKind kind, std::size_t length) {
    Token token;
    token.kind = kind;
    token.offset = at_;
    token.source = text_.substr(at_, length);
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  void add(const Symbol& symbol) {
    if (!symbol.meant.empty()) {
      error(at_, "'" + std::string(symbol.text) + "' means nothing here", "write " + std::string(symbol.meant));
    }
    add(symbol.kind, symbol.text.size());
    at_ += symbol.text.size();
  }

  // Decimal only: 5, 2.5, 1e3.
  void read_number() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '.') ++at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      std::size_t digits = at_ + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (digits < text_.size() && is_digit(text_[digits])) at_ = digits;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    }
    const std::size_t digits_end = at_;
    while (at_ < text_.size() && (continues_name(text_[at_]) || text_[at_] == '.')) ++at_;
    const std::string_view source = text_.substr(begin, at_ - begin);
    double number = 0;
    const auto read = std::from_chars(text_.data() + begin, text_.data() + digits_end, number);
    const bool malformed = at_ != digits_end || read.ptr != text_.data() + digits_end;
    if (malformed) {
      error(begin, "'" + std::string(source) + "' is not a number",
            "a decimal number without a unit, such as 250 or 2.5; put texts such as versions in quote marks");
    } else if (read.ec != std::errc()) {
      error(begin, "'" + std::string(source) + "' is outside what a number can hold",
            "a number between -1e308 and 1e308");
    }
    at_ = begin;
    Token& token = add(TokenKind::number, source.size());
    token.number = number;
    token.broken = malformed || read.ec != std::errc();
    at_ += source.size();
  }

  // Names may have dots inside: device.region.
  void read_word() {
    std::size_t end = at_;
    while (end < text_.size() && (continues_name(text_[end]) ||
                                  (text_[end] == '.' && end + 1 < text_.size() && starts_name(text_[end + 1])))) {
      ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    for (const Symbol& known : words) {
      if (known.text == word) return add(known);
    }
    add(TokenKind::name, word.size());
    at_ = end;
  }

  void read_symbol() {
    for (const Symbol& symbol : symbols) {
      if (text_.substr(at_, symbol.text.size()) == symbol.text) return add(symbol);
    }
    const std::size_t length = utf8_len(text_, at_);
    if (length == 0) {
      error(at_, "bytes that are not UTF-8", "save the file as UTF-8");
    } else {
      const std::string character(text_.substr(at_, length));
      const bool quote = character == "“" || character == "”" || character == "„" || character == "‘" ||
                         character == "’" || character == "`";
      error(at_, "'" + character + "' is not part of the language",
            quote ? "straight quote marks, \" or '" : "see docs/conditions.md for what a condition may hold");
    }
    at_ += length == 0 ? 1 : length;
  }

  void error(std::size_t offset, std::string what, std::string expected) {
    errors_.push_back({offset, std::move(what), std::move(expected)});
  }

  std::string_view text_;
  std::vector<ConditionError>& errors_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, std::vector<ConditionError>& errors) {
  return Lexer(text, errors).run();
}

}  // namespace muster::rules
