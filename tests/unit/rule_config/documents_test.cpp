// What documents and examples show must load: each ```yaml block marked `rule` or `release` in docs/, and
// rules/examples/.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "rules/condition/compile.h"
#include "rules/condition/format.h"
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
  EXPECT_GE(rules.size(), 3u);
  EXPECT_GE(releases.size(), 2u);
  for (const Block& block : rules) {
    EXPECT_EQ(lines_of(load_rule(block.text, "docs/rules.md+" + std::to_string(block.line)).diagnostics), "");
  }
  for (const Block& block : releases) {
    EXPECT_EQ(lines_of(load_release(block.text, "docs/rules.md+" + std::to_string(block.line)).diagnostics), "");
  }
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
