// The compiled evaluation against a dumb twin that walks a tree: random conditions, random devices, the same answer.
// The twin never sees text or bytecode; the condition is written out with as few parentheses as CEL's precedence
// allows.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <variant>

#include "schemas/limits.h"
#include "tests/unit/condition/fixture.h"

namespace muster::rules::test {
namespace {

using Random = std::mt19937_64;
using TextList = std::vector<std::string>;
// monostate: unknown.
using Result = std::variant<std::monostate, bool, double, std::string, TextList, std::vector<double>>;

std::size_t pick(Random& random, std::size_t count) {
  return random() % count;
}

struct Expression {
  std::string op;  // empty: a leaf
  std::string source;
  std::string name;  // a leaf that looks something up
  Result literal;
  std::vector<Expression> sides;
};

// What the twin and the program both see. A third of it is missing.
struct World {
  std::map<std::string, Result> values;
};

constexpr std::string_view texts[] = {"eu", "us", "", "a\"b", "línea"};
constexpr double numbers[] = {0, 1, 2, -1, 2.5, 1e300};
constexpr const char* text_names[] = {"t1", "t2", "device.region"};
constexpr const char* number_names[] = {"n1", "n2", "n3"};
constexpr const char* boolean_names[] = {"b1", "b2"};
constexpr const char* list_names[] = {"l1", "device.tags"};

Vocabulary vocabulary() {
  using Type = Name::Type;
  static const std::vector<Name> names = {{"t1", Type::text},
                                          {"t2", Type::text},
                                          {"device.region", Type::text},
                                          {"n1", Type::number},
                                          {"n2", Type::number},
                                          {"n3", Type::number},
                                          {"b1", Type::boolean},
                                          {"b2", Type::boolean},
                                          {"l1", Type::text_list},
                                          {"device.tags", Type::text_list}};
  return {&names, false};
}

std::string written(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}
std::string written(double number) {
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.17g", number);
  return digits;
}

class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {}

  Expression condition(int depth) {
    if (depth == 0) return boolean_leaf();
    switch (pick(random_, 8)) {
      case 0:
        return {"!", "", "", {}, sides(condition(depth - 1))};
      case 1:
      case 2:
        return joined("&&", depth);
      case 3:
      case 4:
        return joined("||", depth);
      case 5:
        return {chosen({"==", "!=", "<", "<=", ">", ">="}), "", "", {}, sides(number(depth - 1), number(depth - 1))};
      case 6:
        return {chosen({"==", "!="}), "", "", {}, sides(text_leaf(), text_leaf())};
      default:
        return membership(depth);
    }
  }

 private:
  template <typename... Side>
  static std::vector<Expression> sides(Side... side) {
    std::vector<Expression> all;
    (all.push_back(std::move(side)), ...);
    return all;
  }

  std::string chosen(std::initializer_list<const char*> words) { return words.begin()[pick(random_, words.size())]; }

  Expression joined(const char* op, int depth) {
    Expression node{op, "", "", {}, {}};
    for (std::size_t i = 0, count = 2 + pick(random_, 3); i < count; ++i) node.sides.push_back(condition(depth - 1));
    return node;
  }

  Expression membership(int depth) {
    if (pick(random_, 3) == 0) return {"in", "", "", {}, sides(number(depth - 1), number_list())};
    return {"in", "", "", {}, sides(text_leaf(), pick(random_, 2) == 0 ? text_list() : lookup(list_names))};
  }

  Expression number(int depth) {
    if (depth <= 0 || pick(random_, 3) == 0) {
      if (pick(random_, 2) == 0) return lookup(number_names);
      const double value = numbers[pick(random_, std::size(numbers))];
      return {"", written(value), "", value, {}};
    }
    if (pick(random_, 5) == 0) return {"neg", "", "", {}, sides(number(depth - 1))};
    return {chosen({"+", "-", "*", "/"}), "", "", {}, sides(number(depth - 1), number(depth - 1))};
  }

  Expression boolean_leaf() {
    if (pick(random_, 2) == 0) return lookup(boolean_names);
    const bool value = pick(random_, 2) == 0;
    return {"", value ? "true" : "false", "", value, {}};
  }

  Expression text_leaf() {
    if (pick(random_, 2) == 0) return lookup(text_names);
    const std::string value(texts[pick(random_, std::size(texts))]);
    return {"", written(value), "", value, {}};
  }

  Expression text_list() {
    TextList items;
    std::string source = "[";
    for (std::size_t i = 0, count = 1 + pick(random_, 3); i < count; ++i) {
      items.emplace_back(texts[pick(random_, std::size(texts))]);
      source += (i > 0 ? ", " : "") + written(items.back());
    }
    return {"", source + "]", "", items, {}};
  }

  Expression number_list() {
    std::vector<double> items;
    std::string source = "[";
    for (std::size_t i = 0, count = 1 + pick(random_, 3); i < count; ++i) {
      items.push_back(numbers[pick(random_, std::size(numbers))]);
      source += (i > 0 ? "," : "") + written(items.back());
    }
    return {"", source + "]", "", items, {}};
  }

  template <std::size_t N>
  Expression lookup(const char* const (&names)[N]) {
    const std::string name = names[pick(random_, N)];
    return {"", name, name, {}, {}};
  }

