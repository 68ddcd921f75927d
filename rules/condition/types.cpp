#include "rules/condition/types.h"

#include <algorithm>
#include <cctype>

#include "rules/condition/did_you_mean.h"
#include "schemas/limits.h"

namespace muster::rules {

using format::Op;

namespace {

std::string_view words_for(NodeType type) {
  switch (type) {
    case NodeType::boolean:
      return "a condition";
    case NodeType::number:
      return "a number";
    case NodeType::text:
      return "a text";
    case NodeType::boolean_list:
      return "a list of true and false";
    case NodeType::number_list:
      return "a list of numbers";
    case NodeType::text_list:
      return "a list of texts";
    case NodeType::any:
      break;
  }
  return "a value";
}

bool is_list(NodeType type) {
  return type == NodeType::boolean_list || type == NodeType::number_list || type == NodeType::text_list;
}

NodeType item_of(NodeType list) {
  if (list == NodeType::text_list) return NodeType::text;
  return list == NodeType::number_list ? NodeType::number : NodeType::boolean;
}

NodeType type_of(Name::Type type) {
  switch (type) {
    case Name::Type::text:
      return NodeType::text;
    case Name::Type::number:
      return NodeType::number;
    case Name::Type::boolean:
      return NodeType::boolean;
    case Name::Type::text_list:
      return NodeType::text_list;
  }
  return NodeType::any;
}

// True when two words differ in letters, not only in digits: p95_ms and p90_ms are both good names.
bool differ_in_letters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return true;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool digits = a[i] >= '0' && a[i] <= '9' && b[i] >= '0' && b[i] <= '9';
    if (a[i] != b[i] && !digits) return true;
  }
  return false;
}

class Types {
 public:
  Types(Tree& tree, const Vocabulary& vocabulary, std::vector<ConditionError>& errors)
      : tree_(tree), vocabulary_(vocabulary), errors_(errors) {}

  void run() {
    // Children come before their parents, so one pass over the vector is enough.
    for (Node& node : tree_.nodes) node.type = find_type(node);
    const Node& root = tree_.nodes[tree_.root];
    if (root.type == NodeType::boolean || root.type == NodeType::any) return;
    error(root.offset, "this is " + describe(root) + ", not a condition",
          (is_list(root.type) ? "ask for one item: " : "compare it: ") + example(root));
  }

 private:
  NodeType find_type(const Node& node) {
    switch (node.kind) {
      case NodeKind::error:
        return NodeType::any;
      case NodeKind::name:
        return type_of_name(node);
      case NodeKind::number:
        return NodeType::number;
      case NodeKind::text:
        return NodeType::text;
      case NodeKind::boolean:
        return NodeType::boolean;
      case NodeKind::list:
        return type_of_list(node);
      case NodeKind::negate:
      case NodeKind::chain:
        return type_of_arithmetic(node);
      case NodeKind::logical_not:
        return type_of_not(node);
      case NodeKind::compare:
        return type_of_comparison(node);
      case NodeKind::all:
      case NodeKind::any:
        return type_of_joined(node);
    }
    return NodeType::any;
  }

  NodeType type_of_name(const Node& node) {
    std::vector<std::string_view> known;
    for (const Name& name : *vocabulary_.names) {
      if (name.name == node.source) return type_of(name.type);
      known.push_back(name.name);
    }
    const bool plain = node.source.find('.') == std::string_view::npos;
    if (vocabulary_.other_identifiers_are_numbers && plain) return type_of_metric(node, known);
    std::string meant(closest(node.source, known));
    if (meant.empty() && plain) meant = prefixed_name(node.source, vocabulary_);
    std::string expected = "did you mean " + meant + "?";
    if (meant.empty() && vocabulary_.other_identifiers_are_numbers) {
      expected = "a reading of the device by its plain name, such as " + std::string(known.front());
    } else if (meant.empty()) {
      expected =
          plain ? "put it in quote marks if it is a text: \"" + std::string(node.source) + "\"" : either_of(known);
    }
    error(node.offset, "unknown name " + std::string(node.source), std::move(expected));
    return NodeType::any;
  }

  // Any plain name may be a task metric; but a slip in a standard name would make a rule that never acts.
  NodeType type_of_metric(const Node& node, const std::vector<std::string_view>& known) {
    for (const std::string_view name : known) {
      const bool slip =
          name.size() >= 8 && edit_distance(name, node.source) == 1 && differ_in_letters(name, node.source);
      if (!slip) continue;
      error(node.offset, std::string(node.source) + " is no standard reading",
            "did you mean " + std::string(name) +
                "? A task metric needs a name that differs from it in more than one letter");
      break;
    }
    return NodeType::number;
  }

