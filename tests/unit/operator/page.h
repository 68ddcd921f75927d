// The shell blocks of a page in docs/, as tests run them: what the page says works has to. Tests only.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace muster::ctl::test {

inline std::string whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The page's blocks that begin with ```INFO.
inline std::vector<std::string> blocks_of(const std::string& page, const std::string& info) {
  std::istringstream in(whole(page));
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      found.back() += line + "\n";
    } else if (line == "```" + info) {
      inside = true;
      found.emplace_back();
    }
  }
  return found;
}

// The code that a line of the page says it ends with: "… # exit 10".
inline int expected_code(const std::string& line) {
  const auto at = line.find("# exit ");
  return at == std::string::npos ? 0 : std::stoi(line.substr(at + 7));
}

}  // namespace muster::ctl::test
