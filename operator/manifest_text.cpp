#include "operator/manifest_text.h"

#include <algorithm>

#include "host/base64.h"
#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "schemas/manifest_generated.h"

namespace muster::ctl {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

std::string hex_of(const wire::Digest* digest) {
  return digest == nullptr ? std::string() : to_hex(ByteView(digest->bytes()->data(), digest->bytes()->size()));
}

std::vector<std::string> texts_of(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* texts) {
  std::vector<std::string> result;
  if (texts == nullptr) return result;
  for (const auto* text : *texts) result.push_back(text->str());
  return result;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const auto& text : texts) result += (result.empty() ? "" : ", ") + harmless(text);
  return result;
}

// The objects of a list as one JSON array; an absent list is an empty one.
template <typename Vector, typename Each>
RawJson array_of(const Vector* items, Each each) {
  std::vector<RawJson> result;
  if (items != nullptr) {
    for (const auto* item : *items) result.push_back({json_object(each(*item))});
  }
  return {json_array(result)};
}

RawJson compatible_json(const wire::Compatibility* compatible) {
  if (compatible == nullptr) return {"{}"};
  return {json_object({{"class", texts_of(compatible->classes())},
                       {"memory_mb_min", std::uint64_t{compatible->memory_mb_min()}},
                       {"accelerators", texts_of(compatible->accelerators())},
                       {"runtime", text_of(compatible->runtime())},
                       {"os_version", texts_of(compatible->os_versions())}})};
}

Entries runtime_entries(const wire::Runtime* runtime) {
  if (runtime == nullptr) return {};
  return {{"tokenizer", text_of(runtime->tokenizer())},
          {"preprocessing", text_of(runtime->preprocessing())},
          {"postprocessing", text_of(runtime->postprocessing())},
          {"delegate", text_of(runtime->delegate())},
          {"pipeline_checksum", text_of(runtime->pipeline_checksum())}};
}

RawJson entries_json(const Entries& entries) {
  JsonFields fields;
  for (const auto& [name, value] : entries) {
    if (!value.empty()) fields.emplace_back(name, value);
  }
  return {json_object(fields)};
}

Entries provenance_entries(const wire::Manifest& manifest) {
  Entries entries;
  if (manifest.provenance() == nullptr) return entries;
  for (const auto* entry : *manifest.provenance()) entries.emplace_back(text_of(entry->key()), text_of(entry->value()));
  return entries;
}

RawJson readiness_json(const wire::Readiness* readiness, const std::string& record) {
  if (readiness == nullptr) return {"null"};
  return {json_object({{"policy", text_of(readiness->policy())},
                       {"version", std::uint64_t{readiness->policy_version()}},
                       {"policy_sha256", hex_of(readiness->policy_sha256())},
                       {"record_sha256", hex_of(readiness->record_sha256())},
                       {"record", RawJson{record.empty() ? "null" : record}}})};
}

void append_life(const ReleaseLifeView& life, JsonFields& fields) {
  std::vector<RawJson> moves;
  for (const auto& move : life.moves) {
    moves.push_back({json_object({{"from", move.from},
                                  {"to", move.to},
                                  {"made_s", move.made_s},
                                  {"taken_s", move.taken_s},
                                  {"by", move.by},
                                  {"reason", move.reason},
                                  {"key_ids", move.key_ids},
                                  {"envelope", host::to_base64(move.envelope)}})});
  }
  fields.emplace_back("state", life.state);
  fields.emplace_back("files_removed_s", life.files_removed_s);
  fields.emplace_back("moves", RawJson{json_array(moves)});
}

std::string source_of(const wire::ReadingCondition* condition) {
  return condition == nullptr ? std::string() : text_of(condition->source());
}

RawJson activation_json(const wire::Activation* activation) {
  if (activation == nullptr) return {"null"};
  return {json_object({{"fetch_when", source_of(activation->fetch())},
                       {"swap_when", source_of(activation->swap())},
                       {"within_s", std::uint64_t{activation->within_s()}}})};
}

std::string probe_text(const wire::Probe& probe) {
  return std::string(wire::EnumNameProbeKind(probe.kind())) + " " + harmless(text_of(probe.target())) + " (after " +
         std::to_string(probe.initial_delay_ms()) + " ms, timeout " + std::to_string(probe.timeout_ms()) + " ms, " +
         count_text(probe.attempts(), "attempt") + ")";
}

// The lines about lists that a table does not suit: requirements, probes, recovery rules, provenance, evidence.
void append_lists(const wire::Manifest& manifest, Entries& entries) {
  if (const auto* list = manifest.requirements(); list != nullptr) {
    for (const auto* item : *list) {
      entries.emplace_back("requires", std::string(wire::EnumNamePlane(item->plane())) +
                                           " >= " + harmless(text_of(item->min_version())));
    }
  }
  if (const auto* list = manifest.probes(); list != nullptr) {
    for (const auto* item : *list) entries.emplace_back("probe", probe_text(*item));
  }
  if (manifest.shadow() != nullptr) entries.emplace_back("shadow", "exec " + harmless(text_of(manifest.shadow())));
  if (const auto* activation = manifest.activation(); activation != nullptr) {
    entries.emplace_back("fetch when", harmless(source_of(activation->fetch())));
    entries.emplace_back("swap when", harmless(source_of(activation->swap())));
    entries.emplace_back("gives up after", duration_text(activation->within_s()));
  }
  if (const auto* list = manifest.recovery(); list != nullptr) {
    for (const auto* item : *list) {
      entries.emplace_back("recovery", "when " + harmless(text_of(item->source())) + " do " +
                                           wire::EnumNameRecoveryAction(item->action()));
    }
  }
  for (const auto& [key, value] : provenance_entries(manifest)) entries.emplace_back(harmless(key), harmless(value));
  if (const auto* readiness = manifest.readiness()) {
    entries.emplace_back("passed", harmless(text_of(readiness->policy())) + " " +
                                       std::to_string(readiness->policy_version()) + "  " +
                                       hex_of(readiness->policy_sha256()));
    entries.emplace_back("record", hex_of(readiness->record_sha256()));
  }
  if (const auto* list = manifest.evidence(); list != nullptr) {
    for (const auto* item : *list)
      entries.emplace_back("evidence", harmless(text_of(item->name())) + "  " + hex_of(item->sha256()));
  }
}

}  // namespace

