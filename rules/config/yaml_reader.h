// YAML text → a plain tree with the place of every node. The only file that includes yaml-cpp is yaml_reader.cpp; it
// reads events instead of yaml-cpp's own tree, because that hides duplicate keys and expands aliases. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/config/diagnostic.h"

namespace muster::rules {

inline constexpr std::size_t yaml_nodes_max = 8192;
inline constexpr std::size_t yaml_depth_max = 8;

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { empty, scalar, list, map };
  Kind kind = Kind::empty;
  bool quoted = false;             // a scalar in quote marks or a block: a text, never a number
  std::string text;                // of a scalar
  std::size_t offset = 0;          // of its first byte in the source, of an opening quote mark for quoted scalars
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map, in order, duplicates included
};

struct YamlEntry {
  YamlNode key, value;
};

// A source text and everything found wrong in it.
class Problems {
 public:
  // Both must outlive this object. `text` is without a byte order mark.
  Problems(std::string_view text, const std::string& file);

  // What cannot be shown in the texts becomes '?', and they are cut where they are very long.
  void add(std::size_t offset, const std::string& what, const std::string& expected);
  void add(const YamlNode& node, const std::string& what, const std::string& expected) {
    add(node.offset, what, expected);
  }

  [[nodiscard]] bool any() const { return !found_.empty(); }
  // From 1: in which line of the source a node begins.
  [[nodiscard]] std::uint32_t line_of(const YamlNode& node) const;
  [[nodiscard]] std::string_view source() const { return text_; }
  // By place, the first diagnostics_max of them.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  std::string_view text_;
  std::string file_;
  std::vector<std::pair<std::size_t, Diagnostic>> found_;
};

// The one document in problems.source(); nothing, with at least one problem, when the text cannot be read at all: too
// long, not UTF-8, not YAML, several documents, anchors, aliases, tags, or more nodes than yaml_nodes_max.
[[nodiscard]] std::optional<YamlNode> read_yaml(Problems& problems);

// The offset in the source of byte `at` of a scalar's text. For plain and quoted scalars on one line; the scalar's
// start for others, and where an escape makes the two differ in a way this does not follow.
[[nodiscard]] std::size_t offset_in_scalar(std::string_view source, const YamlNode& scalar, std::size_t at);

// `text` without a UTF-8 byte order mark.
[[nodiscard]] std::string_view without_bom(std::string_view text);

}  // namespace muster::rules
