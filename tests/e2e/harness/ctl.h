// musterctl as a script uses it: run as a subprocess, its --json output read. Tests only; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

class Ctl {
 public:
  Ctl(std::uint16_t port, const Keys& keys, const std::string& user);

  // The subcommand and its arguments; the connection comes from the environment, as an operator's shell would have it.
  [[nodiscard]] Finished run(std::vector<std::string> args,
                             std::chrono::milliseconds patience = std::chrono::seconds(20)) const;
  // The same with --json; a nonzero exit code or no JSON is a failed test, and gives an empty object.
  [[nodiscard]] nlohmann::json json(std::vector<std::string> args) const;
  // Success expected and the output not looked at.
  void must(std::vector<std::string> args) const;
  [[nodiscard]] const std::vector<std::string>& environment() const { return environment_; }

 private:
  std::vector<std::string> environment_;
};

}  // namespace muster::e2e
