// The classifier on a Cortex-M3 in QEMU: the same numbers as on the host, a refusal where the host refuses, and the
// sizes that the README states.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "examples/mcu-classifier/board_check/outputs_digest.h"
#include "tests/unit/mcu/classifier/readme.h"
#include "tests/unit/mcu/classifier/trained_models.h"

namespace muster::classifier {
namespace {

namespace fs = std::filesystem;
using testing::bad_model;
using testing::good_model;
using testing::readme_row;
using testing::readme_text;

struct Outcome {
  int exit_code = -1;
  std::string text;
};

Outcome run(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char piece[512];
  while (std::fgets(piece, sizeof piece, pipe) != nullptr) outcome.text += piece;
  const int status = pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// Instruction counting makes the guest's clock a count: 32 ns for each instruction, whatever the host does meanwhile.
Outcome run_board(const Bytes& model) {
  std::string path = (fs::temp_directory_path() / "muster-board-XXXXXX").string();
  const int file = mkstemp(path.data());
  EXPECT_GE(file, 0);
  close(file);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(model.data()), static_cast<std::streamsize>(model.size()));
  const auto outcome =
      run("timeout 60 qemu-system-arm -M mps2-an385 -nographic -monitor none -serial none -icount shift=5 "
          "-semihosting-config enable=on,target=native -kernel " BOARD_CHECK_DIR
          "/board_check.elf "
          "-device loader,addr=0x21000000,force-raw=on,file='" +
          path + "' </dev/null");
  fs::remove(path);
  return outcome;
}

std::uint32_t number_after(const std::string& text, const std::string& name) {
  std::smatch found;
  if (std::regex_search(text, found, std::regex(name + "=([0-9]+)"))) {
    return static_cast<std::uint32_t>(std::stoul(found[1]));
  }
  ADD_FAILURE() << "the board did not say " << name << ": " << text;
  return 0;
}

TEST(Board, ComputesWhatTheHostComputes) {
  for (const auto* made : {&good_model(), &bad_model()}) {
    const auto outcome = run_board(made->bytes);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
    EXPECT_EQ(number_after(outcome.text, "digest"), digest_of_outputs(made->model));
  }
  EXPECT_NE(digest_of_outputs(good_model().model), digest_of_outputs(bad_model().model));
}

TEST(Board, RefusesWhatTheHostRefuses) {
  auto bytes = good_model().bytes;
  bytes[4] = model_format + 1;
  const auto outcome = run_board(bytes);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.text;
  EXPECT_EQ(number_after(outcome.text, "refused"), static_cast<std::uint32_t>(-err_model_format));
}

// Which figure of a row is of the compiler that made this board's code: they differ by up to a fifth.
std::size_t column_of_compiler() {
  const auto release = run("arm-none-eabi-gcc -dumpversion").text;
  const auto text = readme_text();
  std::size_t column = 0;
  static const std::regex heading("gcc ([0-9]+) \\|");
  for (std::sregex_iterator found(text.begin(), text.end(), heading), end; found != end; ++found, ++column) {
    if (release.rfind((*found)[1].str() + ".", 0) == 0) return column;
  }
  ADD_FAILURE() << "the README has no column for gcc " << release
                << ": these sizes are compared with the same compiler's only";
  return column;
}

TEST(Board, ReadmeStatesTheRealCost) {
  const auto outcome = run_board(good_model().bytes);
  const auto instructions = number_after(outcome.text, "ticks") * 40.0 / 32.0;  // a tick is 40 ns: 25 MHz
  const auto stated = readme_row("instructions for one window");
  ASSERT_EQ(stated.size(), 1U);
  EXPECT_NEAR(stated[0], instructions, 0.1 * instructions);
  const std::string folder = BOARD_CHECK_DIR;
  const auto column = column_of_compiler();
  for (const std::string part : {"signal", "features", "classifier", "monitor"}) {
    const auto sizes = run("arm-none-eabi-size '" + folder + "/" + part + ".o'");
    std::smatch found;
    ASSERT_TRUE(std::regex_search(sizes.text, found, std::regex("\n *([0-9]+)\\s+([0-9]+)\\s+([0-9]+)"))) << sizes.text;
    const auto row = readme_row("`" + part + "` code");
    ASSERT_GT(row.size(), column) << part;
    EXPECT_NEAR(row[column], std::stod(found[1]), 0.1 * std::stod(found[1])) << part;
    EXPECT_EQ(found[2], "0") << part << " has variables";
    EXPECT_EQ(found[3], "0") << part << " has variables";
  }
}

}  // namespace
}  // namespace muster::classifier
