// The kept inputs of every fuzz target, run as an ordinary test: what a fuzzer once found stays found. An input that
// makes a target fail ends the program; the line before says which one it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/fuzz/target.h"

namespace muster::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t inputs_max = 60;            // of one target
constexpr std::uintmax_t bytes_max = 100 * 1024;  // of one target's inputs together

std::vector<fs::path> inputs_of(const std::string& target) {
  std::vector<fs::path> inputs;
  const auto folder = fs::path(MUSTER_FUZZ_CORPUS) / target;
  if (!fs::is_directory(folder)) return inputs;
  for (const auto& entry : fs::directory_iterator(folder)) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Replay : public testing::TestWithParam<Target> {};

TEST_P(Replay, KeepsItsProperties) {
  const auto inputs = inputs_of(GetParam().name);
  ASSERT_FALSE(inputs.empty()) << "no inputs are kept for " << GetParam().name << ": tests/fuzz/README.md says how";
  EXPECT_LE(inputs.size(), inputs_max) << "minimise them: tests/fuzz/README.md";
  std::uintmax_t bytes = 0;
  for (const auto& input : inputs) {
    SCOPED_TRACE(input.string());
    const auto content = read(input);
    bytes += content.size();
    std::fprintf(stderr, "%s\n", input.c_str());  // the last one of these is what broke it
    GetParam().run(content);
  }
  EXPECT_LE(bytes, bytes_max) << "minimise them: tests/fuzz/README.md";
  // And what no fuzzer has to find: nothing at all, and one byte of each value.
  GetParam().run(ByteView());
  for (unsigned value = 0; value < 256; ++value) GetParam().run(Bytes{static_cast<std::uint8_t>(value)});
}

INSTANTIATE_TEST_SUITE_P(Targets, Replay, testing::ValuesIn(targets()),
                         [](const auto& target) { return std::string(target.param.name); });

TEST(Corpus, HasAFolderForEachTargetAndNoOther) {
  std::set<std::string> named, kept;
  for (const auto& target : targets()) named.insert(target.name);
  for (const auto& entry : fs::directory_iterator(MUSTER_FUZZ_CORPUS)) kept.insert(entry.path().filename().string());
  EXPECT_EQ(named, kept);
}

}  // namespace
}  // namespace muster::fuzz
