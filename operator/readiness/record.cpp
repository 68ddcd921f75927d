#include "operator/readiness/record.h"

#include <nlohmann/json.hpp>

#include "operator/json_text.h"
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

using Json = nlohmann::json;

RawJson findings_json(const std::vector<Finding>& findings) {
  std::vector<RawJson> items;
  for (const auto& finding : findings) {
    items.push_back({json_object({{"result", std::string(name_of(finding.result))},
                                  {"evidence", finding.evidence},
                                  {"what", finding.what},
                                  {"measured", finding.measured},
                                  {"bound", finding.bound},
                                  {"why", finding.why}})});
  }
  return {json_array(items)};
}

// Reading one field: the wrong type is as good as no record.
struct NoRecord {};

const Json& at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) throw NoRecord();
  return *found;
}
std::string text_at(const Json& object, const char* key) {
  const auto& value = at(object, key);
  if (!value.is_string()) throw NoRecord();
  return value.get<std::string>();
}
std::uint64_t number_at(const Json& object, const char* key) {
  const auto& value = at(object, key);
  if (!value.is_number_unsigned()) throw NoRecord();
  return value.get<std::uint64_t>();
}
Sha256 digest_at(const Json& object, const char* key) {
  Sha256 digest;
  if (!parse_hex(text_at(object, key), digest)) throw NoRecord();
  return digest;
}
const Json& list_at(const Json& object, const char* key, std::size_t max) {
  const auto& value = at(object, key);
  if (!value.is_array() || value.size() > max) throw NoRecord();
  return value;
}
template <typename Word>
Word word_at(const Json& object, const char* key, std::initializer_list<Word> words) {
  const auto text = text_at(object, key);
  for (const auto word : words) {
    if (name_of(word) == text) return word;
  }
  throw NoRecord();
}

Result result_at(const Json& object) {
  return word_at(object, "result", {Result::pass, Result::fail, Result::missing, Result::later});
}

JudgedItem item_from(const Json& json) {
  using Stage = rules::PolicyItem::Stage;
  JudgedItem item;
  item.id = text_at(json, "id");
  item.stage = word_at(json, "stage", {Stage::build, Stage::release, Stage::post});
  item.role = text_at(json, "role");
  item.says = text_at(json, "says");
  item.result = result_at(json);
  for (const auto& finding : list_at(json, "findings", limits::readiness_record_len_max)) {
    item.findings.push_back({result_at(finding), text_at(finding, "evidence"), text_at(finding, "what"),
                             text_at(finding, "measured"), text_at(finding, "bound"), text_at(finding, "why")});
  }
  return item;
}

ReadinessRecord record_from(const Json& json) {
  ReadinessRecord record;
  auto& judgement = record.judgement;
  judgement.release = text_at(json, "release");
  const auto& policy = at(json, "policy");
  judgement.policy = text_at(policy, "name");
  judgement.policy_version = static_cast<std::uint32_t>(number_at(policy, "version"));
  judgement.policy_sha256 = digest_at(policy, "sha256");
  judgement.judged_s = number_at(json, "judged_s");
  for (const auto& item : list_at(json, "items", limits::policy_items_max)) judgement.items.push_back(item_from(item));
  for (const auto& file : list_at(json, "evidence", limits::evidence_files_max)) {
    record.evidence.push_back({text_at(file, "name"), digest_at(file, "sha256"), number_at(file, "size")});
    // The name becomes a path where evidence is fetched.
    if (!is_file_name(record.evidence.back().name)) throw NoRecord();
  }
  if (!is_id(judgement.policy)) throw NoRecord();
  return record;
}

}  // namespace

std::string record_json(const ReadinessRecord& record) {
  const auto& judgement = record.judgement;
  std::vector<RawJson> items, files;
  for (const auto& item : judgement.items) {
    items.push_back({json_object({{"id", item.id},
                                  {"stage", std::string(rules::name_of(item.stage))},
                                  {"role", item.role},
                                  {"says", item.says},
                                  {"result", std::string(name_of(item.result))},
                                  {"findings", findings_json(item.findings)}})});
  }
  for (const auto& file : record.evidence) {
    files.push_back({json_object({{"name", file.name}, {"sha256", to_hex(file.sha256)}, {"size", file.size}})});
  }
  return json_object({{"release", judgement.release},
                      {"policy", RawJson{json_object({{"name", judgement.policy},
                                                      {"version", std::uint64_t{judgement.policy_version}},
                                                      {"sha256", to_hex(judgement.policy_sha256)}})}},
                      {"judged_s", judgement.judged_s},
                      {"passed", judgement.passed()},
                      {"items", RawJson{json_array(items)}},
                      {"evidence", RawJson{json_array(files)}}});
}

tl::expected<ReadinessRecord, Error> parse_record(std::string_view text) {
  if (text.size() <= limits::readiness_record_len_max) {
    const auto json = Json::parse(text.begin(), text.end(), nullptr, false);
    try {
      if (!json.is_discarded()) return record_from(json);
    } catch (const NoRecord&) {
      // as for what is no JSON
    }
  }
  return tl::make_unexpected(Error{ErrorKind::invalid, "the record of how the release was judged is none"});
}

}  // namespace muster::ctl
