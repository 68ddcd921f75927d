// Runs a program to its end and takes what it prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace muster::ctl::test {

struct Ran {
  int code = -1;  // exit code; 128 + signal when killed
  std::string out, err;
};

// `environment` is set beside the test's own; MUSTER_* variables of the test are not passed on. A run that takes longer
// than 30 seconds is killed.
[[nodiscard]] Ran run(const std::vector<std::string>& arguments,
                      const std::vector<std::pair<std::string, std::string>>& environment = {});

// The built musterctl with these arguments.
[[nodiscard]] Ran musterctl(std::vector<std::string> arguments,
                            const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace muster::ctl::test
