// The layout of compiled conditions, shared by the compiler, the checker, the evaluator and the disassembler; nobody
// else needs it. Freestanding C++17, no allocation; pure functions, any thread. docs/conditions.md has the same table
// in prose.
//
//   0  'M' 'C'                      magic
//   2  1                            format version
//   3  operations                   u16: how many operations the code holds
//   5  pool length                  u16: bytes of constants
//   7  constants                    each one stored once, however often the condition uses it
//      code                         operations, to the end of the program
//
// All multi-byte integers are big-endian. A constant is named by its offset in the pool, so reading one costs no
// search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace muster::rules::format {

inline constexpr std::uint8_t magic[2] = {'M', 'C'};
inline constexpr std::uint8_t version = 1;
inline constexpr std::size_t header_len = 7;
inline constexpr std::size_t text_literal_len_max = 255;  // its length is one byte

// Constants. number: tag, 8 bytes IEEE 754. text: tag, u8 length, bytes. list: tag, item tag, u16 count, u16 length of
// the items in bytes, items; an item is its constant without the tag, and a boolean item is one byte, 0 or 1.
enum class Tag : std::uint8_t { number = 1, text = 2, list = 3, boolean = 4 };
inline constexpr std::size_t list_head_len = 6;

// Numbers are fixed for ever: devices in the field hold programs of older releases.
enum class Op : std::uint8_t {
  push_constant = 0x01,  // u16 pool offset → value
  push_name = 0x02,      // u16 pool offset of a text → what the environment knows under that name
  push_true = 0x03,
  push_false = 0x04,
  add = 0x10,  // number number → number
  subtract = 0x11,
  multiply = 0x12,
  divide = 0x13,
  negate = 0x14,  // number → number
  equal = 0x20,   // two of one type, no lists → boolean
  not_equal = 0x21,
  less = 0x22,  // number number → boolean
  less_equal = 0x23,
  greater = 0x24,
  greater_equal = 0x25,
  in = 0x26,           // item list → boolean
  logical_and = 0x30,  // boolean boolean → boolean
  logical_or = 0x31,
  logical_not = 0x32,  // boolean → boolean
  jump_if_no = 0x40,   // u16 distance from the next operation, forward; the boolean stays on the stack
  jump_if_yes = 0x41,
};

struct OpShape {
  const char* name;  // as the disassembler prints it; null: no such operation
  std::uint8_t operand_len;
  std::uint8_t pops;
};

[[nodiscard]] constexpr OpShape shape_of(std::uint8_t opcode) {
  switch (static_cast<Op>(opcode)) {
    case Op::push_constant:
      return {"constant", 2, 0};
    case Op::push_name:
      return {"name", 2, 0};
    case Op::push_true:
      return {"true", 0, 0};
    case Op::push_false:
      return {"false", 0, 0};
    case Op::add:
      return {"add", 0, 2};
    case Op::subtract:
      return {"subtract", 0, 2};
    case Op::multiply:
      return {"multiply", 0, 2};
    case Op::divide:
      return {"divide", 0, 2};
    case Op::negate:
      return {"negate", 0, 1};
    case Op::equal:
      return {"equal", 0, 2};
    case Op::not_equal:
      return {"not_equal", 0, 2};
    case Op::less:
      return {"less", 0, 2};
    case Op::less_equal:
      return {"less_equal", 0, 2};
    case Op::greater:
      return {"greater", 0, 2};
    case Op::greater_equal:
      return {"greater_equal", 0, 2};
    case Op::in:
      return {"in", 0, 2};
    case Op::logical_and:
      return {"and", 0, 2};
    case Op::logical_or:
      return {"or", 0, 2};
    case Op::logical_not:
      return {"not", 0, 1};
    case Op::jump_if_no:
      return {"jump_if_no", 2, 1};
    case Op::jump_if_yes:
      return {"jump_if_yes", 2, 1};
  }
  return {nullptr, 0, 0};
}

// REQUIRES: two (eight) readable bytes.
[[nodiscard]] constexpr std::size_t read_u16(const std::uint8_t* at) {
  return static_cast<std::size_t>(at[0]) << 8 | at[1];
}
[[nodiscard]] inline double read_number(const std::uint8_t* at) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | at[i];
  double number = 0;
  static_assert(sizeof number == sizeof bits, "programs hold IEEE 754 double precision");
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

// Where the parts of a program lie. REQUIRES: check_program(program) == none, or at least its header checks.
struct Layout {
  std::size_t operations = 0;
  std::size_t pool_begin = header_len;
  std::size_t code_begin = header_len;
};
[[nodiscard]] constexpr Layout layout_of(const std::uint8_t* program) {
  return {read_u16(program + 3), header_len, header_len + read_u16(program + 5)};
}

}  // namespace muster::rules::format
