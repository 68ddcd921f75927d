// Hand-made programs: what the checker must refuse, and how the bytes look that devices in the field hold.
#include "rules/condition/program.h"

#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "schemas/limits.h"
#include "tests/unit/condition/fixture.h"

namespace muster::rules::test {
namespace {

Bytes program_of(unsigned operations, const Bytes& pool, const Bytes& code) {
  Bytes program{'M', 'C', 1, 0, static_cast<std::uint8_t>(operations), 0, static_cast<std::uint8_t>(pool.size())};
  program.insert(program.end(), pool.begin(), pool.end());
  program.insert(program.end(), code.begin(), code.end());
  return program;
}

constexpr std::uint8_t constant = 0x01, name = 0x02, yes = 0x03, no = 0x04, add = 0x10, less = 0x22, in = 0x26,
                       both = 0x30, invert = 0x32, jump_if_no = 0x40;
const Bytes text_a{2, 1, 'a'};
const Bytes number_1{1, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0};

// The format may not change under devices that hold programs of older releases.
TEST(Program, BytesAreAsDocumented) {
  const CompiledCondition compiled =
      compile_condition("device.id == 'a' && device.id in ['a', 'bc']", target_vocabulary());
  ASSERT_TRUE(compiled.ok());
  EXPECT_EQ(to_hex(compiled.program),
            "4d4301"
            "0008"
            "0019"
            "0209"
            "6465766963652e6964"  // text device.id, once
            "0201"
            "61"  // text a
            "0302"
            "0002"
            "0005"
            "0161"
            "026263"  // list of texts
            "020000"
            "01000b"
            "20"
            "400008"
            "020000"
            "01000e"
            "26"
            "30");
}

TEST(Program, Disassembles) {
  const CompiledCondition compiled = compile_condition(
      "device.memory_mb / 2 > 1.5 && device.region in [\"eu\", \"a\\\"b\"] || !true", target_vocabulary());
  ASSERT_TRUE(compiled.ok());
  EXPECT_EQ(disassemble(compiled.program),
            "0 name device.memory_mb\n"
            "3 constant 2\n"
            "6 divide\n"
            "7 constant 1.5\n"
            "10 greater\n"
            "11 jump_if_no 22\n"
            "14 name device.region\n"
            "17 constant [\"eu\", \"a\\\"b\"]\n"
            "20 in\n"
            "21 and\n"
            "22 jump_if_yes 28\n"
            "25 true\n"
            "26 not\n"
            "27 or\n");
  EXPECT_EQ(disassemble({}), "not a sound program: truncated\n");
}

TEST(Program, SmallestIsSound) {
  EXPECT_EQ(check_program(program_of(1, {}, {yes})), ProgramFault::none);
  EXPECT_EQ(evaluate(program_of(1, {}, {yes}), Readings()), Outcome::yes);
}

TEST(Program, Headers) {
  EXPECT_EQ(check_program({}), ProgramFault::truncated);
  EXPECT_EQ(check_program(Bytes{'M', 'C', 1, 0, 1, 0}), ProgramFault::truncated);
  EXPECT_EQ(check_program(Bytes{'M', 'X', 1, 0, 1, 0, 0, yes}), ProgramFault::bad_header);
  EXPECT_EQ(check_program(Bytes{'M', 'C', 2, 0, 1, 0, 0, yes}), ProgramFault::bad_header);
  EXPECT_EQ(check_program(Bytes{'M', 'C', 1, 0, 1, 0, 9, yes}), ProgramFault::truncated);
  EXPECT_EQ(check_program(program_of(2, {}, {yes})), ProgramFault::bad_header);
  EXPECT_EQ(check_program(Bytes(limits::program_len_max + 1, 0)), ProgramFault::too_long);
}

TEST(Program, Constants) {
  EXPECT_EQ(check_program(program_of(1, {9}, {yes})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(1, {2, 2, 'a'}, {yes})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(1, {1, 0, 0}, {yes})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(1, {3, 2, 0, 2, 0, 2, 1, 'a'}, {yes})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(1, {3, 4, 0, 1, 0, 1, 2}, {yes})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(1, {3, 3, 0, 1, 0, 1, 0}, {yes})), ProgramFault::bad_constant)
      << "a list in a list";
  // Into the middle of a constant, and a name that is no text.
  EXPECT_EQ(check_program(program_of(2, text_a, {name, 0, 1, invert})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(2, number_1, {name, 0, 0, invert})), ProgramFault::bad_constant);
  EXPECT_EQ(check_program(program_of(2, {}, {name, 0, 0, invert})), ProgramFault::bad_constant);
}

TEST(Program, Operations) {
  EXPECT_EQ(check_program(program_of(1, {}, {0x99})), ProgramFault::bad_opcode);
  EXPECT_EQ(check_program(program_of(1, text_a, {name, 0})), ProgramFault::truncated);
  EXPECT_EQ(check_program(program_of(0, {}, {})), ProgramFault::stack_underflow);
  EXPECT_EQ(check_program(program_of(2, {}, {yes, both})), ProgramFault::stack_underflow);
  EXPECT_EQ(check_program(program_of(2, {}, {yes, no})), ProgramFault::stack_overflow) << "two values left";
  EXPECT_EQ(check_program(program_of(33, {}, Bytes(33, yes))), ProgramFault::stack_overflow);
}

TEST(Program, Types) {
  EXPECT_EQ(check_program(program_of(1, text_a, {constant, 0, 0})), ProgramFault::type_error);
  EXPECT_EQ(check_program(program_of(1, text_a, {name, 0, 0})), ProgramFault::none) << "decided when it runs";
  EXPECT_EQ(check_program(program_of(3, text_a, {constant, 0, 0, yes, both})), ProgramFault::type_error);
  EXPECT_EQ(check_program(program_of(3, number_1, {constant, 0, 0, yes, less})), ProgramFault::type_error);
  EXPECT_EQ(check_program(program_of(3, number_1, {constant, 0, 0, constant, 0, 0, in})), ProgramFault::type_error);
  EXPECT_EQ(check_program(program_of(3, number_1, {constant, 0, 0, constant, 0, 0, add})), ProgramFault::type_error);
}

TEST(Program, Jumps) {
  EXPECT_EQ(check_program(program_of(4, {}, {yes, jump_if_no, 0, 2, no, both})), ProgramFault::none);
  EXPECT_EQ(check_program(program_of(4, {}, {yes, jump_if_no, 0, 9, no, both})), ProgramFault::bad_jump)
      << "over the end";
  EXPECT_EQ(check_program(program_of(4, {}, {yes, jump_if_no, 0, 1, no, both})), ProgramFault::bad_jump)
      << "two depths";
  EXPECT_EQ(check_program(program_of(4, text_a, {yes, jump_if_no, 0, 2, name, 0, 0, both})), ProgramFault::bad_jump)
      << "into an operand";
  EXPECT_EQ(check_program(program_of(2, {}, {jump_if_no, 0, 0, yes})), ProgramFault::stack_underflow);
  // Takes away what lies below the jump's value: the two ways would differ.
  EXPECT_EQ(check_program(program_of(6, {}, {yes, yes, jump_if_no, 0, 3, both, no, yes})),
            ProgramFault::stack_underflow);
}

TEST(Program, FaultsHaveNames) {
  EXPECT_STREQ(name_of(ProgramFault::none), "none");
  EXPECT_STREQ(name_of(ProgramFault::bad_jump), "bad_jump");
}

}  // namespace
}  // namespace muster::rules::test
