#include "tests/fuzz/tree_twin.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

namespace muster::fuzz {
namespace {

using rules::Node;
using rules::NodeKind;
using rules::Outcome;
using rules::Tree;
using rules::Value;
using rules::format::Op;

struct Item;
using Items = std::vector<Item>;
// monostate: not known.
struct Item {
  std::variant<std::monostate, bool, double, std::string, Items> is;
};

bool known(const Item& item) {
  return item.is.index() != 0;
}

Item number(double value) {
  return std::isfinite(value) ? Item{value} : Item{};
}

Item from(const Value& value) {
  switch (value.type) {
    case Value::Type::boolean:
      return {value.boolean};
    case Value::Type::number:
      return number(value.number);
    case Value::Type::text:
      return {std::string(value.text)};
    case Value::Type::list: {
      Items items;
      for (std::uint32_t i = 0; i < value.item_count; ++i) items.push_back({std::string(value.items[i])});
      return {std::move(items)};
    }
    case Value::Type::missing:
      break;
  }
  return {};
}

// True or false, or nothing known when they are of two kinds.
Item same(const Item& a, const Item& b) {
  if (a.is.index() != b.is.index()) return {};
  if (const auto* left = std::get_if<bool>(&a.is)) return {*left == std::get<bool>(b.is)};
  if (const auto* left = std::get_if<double>(&a.is))
    return {!(*left < std::get<double>(b.is)) && !(*left > std::get<double>(b.is))};
  if (const auto* left = std::get_if<std::string>(&a.is)) return {*left == std::get<std::string>(b.is)};
  return {};
}

Item opposite(const Item& item) {
  const auto* truth = std::get_if<bool>(&item.is);
  return truth == nullptr ? Item{} : Item{!*truth};
}

class Twin {
 public:
  Twin(const Tree& tree, const rules::Environment& environment) : tree_(tree), environment_(environment) {}

  Item value(std::size_t index) const {
    const Node& node = tree_.nodes[index];
    switch (node.kind) {
      case NodeKind::name:
        return from(environment_.lookup(node.source));
      case NodeKind::number:
        return number(node.number);
      case NodeKind::text:
        return {node.text};
      case NodeKind::boolean:
        return {node.boolean};
      case NodeKind::list: {
        Items items;
        for (const auto child : node.children) items.push_back(value(child));
        return {std::move(items)};
      }
      case NodeKind::negate: {
        const auto side = value(node.children[0]);
        const auto* of = std::get_if<double>(&side.is);
        return of == nullptr ? Item{} : number(-*of);
      }
      case NodeKind::logical_not:
        return opposite(value(node.children[0]));
      case NodeKind::chain:
        return chain(node);
      case NodeKind::compare:
        return compare(node);
      case NodeKind::all:
        return joined(node, false);
      case NodeKind::any:
        return joined(node, true);
      case NodeKind::error:
        break;
    }
    return {};
  }

 private:
  Item chain(const Node& node) const {
    auto left = value(node.children[0]);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      left = calculated(node.operators[i - 1].op, left, value(node.children[i]));
    }
    return left;
  }

  static Item calculated(Op op, const Item& left, const Item& right) {
    const auto* a = std::get_if<double>(&left.is);
    const auto* b = std::get_if<double>(&right.is);
    if (a == nullptr || b == nullptr) return {};
    if (op == Op::add) return number(*a + *b);
    if (op == Op::subtract) return number(*a - *b);
    if (op == Op::multiply) return number(*a * *b);
    return std::fpclassify(*b) == FP_ZERO ? Item{} : number(*a / *b);
  }

  Item compare(const Node& node) const {
    const auto op = node.operators.front().op;
    const auto left = value(node.children[0]);
    const auto right = value(node.children[1]);
    if (op == Op::in) return inside(left, right);
    if (op == Op::equal) return same(left, right);
    if (op == Op::not_equal) return opposite(same(left, right));
    const auto* a = std::get_if<double>(&left.is);
    const auto* b = std::get_if<double>(&right.is);
    if (a == nullptr || b == nullptr) return {};
    if (op == Op::less) return {*a < *b};
    if (op == Op::less_equal) return {*a <= *b};
    if (op == Op::greater) return {*a > *b};
    return {*a >= *b};
  }

  static Item inside(const Item& item, const Item& list) {
    const auto* items = std::get_if<Items>(&list.is);
    if (items == nullptr || !known(item) || std::holds_alternative<Items>(item.is)) return {};
    for (const auto& each : *items) {
      const auto equal = same(each, item);
      if (!known(equal)) return {};
      if (std::get<bool>(equal.is)) return {true};
    }
    return {false};
  }

  // Kleene's and, or: a side that decides alone decides.
  Item joined(const Node& node, bool decides) const {
    bool all_known = true;
    bool decided = false;
    for (const auto child : node.children) {
      const auto side = value(child);
      const auto* truth = std::get_if<bool>(&side.is);
      all_known = all_known && truth != nullptr;
      decided = decided || (truth != nullptr && *truth == decides);
    }
    if (decided) return {decides};
    return all_known ? Item{!decides} : Item{};
  }

  const Tree& tree_;
  const rules::Environment& environment_;
};

constexpr std::string_view tag_values[] = {"lab", "eu", "a", ""};

std::uint32_t mixed(std::string_view name, std::uint8_t salt) {
  std::uint32_t hash = 2166136261u ^ salt;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash ^ (hash >> 13);
}

}  // namespace

Outcome evaluate_tree(const Tree& tree, const rules::Environment& environment) {
  const auto result = Twin(tree, environment).value(tree.root);
  const auto* truth = std::get_if<bool>(&result.is);
  if (truth == nullptr) return Outcome::unknown;
  return *truth ? Outcome::yes : Outcome::no;
}

Value SaltedEnvironment::lookup(std::string_view name) const {
  if (salt_ == 0) return {};
  const auto hash = mixed(name, salt_);
  constexpr double numbers[] = {0, 1, -1, 2.5, 1024, 1e308};
  switch (hash % 8) {
    case 0:
      return {};
    case 1:
      return Value::of((hash & 256) != 0);
    case 2:
    case 3:
      return Value::of(tag_values[(hash >> 8) % std::size(tag_values)]);
    case 4:
      return Value::of_list(tag_values, (hash >> 8) % (std::size(tag_values) + 1));
    default:
      return Value::of(numbers[(hash >> 8) % std::size(numbers)]);
  }
}

}  // namespace muster::fuzz
