// A compiled condition: bytecode for a small stack machine, evaluated by the broker (targets), the Linux agent and the
// MCU (recovery rules) with the same code. The language is a subset of CEL (github.com/google/cel-spec): comparisons,
// && || !, `in`, + - * /, literals of string, number, bool and list, identifiers and `device.*`. Freestanding C++17, no
// allocation, no exceptions; a Program is read-only and may be shared by threads.
//
// The bytes are described in format.h and in docs/conditions.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::rules {

// What an environment knows under a name. Strings and lists are views into the environment's storage and must stay
// valid while evaluate() runs.
struct Value {
  enum class Type : std::uint8_t { missing, boolean, number, text, list };
  Type type = Type::missing;
  bool boolean = false;
  double number = 0;  // not finite counts as missing
  std::string_view text;
  const std::string_view* items = nullptr;  // a list of texts, such as device.tags
  std::uint32_t item_count = 0;

  static Value of(bool v) {
    Value x;
    x.type = Type::boolean;
    x.boolean = v;
    return x;
  }
  static Value of(double v) {
    Value x;
    x.type = Type::number;
    x.number = v;
    return x;
  }
  static Value of(std::string_view v) {
    Value x;
    x.type = Type::text;
    x.text = v;
    return x;
  }
  static Value of(const char* v) { return of(std::string_view(v)); }
  static Value of_list(const std::string_view* items, std::uint32_t count) {
    Value x;
    x.type = Type::list;
    x.items = items;
    x.item_count = count;
    return x;
  }
};

// Where names get their values: "device.region", "gpu_oom_count". Return a missing Value for what is not known.
class Environment {
 public:
  virtual Value lookup(std::string_view name) const = 0;

 protected:
  ~Environment() = default;
};

// Three-valued on purpose: a comparison with something missing is `unknown`, and unknown is neither met nor healthy
// (Kleene logic: false && unknown = false, true || unknown = true, otherwise unknown).
enum class Outcome : std::uint8_t { no, yes, unknown };

enum class ProgramFault : std::uint8_t {
  none,
  too_long,
  bad_header,
  bad_constant,
  bad_opcode,
  bad_jump,
  truncated,
  stack_overflow,
  stack_underflow,
  type_error
};
[[nodiscard]] const char* name_of(ProgramFault fault);

// Walks the whole program once without running it: lengths, constants, opcodes, jumps (forward only, onto an operation,
// with the same stack on both ways), stack depth, and types as far as they do not depend on the environment. Run it on
// every program that came from outside, before evaluate(). Any bytes may be given.
[[nodiscard]] ProgramFault check_program(ByteView program);

// REQUIRES: check_program(program) == none. Never loops: cost is bounded by program_len_max. Whatever types the
// environment returns, the outcome is defined: what cannot be compared is unknown. Division by zero and numbers that
// overflow are unknown.
[[nodiscard]] Outcome evaluate(ByteView program, const Environment& environment);

}  // namespace muster::rules
