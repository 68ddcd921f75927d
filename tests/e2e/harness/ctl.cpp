#include "tests/e2e/harness/ctl.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

std::string joined(const std::vector<std::string>& args) {
  std::string line = "musterctl";
  for (const auto& arg : args) line += " " + arg;
  return line;
}

}  // namespace

Ctl::Ctl(std::uint16_t port, const Keys& keys, const std::string& user) {
  const auto stem = keys.operator_(user);
  environment_ = {"MUSTER_HOST=127.0.0.1",
                  "MUSTER_PORT=" + std::to_string(port),
                  "MUSTER_CA=" + keys.ca(),
                  "MUSTER_CERT=" + stem + ".crt",
                  "MUSTER_KEY=" + stem + ".key",
                  "MUSTER_ROOT=" + keys.folder() + "/root.menv",
                  "NO_COLOR=1"};
  if (watcher() != Watcher::none) {
    const auto patience_s = std::chrono::duration_cast<std::chrono::seconds>(stretched(10s)).count();
    environment_.push_back("MUSTER_TIMEOUT_S=" + std::to_string(patience_s));
  }
}

Finished Ctl::run(std::vector<std::string> args, std::chrono::milliseconds patience) const {
  args.insert(args.begin(), programs::ctl);
  return e2e::run(args, patience, {}, environment_);
}

nlohmann::json Ctl::json(std::vector<std::string> args) const {
  args.emplace_back("--json");
  const auto finished = run(args);
  EXPECT_EQ(finished.exit_code, 0) << joined(args) << "\n" << finished.out << finished.err;
  auto parsed = nlohmann::json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << joined(args) << " printed no JSON:\n" << finished.out;
  return finished.exit_code == 0 && !parsed.is_discarded() ? parsed : nlohmann::json::object();
}

void Ctl::must(std::vector<std::string> args) const {
  const auto finished = run(args);
  EXPECT_EQ(finished.exit_code, 0) << joined(args) << "\n" << finished.out << finished.err;
}

}  // namespace muster::e2e
