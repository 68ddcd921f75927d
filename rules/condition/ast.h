// A condition between parser and code: a tree of nodes in one vector. Internal to the compiler. Plain data.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/condition/format.h"

namespace muster::rules {

enum class NodeKind : unsigned char {
  error,        // what could not be read; has any type, so that it causes no second error
  name,         // source
  number,       // number
  text,         // text
  boolean,      // boolean
  list,         // children: literals
  negate,       // one child
  logical_not,  // one child
  chain,        // children joined by operators[i] between i and i+1: all of one precedence, left to right
  compare,      // two children, operators[0]; also `in`
  all,          // children joined by &&
  any,          // children joined by ||
};

// Of a node; `any` only for errors.
enum class NodeType : unsigned char { any, boolean, number, text, boolean_list, number_list, text_list };

struct Operator {
  format::Op op = format::Op::add;
  std::size_t offset = 0;
  std::string_view source;
};

struct Node {
  NodeKind kind = NodeKind::error;
  NodeType type = NodeType::any;  // set by the type checker
  std::size_t offset = 0;         // of its first byte in the text
  std::string_view source;        // of names and literals, as written
  std::string text;
  double number = 0;
  bool boolean = false;
  std::vector<std::size_t> children;  // indices; always smaller than the node's own
  std::vector<Operator> operators;
};

struct Tree {
  std::vector<Node> nodes;
  std::size_t root = 0;
};

}  // namespace muster::rules
