// What documents and examples show must load: each ```yaml block marked `rule`, `release` or `fleet` in docs/ and the
// README, and rules/examples/. What they say in numbers must be so.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "rules/condition/compile.h"
#include "rules/condition/format.h"
#include "rules/config/percent.h"
#include "rules/verdict/sequential_test.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::size_t line;
  std::string text;
};

// The blocks whose opening line is exactly "```" + `info`.
std::vector<Block> blocks_of(const std::string& path, const std::string& info) {
  std::vector<Block> blocks;
  std::istringstream in(read_whole(path));
  bool inside = false;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (line == "```" + info) {
      inside = true;
      blocks.push_back({number, ""});
    }
  }
  return blocks;
}

TEST(Documents, BlocksOfTheRulesPageLoad) {
  const auto rules = blocks_of("docs/rules.md", "yaml rule");
  const auto releases = blocks_of("docs/rules.md", "yaml release");
  const auto fleets = blocks_of("docs/rules.md", "yaml fleet");
  EXPECT_GE(rules.size(), 4u);
  EXPECT_GE(releases.size(), 2u);
  EXPECT_GE(fleets.size(), 1u);
  for (const Block& block : rules) {
    EXPECT_EQ(lines_of(load_rule(block.text, "docs/rules.md+" + std::to_string(block.line)).diagnostics), "");
  }
  for (const Block& block : releases) {
    EXPECT_EQ(lines_of(load_release(block.text, "docs/rules.md+" + std::to_string(block.line)).diagnostics), "");
  }
  for (const Block& block : fleets) {
    EXPECT_EQ(lines_of(load_fleet(block.text, "docs/rules.md+" + std::to_string(block.line)).diagnostics), "");
  }
}

TEST(Documents, TheRuleOfTheReadmeLoads) {
  const auto rules = blocks_of("README.md", "yaml rule");
  EXPECT_EQ(rules.size(), 1u);
  for (const Block& block : rules)
    EXPECT_EQ(lines_of(load_rule(block.text, "README.md+" + std::to_string(block.line)).diagnostics), "");
}

// A rule that is sound but for one key, which is `line`.
std::string rule_with_line(const std::string& line) {
  const std::string key = line.substr(0, line.find(':') + 1);
  std::string text;
  for (const std::string usual : {"rollout: r", "targets: true", "versions: { model: m@1 }",
                                  "waves: [{ name: canary, percent: 10 }, { name: all, percent: 100 }]"}) {
    text += (usual.starts_with(key) ? line : usual) + "\n";
  }
  return text.find(line) == std::string::npos ? text + line + "\n" : text;
}

// The rules page's table of mistakes: each gives the message beside it.
TEST(Documents, MistakesGiveTheMessagesBesideThem) {
  ASSERT_EQ(rule_errors(rule_with_line("seed: 1")), "");
  static const std::regex row(R"(\| `([a-z_]+: .*)` \| (.*) \|)");
  const std::string page = read_whole("docs/rules.md");
  const auto begin = page.find("### Common mistakes");
  ASSERT_NE(begin, std::string::npos);
  std::istringstream in(page.substr(begin, page.find("\n## ", begin) - begin));
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line);) {
    std::smatch cell;
    if (!std::regex_match(line, cell, row)) continue;
    ++rows;
    const std::string errors = rule_errors(rule_with_line(cell[1].str()));
    EXPECT_NE(errors.find(cell[2].str()), std::string::npos) << cell[1] << " says\n" << errors;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << cell[1] << " says\n" << errors;
  }
  EXPECT_GE(rows, 10u);
}

// The rules page's table of how many devices a verdict needs.
TEST(Documents, FiguresOfVerdictsAreThoseOfTheTest) {
  static const std::regex row(R"(\| (\d+%) \| (\d+%) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|)");
  std::istringstream in(read_whole("docs/rules.md"));
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line);) {
    std::smatch cell;
    if (!std::regex_match(line, cell, row)) continue;
    ++rows;
    std::uint64_t confidence = 0, tolerate = 0;
    ASSERT_EQ(parse_percent_ppm(cell[1].str(), confidence), PercentFault::none);
    ASSERT_EQ(parse_percent_ppm(cell[2].str(), tolerate), PercentFault::none);
    const auto tolerate_ppm = static_cast<std::uint32_t>(tolerate);
    const auto error_ppm = static_cast<std::uint32_t>(SequentialTest::ppm - confidence);
    const SequentialTest test(tolerate_ppm, error_ppm);
    const auto figure = [&](std::size_t column) { return static_cast<std::uint32_t>(std::stoul(cell[column].str())); };
    EXPECT_EQ(figure(3), test.devices_to_pass(0)) << line;
    EXPECT_EQ(figure(4), test.devices_to_pass(1)) << line;
    EXPECT_EQ(figure(5), SequentialTest(tolerate_ppm, error_ppm, 3 + 1).devices_to_pass(0)) << line;
    EXPECT_EQ(figure(6), test.exceeded_to_fail(10)) << line;
    EXPECT_EQ(figure(7), test.exceeded_to_fail(100)) << line;
  }
  EXPECT_EQ(rows, 6u);
  const SequentialTest usual(50'000, 10'000);
  std::uint32_t all = 1;
  while (usual.exceeded_to_fail(all) != all) ++all;
  const auto text = "at the defaults " + std::to_string(all) + " of " + std::to_string(all) + " devices, " +
                    std::to_string(usual.exceeded_to_fail(10).value()) + " of 10, " +
                    std::to_string(usual.exceeded_to_fail(100).value()) + " of 100";
  EXPECT_THAT(read_whole("docs/rules.md"), ::testing::HasSubstr(text));
}

