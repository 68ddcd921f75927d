// Parts of a release file: files, compatibility, probes, shadow, recovery rules, expiry. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/config/load_release.h"
#include "rules/config/yaml_reader.h"

namespace muster::rules {

// Each fills what it could read; whether all of it is sound, the problems say.
void read_files(const YamlNode& node, Problems& problems, std::vector<std::string>& files);
void read_evidence(const YamlNode& node, Problems& problems, std::vector<std::string>& files);
// `own` is the release's plane, when that could be read.
void read_requires(const YamlNode& node, std::optional<Plane> own, Problems& problems, ReleaseSpec& release);
void read_compatible(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_runtime(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_provenance(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_expires(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_probes(const YamlNode& node, Problems& problems, std::vector<ProbeSpec>& probes);
void read_shadow(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_activation(const YamlNode& node, Problems& problems, ReleaseSpec& release);
void read_recovery(const YamlNode& node, Problems& problems, std::vector<RecoverySpec>& recovery);

}  // namespace muster::rules
