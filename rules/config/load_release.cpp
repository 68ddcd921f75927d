#include "rules/config/load_release.h"

#include "rules/config/fields.h"
#include "rules/config/release_parts.h"

namespace muster::rules {

namespace {

ReleaseSpec read_release(const YamlNode& document, Problems& problems) {
  ReleaseSpec release;
  Fields fields(document, keys::release, problems);
  if (auto ref = fields.release("release")) {
    release.name = std::move(ref->name);
    release.version = std::move(ref->version);
  }
  std::optional<Plane> plane;
  if (const YamlNode* node = fields.value("plane")) {
    const auto word = read_word(*node, key_of(keys::release, "plane"), problems);
    if (word) plane = static_cast<Plane>(*word);
  }
  release.plane = plane.value_or(Plane::model);
  release.security_version = fields.integer32("security_version");
  // A recovery policy alone is a complete config release.
  const bool needs_files = plane && !(plane == Plane::config && fields.has("recovery"));
  if (const YamlNode* node =
          needs_files ? fields.require("files", key_of(keys::release, "files").example) : fields.find("files")) {
    read_files(*node, problems, release.files);
  }
  if (const YamlNode* node = fields.find("requires")) read_requires(*node, plane, problems, release);
  if (const YamlNode* node = fields.find("compatible")) read_compatible(*node, problems, release);
  if (const YamlNode* node = fields.find("runtime")) read_runtime(*node, problems, release);
  if (const YamlNode* node = fields.find("probes")) read_probes(*node, problems, release.probes);
  if (const YamlNode* node = fields.find("shadow")) read_shadow(*node, problems, release);
  if (const YamlNode* node = fields.find("activate")) read_activation(*node, problems, release);
  if (const YamlNode* node = fields.find("recovery")) {
    if (plane && plane != Plane::config) {
      problems.add(*node, "recovery rules in a " + std::string(name_of(*plane)) + " release",
                   "a release of the config plane for them");
    }
    read_recovery(*node, problems, release.recovery);
  }
  if (const YamlNode* node = fields.find("expires")) read_expires(*node, problems, release);
  if (const YamlNode* node = fields.find("provenance")) read_provenance(*node, problems, release);
  release.policy = fields.text("policy");
  if (const YamlNode* node = fields.find("evidence")) read_evidence(*node, problems, release.evidence);
  return release;
}

}  // namespace

LoadedRelease load_release(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedRelease loaded;
  if (const auto document = read_yaml(problems)) {
    ReleaseSpec release = read_release(*document, problems);
    if (!problems.any()) loaded.release = std::move(release);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
