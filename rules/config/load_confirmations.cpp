#include "rules/config/load_confirmations.h"

#include <algorithm>

#include "rules/config/day.h"
#include "rules/config/fields.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

void read_day(const YamlNode& node, Problems& problems, Confirmation& confirmation) {
  const auto text = read_text(node, "date", limits::text_len_max, problems);
  if (!text) return;
  const auto end = end_of_day(*text);
  if (!end) return problems.add(node, "'" + *text + "' is no day", "a day as YYYY-MM-DD, such as 2027-06-30");
  confirmation.day = *text;
  confirmation.day_end_s = *end;
}

Confirmation read_confirmation(const YamlNode& key, const YamlNode& node, Problems& problems) {
  Confirmation confirmation;
  confirmation.item = read_id(key, "the id of an item", problems).value_or("");
  Fields fields(node, "a confirmation", {"confirmed_by", "date", "note"}, problems);
  if (!fields.is_map()) return confirmation;
  if (const YamlNode* value = fields.require("confirmed_by", "confirmed_by: NAME, the person who looked"))
    confirmation.by = read_id(*value, "confirmed_by", problems).value_or("");
  if (const YamlNode* value = fields.require("date", "date: 2027-06-30, the day on which they did"))
    read_day(*value, problems, confirmation);
  if (const YamlNode* value = fields.find("note"))
    confirmation.note = read_text(*value, "note", limits::text_len_max, problems).value_or("");
  return confirmation;
}

Confirmations read_confirmations(const YamlNode& document, Problems& problems) {
  Confirmations confirmations;
  Fields fields(document, "a file of confirmations", {"release", "confirmed"}, problems);
  if (const YamlNode* node = fields.require("release", "release: NAME@VERSION, the one that was looked at")) {
    if (const auto ref = read_release_ref(*node, "release", problems))
      confirmations.release = ref->name + "@" + ref->version;
  }
  const YamlNode* list = fields.require("confirmed", "confirmed: { ITEM: { confirmed_by: alice, date: 2027-06-30 } }");
  if (list == nullptr) return confirmations;
  if (list->kind != YamlNode::Kind::map || list->entries.empty() || list->entries.size() > limits::policy_items_max) {
    problems.add(*list, "confirmed is no map of 1 to " + std::to_string(limits::policy_items_max) + " items",
                 "the id of an item, and who confirmed it when: security: { confirmed_by: alice, date: 2027-06-30 }");
    return confirmations;
  }
  std::vector<std::string_view> keys;  // any id is good here, so all there are count as known
  for (const auto& [key, value] : list->entries) keys.push_back(key.text);
  const Fields no_duplicates(*list, "confirmed", keys, problems);
  for (const auto& [key, value] : list->entries) {
    if (value.kind == YamlNode::Kind::empty || key.kind != YamlNode::Kind::scalar) continue;
    confirmations.items.push_back(read_confirmation(key, value, problems));
  }
  return confirmations;
}

}  // namespace

const Confirmation* Confirmations::find(std::string_view item) const {
  const auto found = std::find_if(items.begin(), items.end(), [&](const auto& each) { return each.item == item; });
  return found == items.end() ? nullptr : &*found;
}

LoadedConfirmations load_confirmations(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedConfirmations loaded;
  if (const auto document = read_yaml(problems)) {
    Confirmations confirmations = read_confirmations(*document, problems);
    if (!problems.any()) loaded.confirmations = std::move(confirmations);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
