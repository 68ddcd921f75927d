#include "rules/config/load_policy.h"

#include <algorithm>

#include "rules/config/fields.h"
#include "schemas/file_name.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

using Check = PolicyCheck;

constexpr std::uint32_t bound_max = 1'000'000'000;
constexpr std::size_t texts_max = 32;  // of one list in a check
constexpr std::uint64_t within_s_max = std::uint64_t{3650} * 86'400;

bool has_mark(std::string_view text) {
  return text.find(class_mark) != std::string_view::npos;
}

// What of a check's keys says which kind it is. A check with none of them asks for the file alone.
struct KindKey {
  std::string_view key;
  Check::Kind kind;
};
constexpr KindKey kind_keys[] = {{"value", Check::Kind::value},
                                 {"column", Check::Kind::column},
                                 {"line", Check::Kind::line},
                                 {"no_line", Check::Kind::no_line},
                                 {"word_after", Check::Kind::word_after},
                                 {"confirmed_in", Check::Kind::confirmation}};

bool judges_values(Check::Kind kind) {
  return kind == Check::Kind::value || kind == Check::Kind::column || kind == Check::Kind::word_after;
}

class CheckReader {
 public:
  CheckReader(const YamlNode& node, Problems& problems)
      : node_(node),
        problems_(problems),
        fields_(node, "a check",
                {"file", "value", "column", "rows", "line", "no_line", "word_after", "min", "max", "is", "names",
                 "confirmed_in", "by", "within"},
                problems) {}

  Check read() {
    if (!fields_.is_map() || !read_kind()) return std::move(check_);
    const bool by_person = check_.kind == Check::Kind::confirmation;
    if (const YamlNode* file = by_person ? fields_.find("confirmed_in")
                                         : fields_.require("file", "file: benchmark.json, an evidence file"))
      read_file(*file);
    read_place();
    read_rows();
    read_judgement();
    read_person();
    return std::move(check_);
  }

 private:
  bool read_kind() {
    std::string_view found;
    for (const auto& [key, kind] : kind_keys) {
      if (!fields_.has(key)) continue;
      if (!found.empty()) {
        problems_.add(node_, "'" + std::string(found) + "' and '" + std::string(key) + "' in one check",
                      "a check of its own for each; an item passes when all of its checks do");
        return false;
      }
      found = key;
      check_.kind = kind;
    }
    return true;
  }

  void read_file(const YamlNode& node) {
    const auto name = read_text(node, "the name of an evidence file", limits::file_name_len_max, problems_);
    if (!name) return;
    const bool marked = has_mark(*name);
    if (!is_file_name(with_class(*name, "c")) || (marked && check_.kind == Check::Kind::confirmation)) {
      problems_.add(node, "'" + *name + "' cannot be the name of an evidence file",
                    "a path as the release file's `evidence` has it, or its end: parts of A-Z a-z 0-9 . _ - + @, and " +
                        std::string(class_mark) + " for the device class, not in confirmed_in");
    }
    check_.file = *name;
  }

  void read_place() {
    const auto text_of = [&](std::string_view key) {
      const YamlNode* node = fields_.find(key);
      if (node != nullptr) check_.place = read_text(*node, key, limits::text_len_max, problems_).value_or("");
      return node;
    };
    switch (check_.kind) {
      case Check::Kind::value:
        if (const YamlNode* node = text_of("value")) check_pointer(*node);
        break;
      case Check::Kind::column:
        text_of("column");
        break;
      case Check::Kind::word_after:
        text_of("word_after");
        break;
      case Check::Kind::line:
        read_patterns("line");
        break;
      case Check::Kind::no_line:
        read_patterns("no_line");
        break;
      case Check::Kind::present:
      case Check::Kind::confirmation:
        break;
    }
  }

  void check_pointer(const YamlNode& node) {
    const auto& pointer = check_.place;
    bool good = pointer.empty() || pointer.front() == '/';  // empty: said already
    for (auto at = pointer.find('~'); good && at != std::string::npos; at = pointer.find('~', at + 1)) {
      good = at + 1 < pointer.size() && (pointer[at + 1] == '0' || pointer[at + 1] == '1');
    }
    if (!good) {
      problems_.add(node, "'" + pointer + "' is no place in a JSON file",
                    "a JSON pointer: '/' before each key or index, such as /benchmarks/" + std::string(class_mark) +
                        "/p95_ms; ~1 stands for a '/' in a key, ~0 for a '~'");
    }
  }

  void read_patterns(std::string_view key) {
    const YamlNode* node = fields_.find(key);
    if (node == nullptr) return;
    read_texts(*node, key, check_.patterns);
    const bool fits_all = std::any_of(check_.patterns.begin(), check_.patterns.end(), [](const std::string& pattern) {
      return pattern.find_first_not_of('*') == std::string::npos;
    });
    if (fits_all) problems_.add(*node, "a pattern that every line fits", "some text besides '*'");
  }

