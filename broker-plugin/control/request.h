// One request of the control API, parsed: docs/control-api.md is the contract. Everything about its form is checked
// here, against one table of commands and fields, so that commands only look at meaning. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/core/operators.h"
#include "host/error.h"
#include "rules/engine/rule.h"
#include "schemas/bytes.h"
#include "schemas/limits.h"

namespace muster::broker {

enum class CommandName : unsigned char {
  begin_blob,
  put_blob,
  end_blob,
  publish_release,
  list_releases,
  get_release,
  get_release_evidence,
  move_release,
  check_rollout,
  start_rollout,
  approve_rollout,
  pause_rollout,
  resume_rollout,
  release_hold,
  hold_wave,
  change_pace,
  abort_rollout,
  stop_group,
  continue_group,
  cancel_device,
  readmit_device,
  override_device,
  clear_override,
  get_rollout,
  list_rollouts,
  list_devices,
  get_device,
  explain_device,
  give_order,
  list_audit,
  list_evidence,
  get_evidence,
  get_metrics
};

// A command with its fields; those that its entry in the table does not have are empty.
struct ControlCommand {
  std::string text;                        // its name as sent
  std::optional<std::string> correlation;  // as sent, to be echoed
  std::optional<CommandName> name;         // nothing: unknown
  std::string fault;                       // what is wrong with its form, empty when nothing is
  Role role = Role::operate;

  Sha256 digest, bundle, after_bundle;
  std::uint64_t size = 0, offset = 0, after_seq = 0, limit = 100, length = limits::chunk_data_len_max;
  Bytes data, envelope;
  std::string after, before, device, file, group, mode, order, plane, reason, release, rollout, rule, scope, wave;
  bool acknowledge_failures = false, ineligible = false;
  std::optional<std::uint32_t> failures;
  rules::Pace pace;
};

// All commands there are, in the order of the table, with the role that each asks for.
struct KnownCommand {
  std::string_view text;
  Role role;
};
[[nodiscard]] std::vector<KnownCommand> known_commands();

// The commands in order, each with its own fault; an error for what is no request at all.
[[nodiscard]] tl::expected<std::vector<ControlCommand>, Error> parse_request(ByteView payload);

inline constexpr std::size_t commands_max = 16;  // in one request
inline constexpr std::size_t list_limit_max = 500;
inline constexpr std::size_t json_depth_max = 16;

}  // namespace muster::broker
