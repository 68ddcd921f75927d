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
  std::vector<std::string> names;
  for (const auto* keys : {&behaviour_keys(), &fleet_file_keys()})
    names.insert(names.end(), keys->begin(), keys->end());
  for (const auto key : link_keys()) names.push_back("link." + std::string(key));
  names.insert(names.end(), {"ids", "first_id"});
  for (const auto& name : names) {
    if (name == "link" || name == "groups") continue;  // their keys have lines of their own
    EXPECT_NE(page().find("| `" + name + "` |"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace muster::rules::test