  // One text, or a list of them.
  void read_texts(const YamlNode& node, std::string_view what, std::vector<std::string>& into) {
    const auto read_one = [&](const YamlNode& item) {
      if (auto text = read_text(item, what, limits::text_len_max, problems_)) into.push_back(std::move(*text));
    };
    if (node.kind != YamlNode::Kind::list) return read_one(node);
    const auto* items = read_list(node, what, 1, texts_max, problems_);
    if (items == nullptr) return;
    for (const YamlNode& item : *items) read_one(item);
  }

  void read_rows() {
    const YamlNode* node = fields_.find("rows");
    if (check_.kind != Check::Kind::column) {
      if (node != nullptr) problems_.add(*node, "'rows' in a check without 'column'", "'column' beside it, or no rows");
      return;
    }
    const std::string form =
        "class (a row for each device class of the release), all, or a column and the values that each need a row: "
        "{ scenario: [low_storage, corrupt_model] }";
    if (node == nullptr) {
      if (!fields_.has("rows")) problems_.add(node_, "a check of a column has no 'rows'", "add rows: " + form);
      return;
    }
    if (node->kind == YamlNode::Kind::scalar && node->text == "class") {
      check_.rows = Check::Rows::each_class;
      check_.row_column = "class";
    } else if (node->kind == YamlNode::Kind::map && node->entries.size() == 1) {
      const auto& [key, value] = node->entries.front();
      check_.rows = Check::Rows::listed;
      check_.row_column = read_text(key, "a column", limits::text_len_max, problems_).value_or("");
      read_texts(value, "a value of " + key.text, check_.row_values);
    } else if (node->kind != YamlNode::Kind::scalar || node->text != "all") {
      problems_.add(*node, "rows names no rows", form);
    }
  }

  void read_judgement() {
    const bool judges = judges_values(check_.kind);
    bool any = false;
    for (const std::string_view key : {"min", "max", "is", "names"}) {
      const YamlNode* node = fields_.find(key);
      any = any || fields_.has(key);
      if (node != nullptr && !judges) {
        problems_.add(*node, "'" + std::string(key) + "' in a check that looks at no value",
                      "'value', 'column' or 'word_after' beside it");
      }
    }
    if (!judges) return;
    if (!any) {
      problems_.add(node_, "a check that looks at a value and does not judge it",
                    "min, max, is, or names: release, names: file");
    }
    if (const YamlNode* node = fields_.find("min")) read_bound(*node, "min", check_.min);
    if (const YamlNode* node = fields_.find("max")) read_bound(*node, "max", check_.max);
    if (const YamlNode* node = fields_.find("is")) read_texts(*node, "is", check_.is);
    if (const YamlNode* node = fields_.find("names")) {
      const auto choice = read_choice(*node, "names", {"release", "file"}, problems_);
      if (choice) check_.names = *choice == 0 ? Check::Names::release : Check::Names::file;
    }
    const bool bounded = check_.min.any() || check_.max.any();
    if ((bounded ? 1 : 0) + (check_.is.empty() ? 0 : 1) + (check_.names == Check::Names::nothing ? 0 : 1) > 1) {
      problems_.add(node_, "a check that judges a value in several ways", "min and max, or is, or names");
    }
    check_order();
  }

  void read_bound(const YamlNode& node, std::string_view key, ClassBound& bound) {
    if (node.kind != YamlNode::Kind::map) {
      bound.other = read_number(node, key, bound_max, problems_);
      return;
    }
    if (!check_.is_per_class()) {
      problems_.add(node, std::string(key) + " for each class in a check that no class is in",
                    "one number; or " + std::string(class_mark) + " in 'file' or 'value', or rows: class");
      return;
    }
    std::vector<std::string_view> keys;  // any class is good here, so all there are count as known
    for (const auto& [name, value] : node.entries) keys.push_back(name.text);
    const Fields no_duplicates(node, key, keys, problems_);
    for (const auto& [name, value] : node.entries) {
      if (value.kind == YamlNode::Kind::empty || name.kind != YamlNode::Kind::scalar) continue;
      const auto number = read_number(value, key, bound_max, problems_);
      if (name.text == "*") {
        bound.other = number;
      } else if (auto id = read_id(name, "a device class", problems_); id && number) {
        bound.classes.emplace_back(std::move(*id), *number);
      }
    }
  }

  // No value could be in bounds whose least is above its most.
  void check_order() {
    auto names = check_.min.classes;
    names.insert(names.end(), check_.max.classes.begin(), check_.max.classes.end());
    names.emplace_back("*", 0);
    for (const auto& [name, unused] : names) {
      const double* least = check_.min.of(name);
      const double* most = check_.max.of(name);
      if (least == nullptr || most == nullptr || *least <= *most) continue;
      problems_.add(node_, "min is above max" + (name == "*" ? std::string() : " for " + name),
                    "a min that is not above max");
      return;
    }
  }

