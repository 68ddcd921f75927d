// Text → checked bytecode. Allocates; the broker, musterctl and tests use it, devices only evaluate.
// Pure: no state; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemas/bytes.h"

namespace muster::rules {

// What an identifier may be in one place where conditions are used.
struct Name {
  enum class Type : unsigned char { text, number, boolean, text_list };
  std::string_view name;
  Type type;
};

// The names `targets` may use: device.id, device.class, device.region, device.site, device.customer, device.os_version,
// device.memory_mb (number), device.memory_tier, device.tags and device.accelerators (lists), device.agent_version.
[[nodiscard]] const std::vector<Name>& target_names();

// The names recovery rules may use: the numeric standard keys of HealthSummary, the counters the agent keeps, slo_ms,
// what a device runs on and how it is connected, and any task metric, which is why unknown plain identifiers are
// numbers there.
struct Vocabulary {
  const std::vector<Name>* names = nullptr;
  bool other_identifiers_are_numbers = false;
};
[[nodiscard]] Vocabulary target_vocabulary();
[[nodiscard]] Vocabulary recovery_vocabulary();

struct ConditionError {
  std::size_t offset = 0;  // byte in the text, 0-based
  std::string what;        // "unknown name device.clas"
  std::string expected;    // "did you mean device.class?" — what would be right
};

struct CompiledCondition {
  Bytes program;                       // empty when there are errors
  std::vector<ConditionError> errors;  // all of them, as far as recovery allows; at least one when program is empty
  [[nodiscard]] bool ok() const { return errors.empty(); }
};

[[nodiscard]] CompiledCondition compile_condition(std::string_view text, const Vocabulary& vocabulary);

// The program as text, one operation a line, for `rollout check --explain` and tests.
[[nodiscard]] std::string disassemble(ByteView program);

}  // namespace muster::rules
