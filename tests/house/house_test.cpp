// The rules of the house, over the real tree. A finding is printed as file:line: what is wrong.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include "tests/house/directions.h"
#include "tests/house/documents.h"
#include "tests/house/shape.h"
#include "tests/house/source_file.h"

namespace muster::house {
namespace {

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> files = read_tree(MUSTER_SOURCE_DIR);
  return files;
}

template <typename Check>
std::string findings_of(Check check) {
  std::string text;
  for (const auto& file : tree()) {
    for (const auto& finding : check(file)) text += finding.sentence() + "\n";
  }
  return text;
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) return {};
  std::string text;
  std::array<char, 4096> piece{};
  while (std::fgets(piece.data(), static_cast<int>(piece.size()), pipe.get()) != nullptr) text += piece.data();
  return text;
}

// The libraries that a program names itself, without those of the compiler and the sanitizers.
std::set<std::string> needed_libraries(const std::string& program) {
  static const std::vector<std::string> runtime = {"libstdc++.", "libm.",     "libgcc_s.", "libc.",
                                                   "libasan.",   "libubsan.", "libtsan.",  "ld-linux"};
  std::set<std::string> names;
  const std::string text = output_of("readelf -d '" + program + "'");
  EXPECT_NE(text.find("NEEDED"), std::string::npos) << "readelf said: " << text;
  for (const auto line : lines_of(text)) {
    if (line.find("(NEEDED)") == std::string_view::npos) continue;
    const auto open = line.find('[');
    const std::string name(line.substr(open + 1, line.find(']') - open - 1));
    bool is_runtime = false;
    for (const auto& known : runtime) is_runtime = is_runtime || starts_with(name, known);
    if (!is_runtime) names.insert(name.substr(0, name.find(".so")));
  }
  return names;
}

TEST(House, TreeIsRead) {
  ASSERT_GT(tree().size(), 50u);
  const auto has = [](const std::string& path) {
    for (const auto& file : tree()) {
      if (file.path == path) return !file.text.empty();
    }
    return false;
  };
  EXPECT_TRUE(has("schemas/limits.h"));
  EXPECT_TRUE(has("rules/engine/engine.h"));
}

TEST(House, IncludesPointOneWay) {
  EXPECT_EQ(findings_of(check_includes), "");
}

TEST(House, LinksPointOneWay) {
  EXPECT_EQ(findings_of([](const SourceFile& file) {
              return ends_with(file.path, "CMakeLists.txt") ? check_links(file) : std::vector<Finding>{};
            }),
            "");
}

TEST(House, FilesAndFunctionsStaySmall) {
  EXPECT_EQ(findings_of(check_lengths), "");
}
TEST(House, HeadersSayWhatTheyAre) {
  EXPECT_EQ(findings_of(check_header), "");
}
TEST(House, NothingIsLeftForLater) {
  EXPECT_EQ(findings_of(check_words), "");
}
TEST(House, TestsWaitForConditions) {
  EXPECT_EQ(findings_of(check_waiting), "");
}
TEST(House, NoTestIsSwitchedOff) {
  EXPECT_EQ(findings_of(check_tests_run), "");
}
TEST(House, GeneratedCodeIsNotCommitted) {
  EXPECT_EQ(findings_of(check_not_generated), "");
}

TEST(House, DocumentsNameWhatExists) {
  const auto claims = claims_of(tree());
  ASSERT_FALSE(claims.presets.empty());
  EXPECT_EQ(findings_of([&](const SourceFile& file) { return check_document(file, claims); }), "");
}

TEST(House, EveryFolderExplainsItself) {
  std::string text;
  for (const auto& finding : check_readmes(tree())) text += finding.sentence() + "\n";
  EXPECT_EQ(text, "");
}

TEST(House, TheEngineLinksOnlyXxHash) {
  EXPECT_EQ(std::system(MUSTER_RULES_ALONE " >/dev/null"), 0);
  const std::set<std::string> expected = {"libxxhash"};
  EXPECT_EQ(needed_libraries(MUSTER_RULES_ALONE), expected);
}

TEST(House, RuleFilesAddOnlyYaml) {
  EXPECT_EQ(std::system(MUSTER_RULES_CONFIG_ALONE " >/dev/null"), 0);
  const auto libraries = needed_libraries(MUSTER_RULES_CONFIG_ALONE);
  EXPECT_EQ(libraries.count("libyaml-cpp"), 1u);
  for (const auto& name : libraries) EXPECT_TRUE(name == "libyaml-cpp" || name == "libxxhash") << name;
}

}  // namespace
}  // namespace muster::house
