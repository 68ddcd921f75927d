// Checks bytecode that came from outside. Freestanding C++17 — no heap, no exceptions, no iostream, no std::string —
// because the MCU client compiles this file as it stands.
#include "rules/condition/format.h"
#include "rules/condition/program.h"
#include "schemas/limits.h"

namespace muster::rules {

using format::Op;
using format::Tag;

namespace {

// What the checker knows of a value; `any` came from the environment, whose types are known only when it runs.
enum class Kind : std::uint8_t { any, boolean, number, text, list };

bool fits(Kind kind, Kind wanted) {
  return kind == Kind::any || kind == wanted;
}

// Walks a program once. Jumps are forward and nest as expressions do, so the open ones form a stack of their own.
class Checker {
 public:
  explicit Checker(ByteView program) : program_(program) {}

  ProgramFault run() {
    if (program_.size() > limits::program_len_max) return ProgramFault::too_long;
    if (program_.size() < format::header_len) return ProgramFault::truncated;
    if (at(0) != format::magic[0] || at(1) != format::magic[1] || at(2) != format::version)
      return ProgramFault::bad_header;
    layout_ = format::layout_of(program_.data());
    if (layout_.code_begin > program_.size()) return ProgramFault::truncated;
    ProgramFault fault = check_pool();
    if (fault == ProgramFault::none) fault = check_code();
    return fault;
  }

 private:
  struct OpenJump {
    std::size_t target;
    std::size_t depth;  // of the stack where the jump was taken, and so where it lands
  };

  std::uint8_t at(std::size_t position) const { return program_.data()[position]; }

  ProgramFault check_pool() {
    std::size_t position = layout_.pool_begin;
    while (position < layout_.code_begin) {
      constant_starts_[position / 8] = static_cast<std::uint8_t>(constant_starts_[position / 8] | 1u << position % 8);
      const std::size_t length = constant_len(position);
      if (length == 0) return ProgramFault::bad_constant;
      position += length;
    }
    return ProgramFault::none;
  }

  // The length of the constant at `position` with its tag; 0 when it is not a whole, valid constant of the pool.
  std::size_t constant_len(std::size_t position) const {
    const std::size_t left = layout_.code_begin - position;
    switch (static_cast<Tag>(at(position))) {
      case Tag::number:
      case Tag::text: {
        const std::size_t length = item_len(static_cast<Tag>(at(position)), position + 1);
        return length == 0 ? 0 : 1 + length;
      }
      case Tag::list: {
        if (left < format::list_head_len) return 0;
        const std::size_t count = format::read_u16(program_.data() + position + 2);
        const std::size_t length = format::read_u16(program_.data() + position + 4);
        if (count > limits::list_literal_max || length > left - format::list_head_len) return 0;
        std::size_t item = position + format::list_head_len;
        const std::size_t end = item + length;
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t used = item_len(static_cast<Tag>(at(position + 1)), item);
          if (used == 0 || used > end - item) return 0;
          item += used;
        }
        return item == end ? format::list_head_len + length : 0;
      }
      case Tag::boolean:
        break;  // true and false are operations; only lists hold them as constants
    }
    return 0;
  }

  // The length of one value without its tag; 0 when the pool ends before it does, or it is not valid.
  std::size_t item_len(Tag tag, std::size_t position) const {
    const std::size_t left = layout_.code_begin - position;
    if (tag == Tag::number) return left >= 8 ? 8 : 0;
    if (tag == Tag::text) return left >= 1 && left - 1 >= at(position) ? 1u + at(position) : 0;
    if (tag == Tag::boolean) return left >= 1 && at(position) <= 1 ? 1 : 0;
    return 0;
  }

  bool starts_constant(std::size_t position) const {
    return position < layout_.code_begin && (constant_starts_[position / 8] >> position % 8 & 1) != 0;
  }

  ProgramFault check_code() {
    std::size_t position = layout_.code_begin;
    std::size_t operations = 0;
    while (position < program_.size()) {
      const ProgramFault landed = land_jumps(position);
      if (landed != ProgramFault::none) return landed;
      const format::OpShape shape = format::shape_of(at(position));
      if (shape.name == nullptr) return ProgramFault::bad_opcode;
      const std::size_t next = position + 1 + shape.operand_len;
      if (next > program_.size()) return ProgramFault::truncated;
      const ProgramFault fault = check_operation(static_cast<Op>(at(position)), shape, next);
      if (fault != ProgramFault::none) return fault;
      position = next;
      ++operations;
    }
    const ProgramFault landed = land_jumps(position);
    if (landed != ProgramFault::none) return landed;
    if (operations != layout_.operations) return ProgramFault::bad_header;
    if (open_count_ != 0) return ProgramFault::bad_jump;
    if (depth_ != 1) return depth_ == 0 ? ProgramFault::stack_underflow : ProgramFault::stack_overflow;
    return fits(stack_[0], Kind::boolean) ? ProgramFault::none : ProgramFault::type_error;
  }

