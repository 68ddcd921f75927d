#include "tests/unit/mcu/classifier/readme.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>

namespace muster::classifier::testing {
namespace {

std::string whole_file() {
  std::ifstream file("examples/mcu-classifier/README.md", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<double> readme_row(const std::string& label) {
  const auto text = "\n" + whole_file();
  const auto head = "\n| " + label + " |";
  const auto at = text.find(head);
  if (at == std::string::npos) return {};
  const auto from = at + head.size();
  const auto row = text.substr(from, text.find('\n', from) - from);
  static const std::regex number("[0-9]+(\\.[0-9]+)?");
  std::vector<double> numbers;
  for (std::sregex_iterator found(row.begin(), row.end(), number), end; found != end; ++found) {
    numbers.push_back(std::stod(found->str()));
  }
  return numbers;
}

std::string readme_text() {
  auto text = whole_file();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace muster::classifier::testing