  Random& random_;
};

int binding(const std::string& op) {
  if (op == "||") return 1;
  if (op == "&&") return 2;
  if (op == "+" || op == "-") return 4;
  if (op == "*" || op == "/") return 5;
  if (op == "!" || op == "neg") return 6;
  return op.empty() ? 7 : 3;
}

// A side that binds as loosely as the operator itself needs parentheses on the right, and in comparisons on the left
// too.
std::string write(const Expression& e) {
  if (e.op.empty()) return e.source;
  const int own = binding(e.op);
  const auto side = [&](const Expression& s, bool first) {
    const bool bare =
        binding(s.op) > own || (first && binding(s.op) == own && own != 3) || (own == 6 && binding(s.op) == 6);
    return bare ? write(s) : "(" + write(s) + ")";
  };
  if (own == 6) return (e.op == "!" ? "!" : "- ") + side(e.sides[0], true);
  std::string out = side(e.sides[0], true);
  for (std::size_t i = 1; i < e.sides.size(); ++i) out += " " + e.op + " " + side(e.sides[i], false);
  return out;
}

Result finite(double number) {
  return std::isfinite(number) ? Result(number) : Result();
}

Result calculated(const std::string& op, double a, double b) {
  if (op == "+") return finite(a + b);
  if (op == "-") return finite(a - b);
  if (op == "*") return finite(a * b);
  if (op == "/") return b == 0 ? Result() : finite(a / b);
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return a >= b;
}

Result twin(const Expression& e, const World& world);

Result twin_joined(const Expression& e, const World& world) {
  const bool decides = e.op == "||";
  bool unknown = false;
  for (const Expression& side : e.sides) {
    const Result value = twin(side, world);
    if (value == Result(decides)) return decides;
    unknown = unknown || value == Result();
  }
  return unknown ? Result() : Result(!decides);
}

Result twin_in(const Result& item, const Result& list) {
  if (item == Result() || list == Result()) return {};
  if (const auto* items = std::get_if<TextList>(&list)) {
    return std::find(items->begin(), items->end(), std::get<std::string>(item)) != items->end();
  }
  const auto& items = std::get<std::vector<double>>(list);
  return std::find(items.begin(), items.end(), std::get<double>(item)) != items.end();
}

Result twin(const Expression& e, const World& world) {
  if (e.op.empty()) return e.name.empty() ? e.literal : world.values.at(e.name);
  if (e.op == "&&" || e.op == "||") return twin_joined(e, world);
  const Result a = twin(e.sides[0], world);
  if (e.op == "!") return a == Result() ? Result() : Result(!std::get<bool>(a));
  if (e.op == "neg") return a == Result() ? Result() : Result(-std::get<double>(a));
  const Result b = twin(e.sides[1], world);
  if (e.op == "in") return twin_in(a, b);
  if (a == Result() || b == Result()) return {};
  if (e.op == "==") return a == b;
  if (e.op == "!=") return a != b;
  return calculated(e.op, std::get<double>(a), std::get<double>(b));
}

// The same world as the program sees it; views into `world` and `lists`.
Readings readings_of(const World& world, std::vector<std::vector<std::string_view>>& lists) {
  Readings readings;
  for (const auto& [name, value] : world.values) {
    if (const auto* b = std::get_if<bool>(&value)) readings.set(name, Value::of(*b));
    if (const auto* n = std::get_if<double>(&value)) readings.set(name, Value::of(*n));
    if (const auto* t = std::get_if<std::string>(&value)) readings.set(name, Value::of(std::string_view(*t)));
    if (const auto* l = std::get_if<TextList>(&value)) {
      lists.emplace_back(l->begin(), l->end());
      readings.set(name, Value::of_list(lists.back().data(), static_cast<std::uint32_t>(lists.back().size())));
    }
  }
  return readings;
}

World random_world(Random& random) {
  World world;
  const auto fill = [&](const char* name, Result value) {
    world.values[name] = pick(random, 3) == 0 ? Result() : std::move(value);
  };
  for (const char* name : text_names) fill(name, std::string(texts[pick(random, std::size(texts))]));
  for (const char* name : number_names) fill(name, numbers[pick(random, std::size(numbers))]);
  for (const char* name : boolean_names) fill(name, pick(random, 2) == 0);
  for (const char* name : list_names) {
    TextList items;
    for (std::size_t i = 0, count = pick(random, 4); i < count; ++i)
      items.emplace_back(texts[pick(random, std::size(texts))]);
    fill(name, items);
  }
  return world;
}

TEST(Twin, AgreesWithTheProgramOnRandomConditions) {
  constexpr std::uint64_t seed = 20260729;
  Random random(seed);
  Generator generator(random);
  std::size_t outcomes[3] = {};
  for (int round = 0; round < 20'000; ++round) {
    const Expression expression = generator.condition(1 + static_cast<int>(pick(random, 4)));
    const std::string text = write(expression);
    const CompiledCondition compiled = compile_condition(text, vocabulary());
    if (!compiled.ok()) {
      // Only size may be in the way of a well-typed condition.
      const bool too_big = text.size() > limits::condition_text_len_max ||
                           compiled.errors[0].what.find("bytes compiled") != std::string::npos;
      ASSERT_TRUE(too_big) << "seed " << seed << " round " << round << ": " << text << ": " << compiled.errors[0].what;
      continue;
    }
    for (int device = 0; device < 3; ++device) {
      const World world = random_world(random);
      std::vector<std::vector<std::string_view>> lists;
      lists.reserve(std::size(list_names));
      const Result wanted = twin(expression, world);
      const Outcome outcome = evaluate(compiled.program, readings_of(world, lists));
      const Outcome expected = wanted == Result()       ? Outcome::unknown
                               : std::get<bool>(wanted) ? Outcome::yes
                                                        : Outcome::no;
      ASSERT_EQ(outcome, expected) << "seed " << seed << " round " << round << ": " << text << "\n"
                                   << disassemble(compiled.program);
      ++outcomes[static_cast<std::size_t>(outcome)];
    }
  }
  for (const std::size_t count : outcomes) EXPECT_GT(count, 5'000u) << "the generator has become one-sided";
}

}  // namespace
}  // namespace muster::rules::test