std::string manifest_json(const LocalRelease& release, const SignatureView& signature, const std::string& record,
                          const ReleaseLifeView* life) {
  const auto& m = release.manifest();
  JsonFields fields{{"name", text_of(m.name())},
                    {"version", text_of(m.version())},
                    {"plane", std::string(wire::EnumNamePlane(m.plane()))},
                    {"manifest", to_hex(release.digest())},
                    {"security_version", std::uint64_t{m.security_version()}},
                    {"created_s", std::uint64_t{m.created_s()}},
                    {"expires_s", std::uint64_t{m.expires_s()}},
                    {"files", array_of(m.files(),
                                       [](const wire::FileEntry& file) -> JsonFields {
                                         return {{"name", text_of(file.name())},
                                                 {"size", std::uint64_t{file.size()}},
                                                 {"sha256", hex_of(file.sha256())}};
                                       })},
                    {"requires", array_of(m.requirements(),
                                          [](const wire::Requirement& item) -> JsonFields {
                                            return {{"plane", std::string(wire::EnumNamePlane(item.plane()))},
                                                    {"min_version", text_of(item.min_version())}};
                                          })},
                    {"compatible", compatible_json(m.compatible())},
                    {"runtime", entries_json(runtime_entries(m.runtime()))},
                    {"probes", array_of(m.probes(),
                                        [](const wire::Probe& probe) -> JsonFields {
                                          return {{"kind", std::string(wire::EnumNameProbeKind(probe.kind()))},
                                                  {"target", text_of(probe.target())},
                                                  {"initial_delay_ms", std::uint64_t{probe.initial_delay_ms()}},
                                                  {"timeout_ms", std::uint64_t{probe.timeout_ms()}},
                                                  {"attempts", std::uint64_t{probe.attempts()}},
                                                  {"interval_ms", std::uint64_t{probe.interval_ms()}}};
                                        })},
                    {"shadow", text_of(m.shadow())},
                    {"activate", activation_json(m.activation())},
                    {"recovery", array_of(m.recovery(),
                                          [](const wire::RecoveryRule& rule) -> JsonFields {
                                            return {{"when", text_of(rule.source())},
                                                    {"do", std::string(wire::EnumNameRecoveryAction(rule.action()))}};
                                          })},
                    {"provenance", entries_json(provenance_entries(m))},
                    {"evidence", array_of(m.evidence(),
                                          [](const wire::NamedDigest& item) -> JsonFields {
                                            return {{"name", text_of(item.name())}, {"sha256", hex_of(item.sha256())}};
                                          })},
                    {"readiness", readiness_json(m.readiness(), record)},
                    {"signature", RawJson{json_object({{"state", signature.state}, {"key_ids", signature.key_ids}})}}};
  if (life != nullptr) append_life(*life, fields);
  return json_object(fields);
}

std::string manifest_text(const LocalRelease& release, const SignatureView& signature, std::size_t columns,
                          const Style& style) {
  const auto& m = release.manifest();
  Entries entries{{"release", harmless(release.name_at_version())},
                  {"plane", wire::EnumNamePlane(m.plane())},
                  {"manifest", to_hex(release.digest())},
                  {"security version", std::to_string(m.security_version())},
                  {"created", moment_text(m.created_s())},
                  {"expires", m.expires_s() == 0 ? "never" : moment_text(m.expires_s())},
                  {"signature", signature.key_ids.empty() ? signature.state
                                                          : signature.state + ", by key " + joined(signature.key_ids)}};
  if (const auto* c = m.compatible(); c != nullptr) {
    entries.emplace_back("classes", joined(texts_of(c->classes())));
    entries.emplace_back("accelerators", joined(texts_of(c->accelerators())));
    entries.emplace_back("memory", c->memory_mb_min() == 0 ? "" : ">= " + std::to_string(c->memory_mb_min()) + " MB");
    entries.emplace_back("runtime", harmless(text_of(c->runtime())));
    entries.emplace_back("os_version", joined(texts_of(c->os_versions())));
  }
  for (const auto& [name, value] : runtime_entries(m.runtime())) entries.emplace_back(name, harmless(value));
  append_lists(m, entries);
  Table files({{"file", Align::left, 12}, {"size", Align::right, 8}, {"sha256", Align::left, 16}});
  for (const auto* file : *m.files()) {
    files.add_row({harmless(text_of(file->name())), size_text(file->size()), hex_of(file->sha256())});
  }
  return name_value_lines(entries, style) + (files.empty() ? std::string() : "\n" + files.text(columns, style));
}

}  // namespace muster::ctl
