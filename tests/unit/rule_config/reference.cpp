#include "tests/unit/rule_config/reference.h"

#include <functional>
#include <map>
#include <sstream>
#include <vector>

#include "rules/config/keys.h"
#include "rules/config/load_rule.h"
#include "rules/config/strategy.h"
#include "rules/engine/retry.h"

namespace muster::rules::test {
namespace {

std::string default_text(const Key& key, bool nested) {
  if (!key.fallback.empty()) return "`" + std::string(key.fallback) + "`";
  if (key.required) return nested ? "required there" : "required";
  return std::string(key.absent);
}

std::string value_cell(const Key& key) {
  std::string text = value_text(key);
  if (key.form == Form::device_condition || key.form == Form::reading_condition)
    text.replace(text.find("condition"), 9, "[condition](conditions.md)");
  return text;
}

std::string doc_cell(const Key& key) {
  return std::string(key.doc) + (key.see.empty() ? "" : " [More](" + std::string(key.see) + ")");
}

void add_rows(const Section& section, const std::string& prefix, std::string& table) {
  for (const Key& key : section.keys) {
    const std::string name = prefix + std::string(key.name);
    table += "| `" + name + "` | " + value_cell(key) + " | " + default_text(key, !prefix.empty()) + " | " +
             doc_cell(key) + " |\n";
    if (key.keys != nullptr && key.items_max == 0) add_rows(*key.keys, name + ".", table);
  }
}

std::string table_of(const Section& section) {
  std::string table = "| key | value | default | |\n|---|---|---|---|\n";
  add_rows(section, "", table);
  return table;
}

std::string gate_text(Gate gate) {
  return gate == Gate::manual ? "`manual`" : "`auto`";
}

std::string risks() {
  std::string table =
      "| `risk` | shares of `strategy: percentage` | `soak` of the first wave | of the others | `gate` of the first "
      "wave | "
      "of the others |\n|---|---|---|---|---|---|\n";
  for (const RiskLevel& level : risk_levels()) {
    std::string shares;
    for (const std::uint32_t percent : level.percentages) {
      shares += (shares.empty() ? "" : " → ") + std::to_string(percent) + " %";
    }
    table += "| `" + std::string(level.name) + "` | " + shares + " | `" +
             duration_as_written(level.first_soak_s * 1000) + "` | `" + duration_as_written(level.soak_s * 1000) +
             "` | " + gate_text(level.first_gate) + " | " + gate_text(level.gate) + " |\n";
  }
  return table;
}

std::string retry_errors() {
  std::string table = "| error | tried again without `on` | what it says |\n|---|---|---|\n";
  for (const RetryReason& reason : retry_reasons) {
    table += "| `" + std::string(reason.name) + "` | " + (reason.usual ? "yes" : "no") + " | " +
             std::string(reason.means) + " |\n";
  }
  return table;
}

const std::map<std::string, std::function<std::string()>>& parts() {
  static const std::map<std::string, std::function<std::string()>> table = {
      {"keys of a rule", [] { return table_of(keys::rule); }},
      {"keys of a wave", [] { return table_of(keys::wave); }},
      {"keys of a window", [] { return table_of(keys::window); }},
      {"keys of an entry of by_error", [] { return table_of(keys::retry_by_error); }},
      {"errors to try again after", retry_errors},
      {"keys of a guardrail", [] { return table_of(keys::guardrail); }},
      {"levels of risk", risks},
      {"keys of a release", [] { return table_of(keys::release); }},
      {"keys of a probe", [] { return table_of(keys::probe); }},
      {"keys of activate", [] { return table_of(keys::activation); }},
      {"keys of a recovery rule", [] { return table_of(keys::recovery_rule); }},
  };
  return table;
}

}  // namespace

std::string with_generated_parts(const std::string& page, std::string& complaint) {
  static const std::string open = "<!-- generated: ";
  std::istringstream in(page);
  std::string out;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (inside && line == "<!-- end -->") inside = false;
    if (!inside) out += line + "\n";
    if (inside || line.compare(0, open.size(), open) != 0) continue;
    const std::string name = line.substr(open.size(), line.size() - open.size() - std::string(" -->").size());
    const auto part = parts().find(name);
    if (part == parts().end()) {
      complaint += "nothing makes '" + name + "'\n";
      continue;
    }
    inside = true;
    out += "\n" + part->second() + "\n";
  }
  if (inside) {
    complaint += "a generated part has no end\n";
    return page;
  }
  for (const auto& [name, make] : parts()) {
    if (page.find(open + name + " -->\n") == std::string::npos) complaint += "the page has no '" + name + "'\n";
  }
  return out;
}

}  // namespace muster::rules::test