  void read_person() {
    for (const std::string_view key : {"by", "within"}) {
      const YamlNode* node = fields_.find(key);
      if (node != nullptr && check_.kind != Check::Kind::confirmation)
        problems_.add(*node, "'" + std::string(key) + "' in a check that no person confirms", "'confirmed_in' with it");
    }
    if (check_.kind != Check::Kind::confirmation) return;
    if (fields_.has("file")) {
      problems_.add(node_, "'file' and 'confirmed_in' in one check", "confirmed_in: confirmations.yaml alone");
    }
    if (const YamlNode* node = fields_.find("by")) {
      read_texts(*node, "by", check_.by);
    }
    if (const YamlNode* node = fields_.find("within"))
      check_.within_s = read_duration_s(*node, "within", 3600, within_s_max, problems_).value_or(0);
  }

  const YamlNode& node_;
  Problems& problems_;
  Fields fields_;
  Check check_;
};

class PolicyReader {
 public:
  explicit PolicyReader(Problems& problems) : problems_(problems) {}

  Policy read(const YamlNode& document) {
    Policy policy;
    Fields fields(document, "a policy", {"policy", "version", "items"}, problems_);
    if (const YamlNode* node = fields.require("policy", "policy: NAME, such as readiness"))
      policy.name = read_id(*node, "policy", problems_).value_or("");
    if (const YamlNode* node = fields.require("version", "version: 1, and one more with each change"))
      policy.version = static_cast<std::uint32_t>(read_integer(*node, "version", 1, UINT32_MAX, problems_).value_or(0));
    const YamlNode* list = fields.require("items", "items: a list of what has to be true of a release");
    const auto* items = list == nullptr ? nullptr : read_list(*list, "items", 1, limits::policy_items_max, problems_);
    if (items == nullptr) return policy;
    for (const YamlNode& item : *items) {
      auto read = read_item(item);
      const bool twice = std::any_of(policy.items.begin(), policy.items.end(),
                                     [&](const auto& other) { return !read.id.empty() && other.id == read.id; });
      if (twice) problems_.add(item, "'" + read.id + "' is the id of two items", "an id of its own for each");
      policy.items.push_back(std::move(read));
    }
    return policy;
  }

 private:
  PolicyItem read_item(const YamlNode& node) {
    PolicyItem item;
    Fields fields(node, "an item", {"id", "stage", "role", "says", "checks"}, problems_);
    if (!fields.is_map()) return item;
    if (const YamlNode* value = fields.require("id", "id: soak"))
      item.id = read_id(*value, "id", problems_).value_or("");
    if (const YamlNode* value = fields.require("stage", "stage: build, release or post")) {
      const auto choice = read_choice(*value, "stage", {"build", "release", "post"}, problems_);
      item.stage = static_cast<PolicyItem::Stage>(choice.value_or(0));
    }
    if (const YamlNode* value = fields.require("role", "role: qa, who answers for it"))
      item.role = read_id(*value, "role", problems_).value_or("");
    if (const YamlNode* value = fields.require("says", "says: one sentence that is true or is not"))
      item.says = read_text(*value, "says", limits::text_len_max, problems_).value_or("");
    const YamlNode* list = fields.require("checks", "checks: [{ file: benchmark.json }]");
    const auto* checks =
        list == nullptr ? nullptr : read_list(*list, "checks", 1, limits::policy_checks_max, problems_);
    if (checks == nullptr) return item;
    for (const YamlNode& check : *checks) {
      item.checks.push_back(CheckReader(check, problems_).read());
      if (++checks_ == limits::policy_checks_max + 1) {
        problems_.add(check, "more than " + std::to_string(limits::policy_checks_max) + " checks in one policy",
                      "fewer, or a second policy");
      }
    }
    return item;
  }

  Problems& problems_;
  std::size_t checks_ = 0;
};

}  // namespace

std::string with_class(std::string text, std::string_view device_class) {
  for (auto at = text.find(class_mark); at != std::string::npos; at = text.find(class_mark, at + device_class.size())) {
    text.replace(at, class_mark.size(), device_class);
  }
  return text;
}

const double* ClassBound::of(std::string_view device_class) const {
  for (const auto& [name, value] : classes) {
    if (name == device_class) return &value;
  }
  return other ? &*other : nullptr;
}

bool PolicyCheck::is_per_class() const {
  return has_mark(file) || (kind == Kind::value && has_mark(place)) || rows == Rows::each_class;
}

std::string_view name_of(PolicyItem::Stage stage) {
  constexpr std::string_view names[] = {"build", "release", "post"};
  return names[static_cast<std::size_t>(stage)];
}

LoadedPolicy load_policy(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedPolicy loaded;
  if (const auto document = read_yaml(problems)) {
    Policy policy = PolicyReader(problems).read(*document);
    if (!problems.any()) loaded.policy = std::move(policy);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
