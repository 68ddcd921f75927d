// Programs and texts from somebody who means harm: nothing crashes, and what the checker accepts runs safely. With the
// sanitizers on this also proves that nothing outside the program is read.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "schemas/limits.h"
#include "tests/unit/condition/fixture.h"

namespace muster::rules::test {
namespace {

using Random = std::mt19937_64;
constexpr std::uint64_t seed = 77001;

// Returns something of any type for any name, as if the two sides had never agreed on types.
class Confused final : public Environment {
 public:
  explicit Confused(Random& random) : random_(random) {}
  Value lookup(std::string_view) const override {
    static constexpr std::string_view items[] = {"a", "", "eu"};
    switch (random_() % 6) {
      case 0:
        return Value::of(random_() % 2 == 0);
      case 1:
        return Value::of(static_cast<double>(random_() % 5) - 2);
      case 2:
        return Value::of("eu");
      case 3:
        return Value::of_list(items, static_cast<std::uint32_t>(random_() % 4));
      case 4:
        return Value::of_list(nullptr, 0);
      default:
        return {};
    }
  }

 private:
  Random& random_;
};

// In memory of exactly its size, so that a sanitizer sees one byte too far.
bool accepted_and_run(const Bytes& bytes, Random& random) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  const ByteView program(exact.get(), bytes.size());
  if (check_program(program) != ProgramFault::none) return false;
  const Outcome outcome = evaluate(program, Confused(random));
  EXPECT_LE(static_cast<int>(outcome), 2);
  EXPECT_FALSE(disassemble(program).empty());
  return true;
}

TEST(Hostile, RandomBytes) {
  Random random(seed);
  for (int round = 0; round < 100'000; ++round) {
    Bytes bytes(random() % 64);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    (void)accepted_and_run(bytes, random);
  }
}

// A sound header and pool, then operations drawn so that many programs pass.
TEST(Hostile, RandomOperations) {
  Random random(seed + 1);
  constexpr std::uint8_t opcodes[] = {0x01, 0x02, 0x02, 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13, 0x14, 0x20, 0x21,
                                      0x22, 0x23, 0x24, 0x25, 0x26, 0x30, 0x30, 0x31, 0x31, 0x32, 0x40, 0x41, 0x99};
  const Bytes pool{2, 1, 'a', 1, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 1, 0, 2, 1, 'a', 3, 4, 0, 1, 0, 1, 1};
  constexpr std::uint8_t constants[] = {0, 3, 12, 20, 1};
  std::size_t accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    const std::size_t operations = 1 + random() % 12;
    Bytes program{'M', 'C', 1, 0, static_cast<std::uint8_t>(operations), 0, static_cast<std::uint8_t>(pool.size())};
    program.insert(program.end(), pool.begin(), pool.end());
    for (std::size_t i = 0; i < operations; ++i) {
      const std::uint8_t opcode = opcodes[random() % std::size(opcodes)];
      program.push_back(opcode);
      if (opcode == 0x01 || opcode == 0x02 || opcode >= 0x40) program.push_back(0);
      if (opcode == 0x01) program.push_back(constants[random() % std::size(constants)]);
      if (opcode == 0x02) program.push_back(0);
      if (opcode == 0x40 || opcode == 0x41) program.push_back(static_cast<std::uint8_t>(random() % 12));
    }
    if (accepted_and_run(program, random)) ++accepted;
  }
  EXPECT_GT(accepted, 1'000u) << "the generator no longer reaches the evaluator";
}

TEST(Hostile, DamagedPrograms) {
  Random random(seed + 2);
  const char* const sources[] = {
      "device.class == \"rk3566\" && device.region in [\"eu\", \"us\"] && !(\"lab\" in device.tags)",
      "(device.memory_mb * 2 + 1 > 4096 || device.memory_mb in [1, 2, 3]) && (true || device.site != 'x')",
      "true in [true, false] && -device.memory_mb < 7 / 2",
  };
  Bytes sound[std::size(sources)];
  for (std::size_t i = 0; i < std::size(sources); ++i) {
    sound[i] = compile_condition(sources[i], target_vocabulary()).program;
    ASSERT_FALSE(sound[i].empty()) << sources[i];
  }
  std::size_t accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    Bytes program = sound[random() % std::size(sound)];
    for (std::size_t i = 0, count = 1 + random() % 4; i < count; ++i) {
      program[random() % program.size()] = static_cast<std::uint8_t>(random());
    }
    if (random() % 8 == 0) program.resize(random() % (program.size() + 1));
    if (accepted_and_run(program, random)) ++accepted;
  }
  EXPECT_GT(accepted, 1'000u);
}

TEST(Hostile, RandomText) {
  Random random(seed + 3);
  constexpr std::string_view words[] = {"device.region",
                                        "device.memory_mb",
                                        "device.tags",
                                        "nothing",
                                        "\"eu\"",
                                        "'x",
                                        "\\",
                                        "3",
                                        "-",
                                        "+",
                                        "*",
                                        "/",
                                        "(",
                                        ")",
                                        "[",
                                        "]",
                                        ",",
                                        "==",
                                        "!=",
                                        "<",
                                        ">=",
                                        "in",
                                        "&&",
                                        "||",
                                        "!",
                                        "=",
                                        "true",
                                        "false",
                                        "and",
                                        "5s",
                                        "1e999",
                                        "\xff",
                                        "é",
                                        " ",
                                        "\n"};
  std::size_t compiled_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::size_t i = 0, count = random() % 12; i < count; ++i)
      text += std::string(words[random() % std::size(words)]) + " ";
    const CompiledCondition compiled = compile_condition(text, target_vocabulary());
    ASSERT_EQ(compiled.program.empty(), !compiled.errors.empty()) << text;
    for (const ConditionError& error : compiled.errors) {
      ASSERT_LE(error.offset, text.size()) << text;
      ASSERT_FALSE(error.what.empty() || error.expected.empty()) << text;
    }
    ASSERT_LE(compiled.errors.size(), limits::diagnostics_max);
    if (compiled.ok()) ++compiled_count;
  }
  EXPECT_GT(compiled_count, 100u);
}

}  // namespace
}  // namespace muster::rules::test
