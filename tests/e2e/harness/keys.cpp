#include "tests/e2e/harness/keys.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/e2e/harness/process.h"
#include "tests/e2e/harness/programs.h"

namespace muster::e2e {
namespace {

void run_or_fail(const std::vector<std::string>& args) {
  const auto finished = run(args);
  std::string line;
  for (const auto& arg : args) line += arg + " ";
  EXPECT_EQ(finished.exit_code, 0) << line << "\n" << finished.out << finished.err;
}

}  // namespace

Keys::Keys() {
  run_or_fail({programs::ctl, "keys", "init", folder()});
  run_or_fail(
      {programs::ctl, "cert", "server", "--ca", folder(), "--out", server(), "localhost", "--alt", "127.0.0.1"});
}

std::string Keys::certificate(const std::string& kind, const std::string& name) const {
  std::string stem = folder_.file(kind + "-" + name);
  if (!exists(stem + ".crt")) run_or_fail({programs::ctl, "cert", kind, "--ca", folder(), "--out", stem, name});
  return stem;
}

const Keys& shared_keys() {
  static const Keys keys;
  return keys;
}

}  // namespace muster::e2e
