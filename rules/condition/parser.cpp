#include "rules/condition/parser.h"

#include <optional>

#include "schemas/limits.h"

namespace muster::rules {

using format::Op;

namespace {

std::optional<Op> comparison(TokenKind kind) {
  switch (kind) {
    case TokenKind::equal:
      return Op::equal;
    case TokenKind::not_equal:
      return Op::not_equal;
    case TokenKind::less:
      return Op::less;
    case TokenKind::less_equal:
      return Op::less_equal;
    case TokenKind::greater:
      return Op::greater;
    case TokenKind::greater_equal:
      return Op::greater_equal;
    case TokenKind::in:
      return Op::in;
    default:
      return std::nullopt;
  }
}

std::optional<Op> sum(TokenKind kind) {
  if (kind == TokenKind::plus) return Op::add;
  return kind == TokenKind::minus ? std::optional(Op::subtract) : std::nullopt;
}

std::optional<Op> product(TokenKind kind) {
  if (kind == TokenKind::times) return Op::multiply;
  return kind == TokenKind::divided_by ? std::optional(Op::divide) : std::nullopt;
}

std::string quoted(const Token& token) {
  return token.kind == TokenKind::end ? "the end of the condition" : "'" + std::string(token.source) + "'";
}

// One method a line of the grammar in docs/conditions.md.
class Parser {
 public:
  Parser(const std::vector<Token>& tokens, std::vector<ConditionError>& errors) : tokens_(tokens), errors_(errors) {}

  Tree run() {
    std::size_t root = parse_any();
    while (now().kind != TokenKind::end) {
      const Token& stray = now();
      if (stray.kind == TokenKind::close) {
        error(stray.offset, "')' without '('", "remove it, or open it where it should start");
      } else {
        error(stray.offset, quoted(stray) + " cannot follow here", "join two conditions with && or ||");
      }
      take();
      skip_to_joint();
      if (now().kind == TokenKind::logical_and || now().kind == TokenKind::logical_or) take();
      if (now().kind == TokenKind::end) break;
      root = join(NodeKind::all, {root, parse_any()});  // only to check the rest; there is an error already
    }
    tree_.root = root;
    return std::move(tree_);
  }

 private:
  std::size_t parse_any() { return parse_joined(NodeKind::any, TokenKind::logical_or); }
  std::size_t parse_all() { return parse_joined(NodeKind::all, TokenKind::logical_and); }

  std::size_t parse_joined(NodeKind kind, TokenKind joint) {
    std::vector<std::size_t> children{joint == TokenKind::logical_or ? parse_all() : parse_relation()};
    while (now().kind == joint) {
      take();
      children.push_back(joint == TokenKind::logical_or ? parse_all() : parse_relation());
    }
    return children.size() == 1 ? children.front() : join(kind, std::move(children));
  }

  std::size_t join(NodeKind kind, std::vector<std::size_t> children) {
    Node node;
    node.kind = kind;
    node.offset = tree_.nodes[children.front()].offset;
    node.children = std::move(children);
    return add(std::move(node));
  }

  std::size_t parse_relation() {
    const std::size_t left = parse_chain(sum);
    const auto op = comparison(now().kind);
    if (!op) return left;
    Node node;
    node.kind = NodeKind::compare;
    node.offset = tree_.nodes[left].offset;
    node.operators.push_back({*op, now().offset, now().source});
    take();
    if (*op == Op::in && refuse_round_list()) return add_error(node.offset);
    node.children = {left, parse_chain(sum)};
    if (comparison(now().kind)) {
      error(now().offset, "comparisons cannot be chained", "compare twice and join with &&: a < b && b < c");
      skip_to_joint();
      return add_error(node.offset);
    }
    return add(std::move(node));
  }

