#include "tests/scenarios/script.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace muster::rules::test {

std::string ScriptLine::option(const std::string& key, const std::string& otherwise) const {
  const auto found = options.find(key);
  return found == options.end() ? otherwise : found->second;
}

std::vector<std::string> ScriptLine::all(const std::string& key) const {
  std::vector<std::string> found;
  for (const auto& [each, value] : in_order) {
    if (each == key) found.push_back(value);
  }
  return found;
}

ScriptLine split_line(std::string_view text) {
  ScriptLine line;
  std::string word;
  bool quoted = false;
  bool any = false;
  const auto finish = [&] {
    if (!any) return;
    const auto equals = word.find('=');
    const bool option = equals != std::string::npos && word.find('/') > equals;  // group/region=de is a scope
    if (option) {
      line.options.emplace(word.substr(0, equals), word.substr(equals + 1));
      line.in_order.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else {
      line.words.push_back(word);
    }
    word.clear();
    any = false;
  };
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      finish();
    } else {
      word.push_back(c);
      any = true;
    }
  }
  finish();
  return line;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Script::run(const std::string& text) {
  std::istringstream in(text);
  std::string result;
  std::string raw;
  while (std::getline(in, raw)) {
    if (raw.starts_with("  ")) continue;  // the old trace
    result += raw + "\n";
    if (!raw.starts_with("> ")) continue;
    lines_.clear();
    try {
      command(split_line(std::string_view(raw).substr(2)));
    } catch (const std::exception& error) {
      lines_.push_back("ERROR in the scenario: " + std::string(error.what()));
    }
    for (const auto& line : lines_) result += "  " + line + "\n";
  }
  return result;
}

}  // namespace muster::rules::test
