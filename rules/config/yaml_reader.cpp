#include "rules/config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "rules/condition/quoted.h"
#include "schemas/limits.h"
#include "schemas/text.h"

namespace muster::rules {

namespace {

constexpr std::size_t diagnostic_text_len_max = 1024;  // longer than any message that is not mostly quotation

// Ends the parse; the problem has been added.
struct GiveUp {};

std::size_t offset_of(const YAML::Mark& mark, std::string_view source) {
  return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), source.size());
}

// Builds the tree from yaml-cpp's events, and refuses what these files must not hold.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  std::optional<YamlNode> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(start(YamlNode::Kind::empty, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    give_up(mark, "an alias (*name)", "write the value out: aliases are not read here");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    YamlNode node = start(YamlNode::Kind::scalar, mark);
    node.quoted = tag == "!";  // yaml-cpp's way to say "not plain"
    node.text = value;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;  // of a map: read, its value not yet
  };

  YamlNode start(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > yaml_nodes_max) {
      give_up(mark, "more than " + std::to_string(yaml_nodes_max) + " values in one file", "a smaller file");
    }
    YamlNode node;
    node.kind = kind;
    node.offset = offset_of(mark, problems_.source());
    return node;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (open_.size() == yaml_depth_max) give_up(mark, "lists and maps nested too deeply", "at most 8 levels");
    open_.push_back({start(kind, mark), std::nullopt});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      parent.node.entries.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) give_up(mark, "an anchor (&name)", "remove it: anchors are not read here");
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    give_up(mark, "a YAML tag (a value that starts with '!')",
            "put the whole value in quote marks if it is a condition: '!(\"lab\" in device.tags)'; remove the tag "
            "otherwise");
  }

  [[noreturn]] void give_up(const YAML::Mark& mark, std::string what, std::string expected) {
    problems_.add(offset_of(mark, problems_.source()), std::move(what), std::move(expected));
    throw GiveUp();
  }

  Problems& problems_;
  std::vector<Open> open_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
};

// yaml-cpp would take some control characters for the end of the file, and what follows would not count.
bool is_plain_text(Problems& problems) {
  const std::string_view text = problems.source();
  if (text.size() > limits::rule_text_len_max) {
    problems.add(0, "a file of " + std::to_string(text.size()) + " bytes",
                 "at most " + std::to_string(limits::rule_text_len_max) + " bytes");
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_len(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
    if (length == 0 || control) {
      problems.add(at, length == 0 ? "bytes that are not UTF-8" : "a control character", "plain text, saved as UTF-8");
      return false;
    }
    at += length;
  }
  return true;
}

std::string_view line_at(std::string_view text, std::size_t offset) {
  const std::size_t before = text.substr(0, offset).rfind('\n');
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// YAML errors are terse; most here come from conditions that YAML reads as something else.
std::uint32_t line_number(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  return 1 + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
}

std::string advice_for(std::string_view line) {
  if (line.find('\t') != std::string_view::npos) return "indent with spaces: YAML knows no tabs";
  if (line.find_first_of("\"'[{!>") != std::string_view::npos) {
    return "put the whole value in quote marks when it starts with a quote mark, '!', '[' or '>', or when it stands "
           "inside "
           "{ } and holds brackets or commas: '\"lab\" in device.tags'";
  }
  return "each line 'key: value', lists and maps indented under their key";
}

}  // namespace

Problems::Problems(std::string_view text, const std::string& file) : text_(text), file_(file) {}

void Problems::add(std::size_t offset, const std::string& what, const std::string& expected) {
  Diagnostic diagnostic;
  diagnostic.file = file_;
  // Both may quote the file, and end on somebody's terminal.
  diagnostic.what = clean_text(what, diagnostic_text_len_max);
  diagnostic.expected = clean_text(expected, diagnostic_text_len_max);
  found_.emplace_back(std::min(offset, text_.size()), std::move(diagnostic));
}

std::uint32_t Problems::line_of(const YamlNode& node) const {
  return line_number(text_, node.offset);
}

std::vector<Diagnostic> Problems::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (found_.size() > limits::diagnostics_max) found_.resize(limits::diagnostics_max);
  std::vector<Diagnostic> diagnostics;
  for (auto& [offset, diagnostic] : found_) {
    const std::string_view before = text_.substr(0, offset);
    const std::size_t newline = before.rfind('\n');
    const std::string_view in_line = newline == std::string_view::npos ? before : before.substr(newline + 1);
    // Columns count characters, as editors do, not bytes.
    const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    diagnostic.line = line_number(text_, offset);
    diagnostic.column = 1 + static_cast<std::uint32_t>(std::count_if(in_line.begin(), in_line.end(), starts_character));
    diagnostics.push_back(std::move(diagnostic));
  }
  found_.clear();
  return diagnostics;
}

std::optional<YamlNode> read_yaml(Problems& problems) {
  if (!is_plain_text(problems)) return std::nullopt;
  std::istringstream stream{std::string(problems.source())};
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder(problems);
    if (!parser.HandleNextDocument(builder)) {
      problems.add(0, "the file is empty", "see docs/rules.md for what it should hold");
      return std::nullopt;
    }
    TreeBuilder second(problems);
    if (parser.HandleNextDocument(second)) {
      const std::size_t separator = problems.source().rfind("\n---");
      problems.add(separator == std::string_view::npos ? 0 : separator + 1, "a second document in the file",
                   "one document a file: remove the '---', or make two files");
      return std::nullopt;
    }
    return builder.take();
  } catch (const GiveUp&) {
    return std::nullopt;
  } catch (const YAML::Exception& fault) {
    const std::size_t offset = offset_of(fault.mark, problems.source());
    problems.add(offset, "not YAML: " + fault.msg, advice_for(line_at(problems.source(), offset)));
    return std::nullopt;
  }
}

std::size_t offset_in_scalar(std::string_view source, const YamlNode& scalar, std::size_t at) {
  if (at > scalar.text.size() || scalar.offset >= source.size()) return scalar.offset;
  const std::string_view raw = source.substr(scalar.offset);
  if (!scalar.quoted) {
    return raw.substr(0, scalar.text.size()) == scalar.text ? scalar.offset + at : scalar.offset;
  }
  const char mark = raw.front();
  if (mark != '"' && mark != '\'') return scalar.offset;  // a block
  std::size_t position = 1;
  for (std::size_t i = 0; i < at; ++i) {
    if (position >= raw.size() || raw[position] == '\n') return scalar.offset;
    const bool doubled = mark == '\'' && raw.substr(position, 2) == "''";
    const bool escaped = mark == '"' && raw[position] == '\\';
    if (escaped && raw.substr(position + 1, 1) != std::string_view(&scalar.text[i], 1)) return scalar.offset;
    position += doubled || escaped ? 2 : 1;
  }
  return scalar.offset + position;
}

std::string_view without_bom(std::string_view text) {
  return text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(3) : text;
}

}  // namespace muster::rules