  NodeType type_of_list(const Node& node) {
    if (node.children.empty()) {
      error(node.offset, "an empty list: nothing is ever in it", "name at least one value, as in [\"eu\", \"us\"]");
      return NodeType::any;
    }
    if (node.children.size() > limits::list_literal_max) {
      error(node.offset, "a list of " + std::to_string(node.children.size()) + " items",
            "at most " + std::to_string(limits::list_literal_max) + " items");
    }
    const NodeType first = child(node, 0).type;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      if (child(node, i).type == first) continue;
      error(child(node, i).offset, "a list of different types",
            std::string(words_for(first)) + ", as the first item is, or all items of another type");
      return NodeType::any;
    }
    if (first == NodeType::text) return NodeType::text_list;
    return first == NodeType::number ? NodeType::number_list : NodeType::boolean_list;
  }

  NodeType type_of_arithmetic(const Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& side = child(node, i);
      if (side.type == NodeType::number || side.type == NodeType::any) continue;
      const Operator& op = node.operators[i == 0 ? 0 : i - 1];
      error(side.offset, "'" + std::string(op.source) + "' calculates with numbers, and this is " + describe(side),
            "a number on " + std::string(node.kind == NodeKind::negate ? "its right" : "each side"));
    }
    return NodeType::number;
  }

  NodeType type_of_not(const Node& node) {
    const Node& side = child(node, 0);
    if (side.type != NodeType::boolean && side.type != NodeType::any) {
      const std::string inside =
          side.kind == NodeKind::text ? std::string(side.source.substr(0, 64)) + " in device.tags" : example(side);
      error(node.offset, "'!' turns a condition around, and this is " + describe(side),
            "parentheses around the comparison: !(" + inside + ")");
      return NodeType::any;  // what stands around it was probably meant for the inside
    }
    return NodeType::boolean;
  }

  NodeType type_of_joined(const Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& side = child(node, i);
      if (side.type == NodeType::boolean || side.type == NodeType::any) continue;
      error(side.offset,
            std::string(node.kind == NodeKind::all ? "'&&'" : "'||'") + " joins conditions, and this is " +
                describe(side),
            (is_list(side.type) ? "ask for one item: " : "compare it: ") + example(side));
    }
    return NodeType::boolean;
  }

  NodeType type_of_comparison(const Node& node) {
    const Node& left = child(node, 0);
    const Node& right = child(node, 1);
    if (left.type == NodeType::any || right.type == NodeType::any) return NodeType::boolean;
    const Operator& op = node.operators.front();
    if (op.op == Op::in) {
      check_membership(left, right, op);
    } else if (is_list(left.type) || is_list(right.type)) {
      const Node& list = is_list(left.type) ? left : right;
      const Node& other = is_list(left.type) ? right : left;
      error(op.offset, "lists cannot be compared with '" + std::string(op.source) + "'",
            is_list(other.type) ? "ask for one item: \"lab\" in device.tags"
                                : name_or(other, "value") + " in " + name_or(list, "[…]"));
    } else if (left.type != right.type) {
      error(op.offset, describe(left) + " cannot be compared with " + describe(right),
            std::string(words_for(left.type)) + " on both sides, as in " + example(left));
    } else if (left.type != NodeType::number && op.op != Op::equal && op.op != Op::not_equal) {
      error(op.offset, "'" + std::string(op.source) + "' orders numbers, and " + describe(left) + " has no such order",
            left.type == NodeType::text ? "== or !=, or in [\"a\", \"b\"]; as text, \"9\" would come after \"12\""
                                        : "== or !=, or use it as it stands");
    }
    return NodeType::boolean;
  }

  void check_membership(const Node& left, const Node& right, const Operator& op) {
    if (!is_list(right.type)) {
      error(right.offset, "'in' looks into a list, and this is " + describe(right),
            right.kind == NodeKind::text || right.kind == NodeKind::number
                ? "a list: [" + std::string(right.source) + "]"
                : "device.tags, device.accelerators or a list such as [\"eu\", \"us\"]");
    } else if (left.type != item_of(right.type)) {
      error(op.offset, describe(left) + " is never in " + describe(right),
            std::string(words_for(item_of(right.type))) + " on the left of 'in'");
    }
  }

  const Node& child(const Node& node, std::size_t i) const { return tree_.nodes[node.children[i]]; }

  static std::string describe(const Node& node) {
    const std::string words(words_for(node.type));
    return node.source.empty() ? words : words + " (" + std::string(node.source.substr(0, 40)) + ")";
  }
  static std::string name_or(const Node& node, std::string other) {
    return node.kind == NodeKind::name || node.kind == NodeKind::text || node.kind == NodeKind::number
               ? std::string(node.source.substr(0, 64))
               : other;
  }
  // What would be right with a value where a condition belongs.
  static std::string example(const Node& node) {
    const bool is_name = node.kind == NodeKind::name;
    const std::string source(node.source.substr(0, 64));
    if (is_list(node.type)) return "\"lab\" in " + (is_name ? source : "device.tags");
    if (node.type == NodeType::text)
      return is_name ? source + " == \"…\"" : "device.region == " + (source.empty() ? "\"eu\"" : source);
    if (node.type == NodeType::number) return is_name ? source + " > 0" : "device.memory_mb > 1024";
    return "true";
  }

  void error(std::size_t offset, std::string what, std::string expected) {
    errors_.push_back({offset, std::move(what), std::move(expected)});
  }

  Tree& tree_;
  const Vocabulary& vocabulary_;
  std::vector<ConditionError>& errors_;
};

}  // namespace

std::string prefixed_name(std::string_view word, const Vocabulary& vocabulary) {
  constexpr std::string_view prefix = "device.";
  std::vector<std::string_view> rests;
  for (const Name& name : *vocabulary.names) {
    if (name.name.substr(0, prefix.size()) == prefix) rests.push_back(name.name.substr(prefix.size()));
  }
  const std::string_view meant = closest(word, rests);
  return meant.empty() ? std::string() : std::string(prefix) + std::string(meant);
}

void check_types(Tree& tree, const Vocabulary& vocabulary, std::vector<ConditionError>& errors) {
  Types(tree, vocabulary, errors).run();
}

}  // namespace muster::rules
