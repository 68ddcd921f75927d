// The blocks of docs/simulate.md load, and its tables name every key.
#include <sstream>

#include "rules/config/behaviour.h"
#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

std::string page() {
  std::ifstream in("docs/simulate.md", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> blocks_of(const std::string& info) {
  std::vector<std::string> blocks;
  std::istringstream in(page());
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = line == "```" + info;
      if (inside) blocks.emplace_back();
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST(SimulateDocument, BlocksLoad) {
  const auto rule = load_rule(
      "rollout: r\ntargets: 'true'\nversions: { model: reader-eng@4 }\nwaves: [{ name: all, percent: 100 }]\n", "rule");
  ASSERT_TRUE(rule.rule);
  const auto fleets = blocks_of("yaml fleet"), faults = blocks_of("yaml faults");
  EXPECT_EQ(fleets.size(), 1u);
  EXPECT_EQ(faults.size(), 1u);
  for (const auto& block : fleets) EXPECT_EQ(errors_of(load_fleet(block, "docs/simulate.md")), "");
  for (const auto& block : faults) EXPECT_EQ(errors_of(load_faults(block, "docs/simulate.md", *rule.rule)), "");
}

TEST(SimulateDocument, NamesEveryKey) {
  for (const auto key : behaviour_keys()) {
    const std::string name(key);
    const bool is_map = name == "link";
    EXPECT_NE(page().find("| `" + name + (is_map ? "." : "` |")), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace muster::rules::test
