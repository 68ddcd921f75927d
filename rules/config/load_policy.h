// A readiness policy: what a release has to show before it is signed, as a list of items that each pass or do not
// (docs/evidence-gate.md). A policy file's text → validated Policy, or all its errors. Nothing here looks at evidence:
// see operator/readiness. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/config/diagnostic.h"

namespace muster::rules {

// Stands for a device class, in names of files and in places of values.
inline constexpr std::string_view class_mark = "{class}";
// `text` with the class in place of each mark.
[[nodiscard]] std::string with_class(std::string text, std::string_view device_class);

// A limit for all classes, or one for each.
struct ClassBound {
  std::optional<double> other;  // for every class that is not named
  std::vector<std::pair<std::string, double>> classes;

  [[nodiscard]] bool any() const { return other.has_value() || !classes.empty(); }
  // Null when there is no bound for this class.
  [[nodiscard]] const double* of(std::string_view device_class) const;
};

// One look into one evidence file.
struct PolicyCheck {
  enum class Kind : std::uint8_t {
    present,       // the file is there and not empty
    value,         // JSON: the value at `place`, a JSON pointer (RFC 6901)
    column,        // CSV with a header line: the cells of the column `place`
    line,          // text: each of `patterns` fits a line
    no_line,       // text: none does
    word_after,    // text: the word behind each `place`, at least one
    confirmation,  // a person confirmed the item by name
  };
  enum class Names : std::uint8_t { nothing, release, file };
  enum class Rows : std::uint8_t { all, each_class, listed };

  Kind kind = Kind::present;
  std::string file;                   // as release files name evidence, or the end of such a path; may hold class_mark
  std::string place;                  // may hold class_mark where kind is value
  std::vector<std::string> patterns;  // '*' fits anything

  // What the values of value, column and word_after must be; at least one of these is given.
  ClassBound min, max;
  std::vector<std::string> is;   // one of these
  Names names = Names::nothing;  // the release as NAME@VERSION, or the SHA-256 of one of its files

  // Of column: at least one row for each of these; every row for them is judged, others are not.
  Rows rows = Rows::all;
  std::string row_column;  // "class" for each_class
  std::vector<std::string> row_values;

  // Of confirmation.
  std::vector<std::string> by;  // who may confirm; empty: anybody
  std::uint64_t within_s = 0;   // how old it may be when the release is built; 0: any age

  // Judged once for each class that the release is compatible with.
  [[nodiscard]] bool is_per_class() const;
};

struct PolicyItem {
  enum class Stage : std::uint8_t { build, release, post };

  std::string id;
  Stage stage = Stage::build;
  std::string role;                 // who answers for it
  std::string says;                 // one sentence that is true or is not
  std::vector<PolicyCheck> checks;  // at least one; the item passes when all do
};

struct Policy {
  std::string name;
  std::uint32_t version = 0;  // from 1
  std::vector<PolicyItem> items;
};

[[nodiscard]] std::string_view name_of(PolicyItem::Stage stage);

struct LoadedPolicy {
  std::optional<Policy> policy;  // none when there is any error
  std::vector<Diagnostic> diagnostics;
};

// `file` only names the source in diagnostics.
[[nodiscard]] LoadedPolicy load_policy(std::string_view text, const std::string& file);

}  // namespace muster::rules
