// Evaluates bytecode that check.cpp accepted. Freestanding C++17 — no heap, no exceptions,
// no iostream, no std::string — because the MCU client compiles this file as it stands.
#include "rules/condition/program.h"

#include "rules/condition/format.h"
#include "schemas/limits.h"

namespace muster::rules {

using format::Op;
using format::Tag;

namespace {

// A value on the stack: half the size of Value, since a microcontroller's stack holds 32 of them.
struct Slot {
  Value::Type type = Value::Type::missing;
  bool boolean = false;
  Tag item_tag = Tag::text;  // of a list
  bool literal = false;      // a list: of the program, not of the environment
  std::uint32_t count = 0;   // bytes of a text, items of a list
  union Payload {
    double number = 0;
    const char* text;
    const std::string_view* items;
    const std::uint8_t* encoded;
  } is;
};

Slot truth(bool value) {
  Slot slot;
  slot.type = Value::Type::boolean;
  slot.boolean = value;
  return slot;
}

// A number that is not finite is a reading that failed: missing.
Slot number(double value) {
  Slot slot;
  constexpr double largest = 1.7976931348623157e308;
  if (!(value >= -largest && value <= largest)) return slot;
  slot.type = Value::Type::number;
  slot.is.number = value;
  return slot;
}

Slot text(std::string_view value) {
  Slot slot;
  slot.type = Value::Type::text;
  slot.is.text = value.data();
  slot.count = static_cast<std::uint32_t>(value.size());
  return slot;
}

std::string_view text_of(const Slot& slot) {
  return {slot.is.text, slot.count};
}

Slot from(const Value& value) {
  switch (value.type) {
    case Value::Type::boolean:
      return truth(value.boolean);
    case Value::Type::number:
      return number(value.number);
    case Value::Type::text:
      return text(value.text);
    case Value::Type::list: {
      Slot slot;
      slot.type = Value::Type::list;
      slot.is.items = value.items;
      slot.count = value.item_count;
      return slot;
    }
    case Value::Type::missing:
      break;
  }
  return {};
}

std::string_view text_at(const std::uint8_t* at) {
  return {reinterpret_cast<const char*>(at + 1), at[0]};
}

Slot constant(const std::uint8_t* at) {
  if (static_cast<Tag>(at[0]) == Tag::number) return number(format::read_number(at + 1));
  if (static_cast<Tag>(at[0]) == Tag::text) return text(text_at(at + 1));
  Slot slot;
  slot.type = Value::Type::list;
  slot.literal = true;
  slot.item_tag = static_cast<Tag>(at[1]);
  slot.count = static_cast<std::uint32_t>(format::read_u16(at + 2));
  slot.is.encoded = at + format::list_head_len;
  return slot;
}

// True and false as they are, missing for everything that cannot be compared.
Slot equal(const Slot& left, const Slot& right) {
  if (left.type != right.type) return {};
  switch (left.type) {
    case Value::Type::boolean:
      return truth(left.boolean == right.boolean);
    case Value::Type::number:
      return truth(left.is.number <= right.is.number && left.is.number >= right.is.number);
    case Value::Type::text:
      return truth(text_of(left) == text_of(right));
    default:
      return {};
  }
}

// The item at `at`, and the next one's place.
Slot take_item(Tag tag, const std::uint8_t*& at) {
  Slot item;
  if (tag == Tag::number) {
    item = number(format::read_number(at));
    at += 8;
  } else if (tag == Tag::text) {
    item = text(text_at(at));
    at += 1 + at[0];
  } else {
    item = truth(at[0] != 0);
    at += 1;
  }
  return item;
}

Slot contains(const Slot& list, const Slot& item) {
  if (list.type != Value::Type::list || item.type == Value::Type::missing || item.type == Value::Type::list) return {};
  const std::uint8_t* encoded = list.literal ? list.is.encoded : nullptr;
  bool found = false;
  for (std::uint32_t i = 0; i < list.count && !found; ++i) {
    const Slot same = equal(list.literal ? take_item(list.item_tag, encoded) : text(list.is.items[i]), item);
    if (same.type == Value::Type::missing) return {};
    found = same.boolean;
  }
  return truth(found);
}

Slot calculate(Op op, const Slot& left, const Slot& right) {
  if (left.type != Value::Type::number || right.type != Value::Type::number) return {};
  const double a = left.is.number;
  const double b = right.is.number;
  switch (op) {
    case Op::add:
      return number(a + b);
    case Op::subtract:
      return number(a - b);
    case Op::multiply:
      return number(a * b);
    case Op::divide:
      return b < 0 || b > 0 ? number(a / b) : Slot{};
    case Op::negate:
      return number(-b);
    case Op::less:
      return truth(a < b);
    case Op::less_equal:
      return truth(a <= b);
    case Op::greater:
      return truth(a > b);
    default:
      return truth(a >= b);
  }
}

Outcome outcome_of(const Slot& slot) {
  if (slot.type != Value::Type::boolean) return Outcome::unknown;
  return slot.boolean ? Outcome::yes : Outcome::no;
}

Slot slot_of(Outcome outcome) {
  return outcome == Outcome::unknown ? Slot{} : truth(outcome == Outcome::yes);
}

// Kleene's and, or: a side that decides alone decides, whatever the other one is.
Slot combine(const Slot& left, const Slot& right, Outcome decides) {
  const Outcome a = outcome_of(left);
  const Outcome b = outcome_of(right);
  if (a == decides || b == decides) return slot_of(decides);
  return slot_of(a == Outcome::unknown ? a : b);
}

Slot invert(const Slot& slot) {
  return slot.type == Value::Type::boolean ? truth(!slot.boolean) : Slot{};
}

Slot apply(Op op, const Slot& left, const Slot& right) {
  switch (op) {
    case Op::equal:
      return equal(left, right);
    case Op::not_equal:
      return invert(equal(left, right));
    case Op::in:
      return contains(right, left);
    case Op::logical_and:
      return combine(left, right, Outcome::no);
    case Op::logical_or:
      return combine(left, right, Outcome::yes);
    case Op::logical_not:
      return invert(right);
    default:
      return calculate(op, left, right);
  }
}

}  // namespace

Outcome evaluate(ByteView program, const Environment& environment) {
  if (program.size() < format::header_len) return Outcome::unknown;
  const std::uint8_t* const pool = program.data() + format::header_len;
  Slot stack[limits::program_stack_max];
  std::size_t depth = 0;
  std::size_t position = format::layout_of(program.data()).code_begin;
  while (position < program.size()) {
    const Op op = static_cast<Op>(program.data()[position]);
    const format::OpShape shape = format::shape_of(program.data()[position]);
    position += 1u + shape.operand_len;
    const std::size_t operand = shape.operand_len == 2 ? format::read_u16(program.data() + position - 2) : 0;
    switch (op) {
      case Op::push_constant:
        stack[depth++] = constant(pool + operand);
        break;
      case Op::push_name:
        stack[depth++] = from(environment.lookup(text_at(pool + operand + 1)));
        break;
      case Op::push_true:
      case Op::push_false:
        stack[depth++] = truth(op == Op::push_true);
        break;
      case Op::jump_if_no:
      case Op::jump_if_yes:
        if (outcome_of(stack[depth - 1]) == (op == Op::jump_if_yes ? Outcome::yes : Outcome::no)) position += operand;
        break;
      default: {
        const Slot result = apply(op, stack[depth - shape.pops], stack[depth - 1]);
        depth -= shape.pops;
        stack[depth++] = result;
      }
    }
  }
  return outcome_of(stack[0]);
}

}  // namespace muster::rules
