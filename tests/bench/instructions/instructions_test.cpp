// Counts the instructions of the hot paths with callgrind and compares them with the record of the same compiler,
// baseline-gcc-12.txt and the like: a path that takes over 10 % more fails, and so does one that takes over 10 % less,
// because an old, larger number would hide the next loss. MUSTER_RECORD=1 writes the file anew. With a compiler that
// has no record, the counts are printed and nothing is compared: CTest then says "skipped".
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/bench/instructions/paths.h"

namespace muster::instructions {
namespace {

namespace fs = std::filesystem;
using Counts = std::map<std::string, double>;  // instructions an operation, by path

constexpr double change_max = 0.10;
constexpr double repeat_max = 0.01;  // between two runs of the same program
// Another release of the compiler brings another C++ library, and both count.
const std::string compiler = "gcc-" + std::to_string(__GNUC__);
const std::string baseline = MUSTER_BASELINES "/baseline-" + compiler + ".txt";

const std::string how_to_record =
    "When this is what the change is for, record it with the change that made it:\n"
    "  MUSTER_RECORD=1 scripts/test --fast --match instructions_test\n"
    "and say in the commit why. Otherwise look where they went: callgrind_annotate "
    "(tests/bench/instructions/README.md).\n";

// Everything that varies from machine to machine is held fast: the C library's memory functions are those of the
// baseline x86-64, and symbols are bound before anything is counted.
std::string command(const std::string& folder) {
  return "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS,-FSRM LD_BIND_NOW=1 " +
         std::string(MUSTER_VALGRIND) + " --tool=callgrind --collect-atstart=no --callgrind-out-file=" + folder +
         "/out " + MUSTER_INSTRUCTION_PATHS + " > " + folder + "/log 2>&1";
}

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// One dump: the path's name stands in its trigger, the sum in its summary.
void read_dump(const fs::path& file, Counts& counts) {
  const std::string trigger = "desc: Trigger: Client Request: ";
  std::ifstream lines(file);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(trigger, 0) == 0) name = line.substr(trigger.size());
    const auto is_sum = line.rfind("summary: ", 0) == 0 || line.rfind("totals: ", 0) == 0;
    if (is_sum && !name.empty()) {
      counts[name] = std::strtod(line.c_str() + line.find(' '), nullptr) / static_cast<double>(operations);
    }
  }
}

Counts count() {
  std::string folder = (fs::temp_directory_path() / "muster-callgrind-XXXXXX").string();
  EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  Counts counts;
  EXPECT_EQ(std::system(command(folder).c_str()), 0) << text_of(folder + "/log");
  for (const auto& entry : fs::directory_iterator(folder)) read_dump(entry.path(), counts);
  fs::remove_all(folder);
  return counts;
}

Counts read_baseline() {
  Counts counts;
  std::ifstream lines(baseline);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    words >> counts[name];
  }
  return counts;
}

void record(const Counts& counts) {
  std::ofstream file(baseline);
  file << "# Instructions an operation of each hot path, counted by callgrind at -O2 -DNDEBUG (README.md), of "
       << compiler
       << ". Written by\n"
          "# MUSTER_RECORD=1 scripts/test --fast --match instructions_test\n";
  for (const auto& [name, instructions] : counts) file << name << " " << std::llround(instructions) << "\n";
}

TEST(Instructions, OfTheHotPathsDoNotGrow) {
  const auto counted = count();
  ASSERT_FALSE(counted.empty());
  const auto again = count();
  for (const auto& [name, instructions] : counted) {
    ASSERT_TRUE(again.contains(name)) << name;
    EXPECT_NEAR(again.at(name) / instructions, 1.0, repeat_max) << name << " is not the same twice";
  }
  const char* recording = std::getenv("MUSTER_RECORD");
  if (recording != nullptr && std::string(recording) == "1") record(counted);

  const auto recorded = read_baseline();
  if (recorded.empty() && !HasFailure()) {
    for (const auto& [name, instructions] : counted) std::printf("  %-26s %8.0f\n", name.c_str(), instructions);
    // CMakeLists.txt has CTest look for these words.
    std::printf("not compared: there is no record of %s, %s\n%s", compiler.c_str(), baseline.c_str(),
                how_to_record.c_str());
    return;
  }
  for (const auto& [name, instructions] : counted) {
    const double before = recorded.contains(name) ? recorded.at(name) : 0;
    std::printf("  %-26s %8.0f instructions, recorded %8.0f (%+.1f %%)\n", name.c_str(), instructions, before,
                before > 0 ? (instructions / before - 1) * 100 : 0.0);
    EXPECT_LE(instructions, before * (1 + change_max)) << name << " takes more instructions. " << how_to_record;
    EXPECT_GE(instructions, before * (1 - change_max)) << name << " takes fewer instructions. " << how_to_record;
  }
  for (const auto& [name, instructions] : recorded) {
    EXPECT_TRUE(counted.contains(name)) << name << " is in the record but was not counted. " << how_to_record;
  }
}

}  // namespace
}  // namespace muster::instructions
