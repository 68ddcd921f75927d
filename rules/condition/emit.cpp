#include "rules/condition/emit.h"

#include <map>

namespace muster::rules {

using format::Op;
using format::Tag;

namespace {

void put_u16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8 & 0xFF));
  out.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

void put_number(Bytes& out, double number) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(bits >> shift & 0xFF));
}

void put_text(Bytes& out, std::string_view text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

class Emitter {
 public:
  explicit Emitter(const Tree& tree) : tree_(tree) {}

  Bytes run() {
    emit(tree_.nodes[tree_.root]);
    Bytes program{format::magic[0], format::magic[1], format::version};
    put_u16(program, operations_);
    put_u16(program, pool_.size());
    program.insert(program.end(), pool_.begin(), pool_.end());
    program.insert(program.end(), code_.begin(), code_.end());
    return program;
  }

 private:
  void emit(const Node& node) {
    switch (node.kind) {
      case NodeKind::error:
        break;
      case NodeKind::name:
        push(Op::push_name, text_constant(node.source));
        break;
      case NodeKind::text:
        push(Op::push_constant, text_constant(node.text));
        break;
      case NodeKind::number:
        push(Op::push_constant, number_constant(node.number));
        break;
      case NodeKind::boolean:
        operation(node.boolean ? Op::push_true : Op::push_false);
        break;
      case NodeKind::list:
        push(Op::push_constant, list_constant(node));
        break;
      case NodeKind::negate:
      case NodeKind::logical_not:
      case NodeKind::compare:
      case NodeKind::chain:
        emit_calculation(node);
        break;
      case NodeKind::all:
        emit_joined(node, Op::jump_if_no, Op::logical_and);
        break;
      case NodeKind::any:
        emit_joined(node, Op::jump_if_yes, Op::logical_or);
        break;
    }
  }

  void emit_calculation(const Node& node) {
    emit(child(node, 0));
    if (node.children.size() == 1) return operation(node.operators.front().op);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      emit(child(node, i));
      operation(node.operators[i - 1].op);
    }
  }

  // a && b && c: a, jump_if_no end, b, and, jump_if_no end, c, and, end. A side that decides skips all that follow.
  void emit_joined(const Node& node, Op jump, Op combine) {
    std::vector<std::size_t> operands;
    emit(child(node, 0));
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      push(jump, 0);
      operands.push_back(code_.size() - 2);
      emit(child(node, i));
      operation(combine);
    }
    for (const std::size_t operand : operands) {
      const std::size_t distance = code_.size() - (operand + 2);
      code_[operand] = static_cast<std::uint8_t>(distance >> 8 & 0xFF);
      code_[operand + 1] = static_cast<std::uint8_t>(distance & 0xFF);
    }
  }

  void operation(Op op) {
    code_.push_back(static_cast<std::uint8_t>(op));
    ++operations_;
  }
  void push(Op op, std::size_t operand) {
    operation(op);
    put_u16(code_, operand);
  }

  std::size_t text_constant(std::string_view text) {
    Bytes constant{static_cast<std::uint8_t>(Tag::text)};
    put_text(constant, text);
    return pooled(constant);
  }
  std::size_t number_constant(double number) {
    Bytes constant{static_cast<std::uint8_t>(Tag::number)};
    put_number(constant, number);
    return pooled(constant);
  }
  std::size_t list_constant(const Node& list) {
    Bytes items;
    Tag tag = Tag::text;
    for (std::size_t i = 0; i < list.children.size(); ++i) {
      const Node& item = child(list, i);
      if (item.kind == NodeKind::text) {
        put_text(items, item.text);
      } else if (item.kind == NodeKind::number) {
        tag = Tag::number;
        put_number(items, item.number);
      } else {
        tag = Tag::boolean;
        items.push_back(item.boolean ? 1 : 0);
      }
    }
    Bytes constant{static_cast<std::uint8_t>(Tag::list), static_cast<std::uint8_t>(tag)};
    put_u16(constant, list.children.size());
    put_u16(constant, items.size());
    constant.insert(constant.end(), items.begin(), items.end());
    return pooled(constant);
  }

  // Each constant once, however often the condition uses it.
  std::size_t pooled(const Bytes& constant) {
    const auto [found, is_new] = offsets_.try_emplace(constant, pool_.size());
    if (is_new) pool_.insert(pool_.end(), constant.begin(), constant.end());
    return found->second;
  }

  const Node& child(const Node& node, std::size_t i) const { return tree_.nodes[node.children[i]]; }

  const Tree& tree_;
  Bytes pool_, code_;
  std::map<Bytes, std::size_t> offsets_;
  std::size_t operations_ = 0;
};

}  // namespace

Bytes emit(const Tree& tree) {
  return Emitter(tree).run();
}

}  // namespace muster::rules
