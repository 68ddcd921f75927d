// Bytecode as text, for `rollout check --explain` and tests.
#include <charconv>

#include "rules/condition/compile.h"
#include "rules/condition/format.h"
#include "rules/condition/program.h"

namespace muster::rules {

using format::Op;
using format::Tag;

namespace {

std::string number_text(double number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  return {digits, end.ptr};
}

std::string quoted(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 0x20) {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// One value without its tag; moves `at` behind it.
std::string item_text(Tag tag, const std::uint8_t*& at) {
  if (tag == Tag::number) {
    at += 8;
    return number_text(format::read_number(at - 8));
  }
  if (tag == Tag::text) {
    const std::string_view text(reinterpret_cast<const char*>(at + 1), at[0]);
    at += 1 + text.size();
    return quoted(text);
  }
  return *at++ != 0 ? "true" : "false";
}

std::string constant_text(const std::uint8_t* at) {
  const Tag tag = static_cast<Tag>(*at);
  if (tag != Tag::list) return item_text(tag, ++at);
  const std::size_t count = format::read_u16(at + 2);
  const Tag item_tag = static_cast<Tag>(at[1]);
  at += format::list_head_len;
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + item_text(item_tag, at);
  return text + "]";
}

}  // namespace

std::string disassemble(ByteView program) {
  const ProgramFault fault = check_program(program);
  if (fault != ProgramFault::none) return std::string("not a sound program: ") + name_of(fault) + "\n";
  const format::Layout layout = format::layout_of(program.data());
  std::string out;
  std::size_t position = layout.code_begin;
  while (position < program.size()) {
    const std::uint8_t opcode = program.data()[position];
    const format::OpShape shape = format::shape_of(opcode);
    const std::size_t next = position + 1 + shape.operand_len;
    out += std::to_string(position - layout.code_begin) + " " + shape.name;
    if (shape.operand_len == 2) {
      const std::size_t operand = format::read_u16(program.data() + position + 1);
      const std::uint8_t* const constant = program.data() + layout.pool_begin + operand;
      switch (static_cast<Op>(opcode)) {
        case Op::push_name:
          out += " " + std::string(reinterpret_cast<const char*>(constant + 2), constant[1]);
          break;
        case Op::push_constant:
          out += " " + constant_text(constant);
          break;
        default:
          out += " " + std::to_string(next + operand - layout.code_begin);
          break;
      }
    }
    out += "\n";
    position = next;
  }
  return out;
}

}  // namespace muster::rules