// The share of rollouts that have failed after each vote, looked at each time, when each device exceeds with chance
// `p`: exact, by the distribution of the votes against among those that have not failed yet.
std::vector<double> stopped_by(const SequentialTest& test, double p, std::uint32_t votes_max) {
  std::vector<double> stopped, going{1.0};
  double found = 0;
  for (std::uint32_t votes = 1; votes <= votes_max; ++votes) {
    std::vector<double> next(votes + 1, 0.0);
    for (std::size_t against = 0; against < going.size(); ++against) {
      next[against] += going[against] * (1 - p);
      next[against + 1] += going[against] * p;
    }
    for (std::size_t against = test.exceeded_to_fail(votes).value_or(votes + 1); against < next.size(); ++against) {
      found += next[against];
      next[against] = 0;
    }
    going = std::move(next);
    stopped.push_back(found);
  }
  return stopped;
}

// The rules page's table of how soon a bad release is stopped, and how seldom one that is tolerated.
TEST(Documents, RatesOfVerdictsAreThoseOfTheTest) {
  static const std::regex row(R"(\| (\d+)%[^|]* \| (\d+\.\d) \| (\d+\.\d) \| (\d+\.\d) \| (\d+\.\d) \|)");
  const SequentialTest test(50'000, 10'000);
  std::istringstream in(read_whole("docs/rules.md"));
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line);) {
    std::smatch cell;
    if (!std::regex_match(line, cell, row)) continue;
    ++rows;
    const auto stopped = stopped_by(test, std::stod(cell[1].str()) / 100, 300);
    std::size_t column = 2;
    for (const std::size_t votes : {20u, 50u, 100u, 300u})
      EXPECT_NEAR(std::stod(cell[column++].str()), 100 * stopped[votes - 1], 0.0501) << line << " within " << votes;
  }
  EXPECT_EQ(rows, 4u);
}

TEST(Documents, ConditionsOfTheConditionsPageCompile) {
  const auto check = [](const std::string& info, const Vocabulary& vocabulary) {
    const auto blocks = blocks_of("docs/conditions.md", info);
    EXPECT_FALSE(blocks.empty()) << info;
    for (const Block& block : blocks) {
      std::istringstream in(block.text);
      for (std::string line; std::getline(in, line);) {
        if (line.empty()) continue;
        EXPECT_TRUE(compile_condition(line, vocabulary).ok()) << line;
      }
    }
  };
  check("cel targets", target_vocabulary());
  check("cel recovery", recovery_vocabulary());
}

// The page's table of operations names every opcode with its number.
TEST(Documents, OperationsAreAllThere) {
  const std::string page = read_whole("docs/conditions.md");
  static constexpr char hex[] = "0123456789ABCDEF";
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    const format::OpShape shape = format::shape_of(static_cast<std::uint8_t>(opcode));
    const std::string start = std::string("| 0x") + hex[opcode >> 4] + hex[opcode & 15] + " | ";
    if (shape.name == nullptr) {
      EXPECT_EQ(page.find(start), std::string::npos) << start;
    } else {
      EXPECT_NE(page.find(start + "`" + shape.name + "`"), std::string::npos) << start << shape.name;
    }
  }
}

TEST(Documents, ExamplesLoad) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator("rules/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    EXPECT_EQ(lines_of(load_rule(read_whole(entry.path().string()), entry.path().string()).diagnostics), "");
  }
  for (const auto& entry : fs::directory_iterator("rules/examples/releases")) {
    ++files;
    EXPECT_EQ(lines_of(load_release(read_whole(entry.path().string()), entry.path().string()).diagnostics), "");
  }
  EXPECT_GE(files, 7u);
}

}  // namespace
}  // namespace muster::rules::test
