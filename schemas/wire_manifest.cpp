// Verifies manifests, the only message with more rules than a page: what passes here can be written to a slot as it is.
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"
#include "schemas/wire_check.h"

namespace muster {

using wire_check::Checker;
using wire_check::view;

namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// An absolute path that names one place, whatever the file system looks like.
bool is_absolute_path(std::string_view path) {
  if (!starts_with(path, "/") || path.find("//") != std::string_view::npos) return false;
  for (std::size_t start = 1; start <= path.size();) {
    const auto slash = path.find('/', start);
    const auto end = slash == std::string_view::npos ? path.size() : slash;
    const auto segment = path.substr(start, end - start);
    if (segment.empty() || segment == "." || segment == "..") return false;
    start = end + 1;
  }
  return true;
}

void check_files(Checker& check, const wire::Manifest& manifest) {
  const auto& files = *manifest.files();
  check.count(&files, limits::files_max);
  for (const auto* file : files) {
    check.require(is_file_name(view(file->name())), WireFault::bad_name);
    check.require(file->size() <= limits::file_size_max, WireFault::over_limit);
  }
  if (!check.ok()) return;
  for (flatbuffers::uoffset_t i = 0; i < files.size(); ++i) {
    for (flatbuffers::uoffset_t k = 0; k < i; ++k) {
      check.require(!file_names_collide(view(files.Get(i)->name()), view(files.Get(k)->name())), WireFault::bad_name);
    }
  }
}

void check_requirements(Checker& check, const wire::Manifest& manifest) {
  const auto* requirements = manifest.requirements();
  check.count(requirements, limits::requirements_max);
  if (requirements == nullptr) return;
  unsigned seen = 0;
  for (const auto* requirement : *requirements) {
    check.plane_once(requirement->plane(), seen);
    check.require(is_version(view(requirement->min_version())), WireFault::bad_name);
  }
}

void check_contracts(Checker& check, const wire::Manifest& manifest) {
  if (const auto* compatible = manifest.compatible()) {
    check.ids(compatible->classes(), limits::classes_max);
    check.ids(compatible->accelerators(), limits::accelerators_max);
    check.text(compatible->runtime(), limits::attribute_len_max);
    check.ids(compatible->os_versions(), limits::classes_max);
  }
  if (const auto* runtime = manifest.runtime()) {
    for (const auto* text : {runtime->tokenizer(), runtime->preprocessing(), runtime->postprocessing(),
                             runtime->delegate(), runtime->pipeline_checksum()}) {
      check.text(text, limits::text_len_max);
    }
  }
}

bool is_probe_target(wire::ProbeKind kind, std::string_view target) {
  switch (kind) {
    case wire::ProbeKind::exec:
      return is_id(target);
    case wire::ProbeKind::http:
      return starts_with(target, "http://") || starts_with(target, "https://");
    case wire::ProbeKind::file:
      return is_file_name(target) || is_absolute_path(target);
  }
  return false;
}

void check_probes(Checker& check, const wire::Manifest& manifest) {
  const auto* probes = manifest.probes();
  check.count(probes, limits::probes_max);
  if (probes == nullptr) return;
  for (const auto* probe : *probes) {
    check.known(probe->kind());
    check.required_text(probe->target(), limits::text_len_max);
    check.require(is_probe_target(probe->kind(), view(probe->target())), WireFault::bad_name);
    check.require(probe->attempts() >= 1 && probe->timeout_ms() >= 1, WireFault::over_limit);
    for (const auto time_ms : {probe->initial_delay_ms(), probe->timeout_ms(), probe->interval_ms()}) {
      check.require(time_ms <= limits::probe_time_ms_max, WireFault::over_limit);
    }
  }
}

void check_condition(Checker& check, const flatbuffers::Vector<std::uint8_t>* program,
                     const flatbuffers::String* source) {
  check.count(program, limits::program_len_max);
  check.require(program->size() > 0, WireFault::malformed);
  check.required_text(source, limits::condition_text_len_max);
}

void check_activation(Checker& check, const wire::Manifest& manifest) {
  const auto* activation = manifest.activation();
  if (activation == nullptr) return;
  for (const auto* condition : {activation->fetch(), activation->swap()}) {
    if (condition != nullptr) check_condition(check, condition->program(), condition->source());
  }
  check.require(activation->fetch() != nullptr || activation->swap() != nullptr, WireFault::malformed);
  check.require(activation->within_s() >= 1 && activation->within_s() <= limits::activation_within_s_max,
                WireFault::over_limit);
}

void check_recovery(Checker& check, const wire::Manifest& manifest) {
  const auto* rules = manifest.recovery();
  check.count(rules, limits::recovery_rules_max);
  if (rules == nullptr || rules->size() == 0) return;
  check.require(manifest.plane() == wire::Plane::config, WireFault::malformed);
  for (const auto* rule : *rules) {
    check.known(rule->action());
    check_condition(check, rule->program(), rule->source());
  }
}

void check_origin(Checker& check, const wire::Manifest& manifest) {
  const auto* provenance = manifest.provenance();
  check.count(provenance, limits::key_values_max);
  if (provenance != nullptr) {
    for (const auto* entry : *provenance) {
      check.id(entry->key());
      check.text(entry->value(), limits::text_len_max);
    }
  }
  const auto* evidence = manifest.evidence();
  check.count(evidence, limits::evidence_files_max);
  if (evidence != nullptr) {
    for (const auto* entry : *evidence) check.require(is_file_name(view(entry->name())), WireFault::bad_name);
  }
  if (const auto* readiness = manifest.readiness()) check.id(readiness->policy());
}

}  // namespace

WireFault verify(ByteView bytes, const wire::Manifest*& message) {
  const wire::Manifest* manifest = nullptr;
  const auto fault = wire_check::open(bytes, limits::manifest_len_max, wire::ManifestIdentifier(), manifest);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.id(manifest->name());
  check.require(is_version(view(manifest->version())), WireFault::bad_name);
  check.known(manifest->plane());
  check_files(check, *manifest);
  check_requirements(check, *manifest);
  check_contracts(check, *manifest);
  check_probes(check, *manifest);
  check.optional_id(manifest->shadow());
  check_activation(check, *manifest);
  check_recovery(check, *manifest);
  check_origin(check, *manifest);
  return wire_check::accept(check, manifest, message);
}

}  // namespace muster