  // A list in parentheses, as other languages write it: said once, with how it is written here, and skipped. False,
  // with nothing taken, for anything else in parentheses.
  bool refuse_round_list() {
    if (now().kind != TokenKind::open) return false;
    std::string items;
    std::size_t count = 0, at = position_ + 1;
    bool names = false;
    for (bool more = true; more; ++at) {
      const Token& item = tokens_[at];
      const bool literal = item.kind == TokenKind::text || item.kind == TokenKind::number ||
                           item.kind == TokenKind::yes || item.kind == TokenKind::no;
      if (!literal && item.kind != TokenKind::name) return false;
      names = names || !literal;
      const std::string source(item.source.substr(0, 64));
      if (++count <= 4) items += (count == 1 ? "" : ", ") + (literal ? source : '"' + source + '"');
      more = tokens_[++at].kind == TokenKind::comma;
      if (!more && tokens_[at].kind != TokenKind::close) return false;
    }
    if (names && count == 1) return false;  // (device.tags)
    error(now().offset, "a list in parentheses", "square brackets: [" + items + (count > 4 ? ", …]" : "]"));
    position_ = at - 1;
    take();
    return true;
  }

  using Precedence = std::optional<Op> (*)(TokenKind);

  std::size_t parse_chain(Precedence level) {
    Node node;
    node.kind = NodeKind::chain;
    node.children.push_back(level == sum ? parse_chain(product) : parse_unary());
    while (const auto op = level(now().kind)) {
      node.operators.push_back({*op, now().offset, now().source});
      take();
      node.children.push_back(level == sum ? parse_chain(product) : parse_unary());
    }
    if (node.operators.empty()) return node.children.front();
    node.offset = tree_.nodes[node.children.front()].offset;
    return add(std::move(node));
  }

  std::size_t parse_unary() {
    const Token& token = now();
    if (token.kind != TokenKind::logical_not && token.kind != TokenKind::minus) return parse_primary();
    take();
    if (token.kind == TokenKind::minus && now().kind == TokenKind::number) {
      Node literal = leaf(now());
      literal.number = -literal.number;
      literal.offset = token.offset;
      literal.source = {token.source.data(), now().offset + now().source.size() - token.offset};
      take();
      return add(std::move(literal));
    }
    const std::size_t child = nested(token.offset, [this] { return parse_unary(); });
    Node node;
    node.kind = token.kind == TokenKind::minus ? NodeKind::negate : NodeKind::logical_not;
    node.offset = token.offset;
    node.children.push_back(child);
    node.operators.push_back(
        {node.kind == NodeKind::negate ? Op::negate : Op::logical_not, token.offset, token.source});
    return add(std::move(node));
  }

  std::size_t parse_primary() {
    const Token& token = now();
    switch (token.kind) {
      case TokenKind::open:
        return parse_parenthesis();
      case TokenKind::open_list:
        return parse_list();
      case TokenKind::name:
      case TokenKind::number:
      case TokenKind::text:
      case TokenKind::yes:
      case TokenKind::no:
        break;
      default:
        error(token.offset, "a value is missing before " + quoted(token),
              "a name such as device.region, a \"text\", a number, true, false, or a condition in parentheses");
        if (token.kind != TokenKind::end && !is_joint(token.kind)) skip_to_joint();
        return add_error(token.offset);
    }
    take();
    if (token.kind == TokenKind::name && now().kind == TokenKind::open) {
      error(token.offset, "'" + std::string(token.source) + "(…)': there are no functions here",
            "comparisons, in, &&, ||, ! and + - * / only");
      nested(token.offset, [this] { return parse_parenthesis(); });
      return add_error(token.offset);
    }
    return add(leaf(token));
  }

  static Node leaf(const Token& token) {
    Node node;
    node.offset = token.offset;
    node.source = token.source;
    node.text = token.text;
    node.number = token.number;
    node.boolean = token.kind == TokenKind::yes;
    switch (token.kind) {
      case TokenKind::name:
        node.kind = NodeKind::name;
        break;
      case TokenKind::number:
        node.kind = token.broken ? NodeKind::error : NodeKind::number;
        break;
      case TokenKind::text:
        node.kind = NodeKind::text;
        break;
      default:
        node.kind = NodeKind::boolean;
        break;
    }
    return node;
  }