  // Closes the jumps that end at `position`: both ways there must leave the same stack.
  ProgramFault land_jumps(std::size_t position) {
    while (open_count_ > 0 && open_[open_count_ - 1].target <= position) {
      const OpenJump& jump = open_[open_count_ - 1];
      if (jump.target < position || jump.depth != depth_) return ProgramFault::bad_jump;
      if (!fits(stack_[depth_ - 1], Kind::boolean)) return ProgramFault::type_error;
      --open_count_;
    }
    return ProgramFault::none;
  }

  ProgramFault check_operation(Op op, const format::OpShape& shape, std::size_t next) {
    // Below an open jump's own value the stack is not this stretch's to take, or the two ways would differ.
    const std::size_t floor = open_count_ > 0 ? open_[open_count_ - 1].depth - 1 : 0;
    if (depth_ < floor + shape.pops) return ProgramFault::stack_underflow;
    const std::size_t operand = shape.operand_len == 2 ? format::read_u16(program_.data() + next - 2) : 0;
    switch (op) {
      case Op::push_constant:
      case Op::push_name: {
        const std::size_t constant = layout_.pool_begin + operand;
        if (!starts_constant(constant)) return ProgramFault::bad_constant;
        if (op == Op::push_constant) return push(kind_of(static_cast<Tag>(at(constant))));
        return static_cast<Tag>(at(constant)) == Tag::text ? push(Kind::any) : ProgramFault::bad_constant;
      }
      case Op::push_true:
      case Op::push_false:
        return push(Kind::boolean);
      case Op::jump_if_no:
      case Op::jump_if_yes:
        return open_jump(next + operand);
      default:
        return check_calculation(op, shape.pops);
    }
  }

  ProgramFault check_calculation(Op op, std::size_t pops) {
    const Kind right = stack_[depth_ - 1];
    const Kind left = stack_[depth_ - pops];
    depth_ -= pops;
    bool fine = false;
    Kind result = Kind::boolean;
    switch (op) {
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
      case Op::negate:
        result = Kind::number;
        [[fallthrough]];
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
        fine = fits(left, Kind::number) && fits(right, Kind::number);
        break;
      case Op::equal:
      case Op::not_equal:
        fine = left != Kind::list && right != Kind::list && (left == right || left == Kind::any || right == Kind::any);
        break;
      case Op::in:
        fine = left != Kind::list && fits(right, Kind::list);
        break;
      default:
        fine = fits(left, Kind::boolean) && fits(right, Kind::boolean);
        break;
    }
    return fine ? push(result) : ProgramFault::type_error;
  }

  ProgramFault open_jump(std::size_t target) {
    if (!fits(stack_[depth_ - 1], Kind::boolean)) return ProgramFault::type_error;
    if (target > program_.size()) return ProgramFault::bad_jump;
    if (open_count_ > 0) {
      const OpenJump& outer = open_[open_count_ - 1];
      if (outer.target < target) return ProgramFault::bad_jump;
      if (outer.target == target && outer.depth == depth_) return ProgramFault::none;  // a && b && c: one landing
    }
    if (open_count_ == limits::program_stack_max) return ProgramFault::stack_overflow;
    open_[open_count_++] = {target, depth_};
    return ProgramFault::none;
  }

  ProgramFault push(Kind kind) {
    if (depth_ == limits::program_stack_max) return ProgramFault::stack_overflow;
    stack_[depth_++] = kind;
    return ProgramFault::none;
  }

  static Kind kind_of(Tag tag) {
    if (tag == Tag::number) return Kind::number;
    return tag == Tag::text ? Kind::text : Kind::list;
  }

  ByteView program_;
  format::Layout layout_;
  std::uint8_t constant_starts_[limits::program_len_max / 8] = {};  // one bit a byte of the program
  Kind stack_[limits::program_stack_max] = {};
  std::size_t depth_ = 0;
  OpenJump open_[limits::program_stack_max] = {};
  std::size_t open_count_ = 0;
};

}  // namespace

ProgramFault check_program(ByteView program) {
  return Checker(program).run();
}

const char* name_of(ProgramFault fault) {
  switch (fault) {
    case ProgramFault::none:
      return "none";
    case ProgramFault::too_long:
      return "too_long";
    case ProgramFault::bad_header:
      return "bad_header";
    case ProgramFault::bad_constant:
      return "bad_constant";
    case ProgramFault::bad_opcode:
      return "bad_opcode";
    case ProgramFault::bad_jump:
      return "bad_jump";
    case ProgramFault::truncated:
      return "truncated";
    case ProgramFault::stack_overflow:
      return "stack_overflow";
    case ProgramFault::stack_underflow:
      return "stack_underflow";
    case ProgramFault::type_error:
      return "type_error";
  }
  return "unknown";
}

}  // namespace muster::rules
