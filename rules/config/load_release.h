// A release file's text → validated ReleaseSpec, from which musterctl builds the manifest. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/config/diagnostic.h"
#include "rules/engine/rule.h"
#include "schemas/bytes.h"

namespace muster::rules {

struct ProbeSpec {
  enum class Kind : std::uint8_t { exec, http, file };  // as wire::ProbeKind
  Kind kind = Kind::exec;
  std::string target;
  std::uint32_t initial_delay_ms = 0, timeout_ms = 10000, interval_ms = 1000;
  std::uint8_t attempts = 1;
};

// The same numbers as wire::RecoveryAction.
enum class RecoveryAction : std::uint8_t {
  none,
  switch_to_degraded_model,
  restart_ingest_pipeline,
  drop_to_safe_mode,
  rollback_release,
  restart_workload
};

struct ConditionSpec {
  std::string source;  // as written
  Bytes program;       // empty: there is none
};

// What a device waits for: before it downloads the release, and before it switches to it.
struct ActivationSpec {
  ConditionSpec fetch_when, swap_when;
  std::uint32_t within_s = 0;

  [[nodiscard]] bool any() const { return !fetch_when.program.empty() || !swap_when.program.empty(); }
};

struct RecoverySpec {
  ConditionSpec when;
  RecoveryAction action = RecoveryAction::none;
};

inline constexpr std::size_t policy_path_len_max = 1024;

struct ReleaseSpec {
  std::string name, version;
  Plane plane = Plane::model;
  std::uint32_t security_version = 0;
  std::vector<std::string> files;                           // relative to the release file
  std::vector<std::pair<Plane, std::string>> requires_min;  // plane → minimum version
  std::vector<std::string> classes, accelerators, os_versions;
  std::uint32_t memory_mb_min = 0;
  std::string runtime;                                                                // compatible.runtime
  std::string tokenizer, preprocessing, postprocessing, delegate, pipeline_checksum;  // runtime contract
  std::vector<ProbeSpec> probes;
  std::string shadow;  // what runs it beside the active one: a name on devices' allowlists; empty: nothing
  ActivationSpec activation;
  std::vector<RecoverySpec> recovery;  // config plane only
  std::uint64_t expires_s = 0;         // 0: never; the end of that day, UTC
  std::vector<std::pair<std::string, std::string>> provenance;
  std::string policy;                 // the file of the readiness policy that it has to pass; empty: none
  std::vector<std::string> evidence;  // files that show what was measured; what the policy judges
};

struct LoadedRelease {
  std::optional<ReleaseSpec> release;
  std::vector<Diagnostic> diagnostics;
};

[[nodiscard]] LoadedRelease load_release(std::string_view text, const std::string& file);

}  // namespace muster::rules
