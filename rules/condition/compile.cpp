#include "rules/condition/compile.h"

#include <algorithm>

#include "rules/condition/emit.h"
#include "rules/condition/lexer.h"
#include "rules/condition/parser.h"
#include "rules/condition/program.h"
#include "rules/condition/types.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// What the limits of the machine say about a program that is right in every other way.
ConditionError limit_error(ProgramFault fault, std::size_t length) {
  if (fault == ProgramFault::stack_overflow) {
    return {0, "the condition needs too many values at a time", "fewer nested parentheses"};
  }
  return {0, "the condition takes " + std::to_string(length) + " bytes compiled",
          "at most " + std::to_string(limits::program_len_max) +
              " bytes: shorten its lists, or use a tag or a class instead"};
}

void tidy(std::vector<ConditionError>& errors) {
  std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  if (errors.size() > limits::diagnostics_max) errors.resize(limits::diagnostics_max);
}

// A name that is no name of the language, alone: people write a class so, or `all`. Its parts, taken as a calculation
// where there is a '-' in it, would get messages that help nobody.
bool refuse_bare_word(std::string_view text, const Vocabulary& vocabulary, std::vector<ConditionError>& errors) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n") + 1;
  const auto word = text.substr(begin, end - begin);
  const bool plain = std::all_of(
      word.begin(), word.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
  const bool text_like = plain && word.front() != '-' && std::any_of(word.begin(), word.end(), is_letter);
  if (!text_like || vocabulary.other_identifiers_are_numbers) return false;
  for (const std::string_view known : {"true", "false", "in"}) {
    if (word == known) return false;
  }
  for (const std::string_view every : {"all", "any", "every", "everything", "everyone"}) {
    if (word != every) continue;
    errors.push_back({begin, "'" + std::string(word) + "' is no condition", "true, which is every device"});
    return true;
  }
  const bool one_name = word.find('-') == std::string_view::npos;
  if (one_name && !prefixed_name(word, vocabulary).empty()) return false;  // region: device.region was meant
  const std::string shown(word.substr(0, 64));
  errors.push_back(
      {begin, "'" + shown + "' is a text, not a condition", "what says it: device.class == \"" + shown + "\""});
  return true;
}

}  // namespace

CompiledCondition compile_condition(std::string_view text, const Vocabulary& vocabulary) {
  CompiledCondition result;
  if (text.size() > limits::condition_text_len_max) {
    result.errors.push_back({0, "a condition of " + std::to_string(text.size()) + " bytes",
                             "at most " + std::to_string(limits::condition_text_len_max) + " bytes"});
    return result;
  }
  if (is_blank(text)) {
    result.errors.push_back({0, "the condition is empty", "a comparison, or true for always"});
    return result;
  }
  if (refuse_bare_word(text, vocabulary, result.errors)) return result;
  Tree tree = parse(tokenize(text, result.errors), result.errors);
  check_types(tree, vocabulary, result.errors);
  if (result.errors.empty()) {
    Bytes program = emit(tree);
    const ProgramFault fault = check_program(program);
    if (fault == ProgramFault::none) {
      result.program = std::move(program);
    } else {
      result.errors.push_back(limit_error(fault, program.size()));
    }
  }
  tidy(result.errors);
  return result;
}

}  // namespace muster::rules