  std::size_t parse_parenthesis() {
    const Token& open = now();
    take();
    const std::size_t inside = nested(open.offset, [this] { return parse_any(); });
    if (now().kind == TokenKind::close) {
      take();
    } else if (now().kind == TokenKind::end) {
      error(open.offset, "this '(' is never closed", "put a ')' behind what it should hold");
    } else {
      error(now().offset, quoted(now()) + " cannot follow here", "join conditions with && or ||, or close the '('");
      skip_to_joint();
      if (now().kind == TokenKind::close) take();
    }
    return inside;
  }

  std::size_t parse_list() {
    Node node;
    node.kind = NodeKind::list;
    node.offset = now().offset;
    take();
    bool sound = true;
    while (now().kind != TokenKind::close_list && now().kind != TokenKind::end) {
      sound = parse_item(node) && sound;
      if (now().kind == TokenKind::comma) {
        take();
      } else if (now().kind != TokenKind::close_list) {
        break;
      }
    }
    if (now().kind == TokenKind::close_list) {
      take();
    } else {
      if (sound) error(node.offset, "this '[' is never closed", "put a ']' behind the last item");
      skip_to_joint();
      sound = false;
    }
    return sound ? add(std::move(node)) : add_error(node.offset);
  }

  bool parse_item(Node& list) {
    const std::size_t errors_before = errors_.size();
    const std::size_t item = nested(now().offset, [this] { return parse_chain(sum); });
    list.children.push_back(item);
    const Node& node = tree_.nodes[item];
    const bool literal = node.kind == NodeKind::number || node.kind == NodeKind::text || node.kind == NodeKind::boolean;
    if (!literal && node.kind != NodeKind::error && errors_.size() == errors_before) {
      error(node.offset, "a list holds only literal values", "texts in quote marks, numbers, true or false");
    }
    return literal;
  }

  // Runs one level deeper, up to the limit.
  template <typename Parse>
  std::size_t nested(std::size_t offset, Parse parse) {
    if (depth_ == limits::condition_depth_max) {
      if (!too_deep_) {
        error(offset, "the condition is nested too deeply",
              "at most " + std::to_string(limits::condition_depth_max) + " levels of parentheses and signs");
      }
      too_deep_ = true;
      position_ = tokens_.size() - 1;  // what follows would only repeat this error
      return add_error(offset);
    }
    ++depth_;
    const std::size_t node = parse();
    --depth_;
    return node;
  }

  static bool is_joint(TokenKind kind) {
    return kind == TokenKind::logical_and || kind == TokenKind::logical_or || kind == TokenKind::close ||
           kind == TokenKind::close_list || kind == TokenKind::comma || kind == TokenKind::end;
  }

  // To the next place where a new condition may start. Brackets opened on the way are skipped with what they hold.
  void skip_to_joint() {
    std::size_t open = 0;
    while (now().kind != TokenKind::end && (open > 0 || !is_joint(now().kind))) {
      if (now().kind == TokenKind::open || now().kind == TokenKind::open_list) ++open;
      if (open > 0 && (now().kind == TokenKind::close || now().kind == TokenKind::close_list)) --open;
      take();
    }
  }

  const Token& now() const { return tokens_[position_]; }
  void take() {
    if (position_ + 1 < tokens_.size()) ++position_;
  }

  std::size_t add(Node node) {
    tree_.nodes.push_back(std::move(node));
    return tree_.nodes.size() - 1;
  }
  std::size_t add_error(std::size_t offset) {
    Node node;
    node.offset = offset;
    return add(std::move(node));
  }
  void error(std::size_t offset, std::string what, std::string expected) {
    if (!too_deep_) errors_.push_back({offset, std::move(what), std::move(expected)});
  }

  const std::vector<Token>& tokens_;
  std::vector<ConditionError>& errors_;
  Tree tree_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace

Tree parse(const std::vector<Token>& tokens, std::vector<ConditionError>& errors) {
  return Parser(tokens, errors).run();
}

}  // namespace muster::rules
