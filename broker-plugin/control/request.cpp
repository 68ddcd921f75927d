#include "broker-plugin/control/request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "broker-plugin/control/json_depth.h"
#include "host/base64.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"

namespace muster::broker {
namespace {

using Json = nlohmann::json;

enum class Field : unsigned char {
  digest,
  size,
  offset,
  data,
  envelope,
  release,
  rule,
  file,
  rollout,
  acknowledge_failures,
  mode,
  after_device,
  after_seq,
  limit,
  device,
  scope,
  order,
  plane,
  bundle,
  after_bundle,
  length,
  pace,
  group,
  wave,
  failures,
  ineligible,
  before
};

struct FieldUse {
  Field field;
  bool required = true;
};

struct CommandShape {
  std::string_view text;
  CommandName name;
  Role role;
  std::span<const FieldUse> fields;
};

constexpr FieldUse begin_fields[] = {{Field::digest}, {Field::size}};
constexpr FieldUse put_fields[] = {{Field::digest}, {Field::offset}, {Field::data}};
constexpr FieldUse end_fields[] = {{Field::digest}};
constexpr FieldUse publish_fields[] = {{Field::envelope}};
constexpr FieldUse release_fields[] = {{Field::release}};
constexpr FieldUse release_evidence_fields[] = {
    {Field::release}, {Field::digest}, {Field::offset, false}, {Field::length, false}};
constexpr FieldUse start_fields[] = {{Field::rule}, {Field::file, false}};
constexpr FieldUse rollout_fields[] = {{Field::rollout}};
constexpr FieldUse status_fields[] = {{Field::rollout}, {Field::ineligible, false}};
constexpr FieldUse resume_fields[] = {{Field::rollout}, {Field::acknowledge_failures, false}, {Field::failures, false}};
constexpr FieldUse pace_fields[] = {{Field::rollout}, {Field::pace}};
constexpr FieldUse wave_fields[] = {{Field::rollout}, {Field::wave, false}};
constexpr FieldUse hold_fields[] = {{Field::rollout}, {Field::before}, {Field::wave, false}};
constexpr FieldUse abort_fields[] = {{Field::rollout}, {Field::mode, false}};
constexpr FieldUse stop_fields[] = {{Field::rollout}, {Field::group}, {Field::mode, false}};
constexpr FieldUse continue_fields[] = {{Field::rollout}, {Field::group}};
constexpr FieldUse cancel_fields[] = {{Field::rollout}, {Field::device}, {Field::mode, false}};
constexpr FieldUse readmit_fields[] = {{Field::rollout}, {Field::device}};
constexpr FieldUse override_fields[] = {{Field::device}, {Field::plane}, {Field::release}};
constexpr FieldUse clear_fields[] = {{Field::device}, {Field::plane}};
constexpr FieldUse devices_fields[] = {{Field::after_device, false}, {Field::limit, false}};
constexpr FieldUse device_fields[] = {{Field::device}};
constexpr FieldUse order_fields[] = {{Field::scope}, {Field::order}, {Field::plane, false}, {Field::release, false}};
constexpr FieldUse evidences_fields[] = {{Field::device, false}, {Field::after_bundle, false}, {Field::limit, false}};
constexpr FieldUse evidence_fields[] = {
    {Field::device}, {Field::bundle}, {Field::offset, false}, {Field::length, false}};
constexpr FieldUse audit_fields[] = {{Field::after_seq, false}, {Field::limit, false}};

constexpr CommandShape shapes[] = {
    {"beginBlob", CommandName::begin_blob, Role::operate, begin_fields},
    {"putBlob", CommandName::put_blob, Role::operate, put_fields},
    {"endBlob", CommandName::end_blob, Role::operate, end_fields},
    {"publishRelease", CommandName::publish_release, Role::operate, publish_fields},
    {"listReleases", CommandName::list_releases, Role::view, {}},
    {"getRelease", CommandName::get_release, Role::view, release_fields},
    {"getReleaseEvidence", CommandName::get_release_evidence, Role::view, release_evidence_fields},
    {"moveRelease", CommandName::move_release, Role::operate, publish_fields},
    {"checkRollout", CommandName::check_rollout, Role::operate, start_fields},
    {"startRollout", CommandName::start_rollout, Role::operate, start_fields},
    {"approveRollout", CommandName::approve_rollout, Role::approve, wave_fields},
    {"pauseRollout", CommandName::pause_rollout, Role::operate, rollout_fields},
    {"resumeRollout", CommandName::resume_rollout, Role::operate, resume_fields},
    {"releaseHold", CommandName::release_hold, Role::operate, wave_fields},
    {"holdWave", CommandName::hold_wave, Role::operate, hold_fields},
    {"changePace", CommandName::change_pace, Role::operate, pace_fields},
    {"abortRollout", CommandName::abort_rollout, Role::operate, abort_fields},
    {"stopGroup", CommandName::stop_group, Role::operate, stop_fields},
    {"continueGroup", CommandName::continue_group, Role::operate, continue_fields},
    {"cancelDevice", CommandName::cancel_device, Role::operate, cancel_fields},
    {"readmitDevice", CommandName::readmit_device, Role::operate, readmit_fields},
    {"overrideDevice", CommandName::override_device, Role::operate, override_fields},
    {"clearOverride", CommandName::clear_override, Role::operate, clear_fields},
    {"getRollout", CommandName::get_rollout, Role::view, status_fields},
    {"listRollouts", CommandName::list_rollouts, Role::view, {}},
    {"listDevices", CommandName::list_devices, Role::view, devices_fields},
    {"getDevice", CommandName::get_device, Role::view, device_fields},
    {"explainDevice", CommandName::explain_device, Role::view, device_fields},
    {"giveOrder", CommandName::give_order, Role::operate, order_fields},
    {"listAudit", CommandName::list_audit, Role::view, audit_fields},
    {"listEvidence", CommandName::list_evidence, Role::view, evidences_fields},
    {"getEvidence", CommandName::get_evidence, Role::view, evidence_fields},
    {"getMetrics", CommandName::get_metrics, Role::view, {}},
};

std::string_view json_name(Field field) {
  constexpr std::string_view names[] = {"digest",     "size",  "offset", "data",    "envelope",
                                        "release",    "rule",  "file",   "rollout", "acknowledgeFailures",
                                        "mode",       "after", "after",  "limit",   "device",
                                        "scope",      "order", "plane",  "bundle",  "after",
                                        "length",     "pace",  "group",  "wave",    "failures",
                                        "ineligible", "before"};
  return names[static_cast<std::size_t>(field)];
}

// Each of these sets its part of the command and returns what is wrong, empty when nothing is.

std::string take_text(const Json& value, std::size_t len_max, std::string& into) {
  if (!value.is_string()) return "must be a text";
  into = value.get<std::string>();
  if (into.size() > len_max) return "must have at most " + std::to_string(len_max) + " characters";
  return {};
}

// Text that people will read, and that devices refuse when it cannot be shown: an order with such a reason would be no
// order.
std::string take_words(const Json& value, std::string& into) {
  if (auto wrong = take_text(value, limits::text_len_max, into); !wrong.empty()) return wrong;
  return is_text(into) ? std::string() : "must hold no control characters other than tab and newline";
}

std::string take_id(const Json& value, std::string& into) {
  if (auto wrong = take_text(value, limits::id_len_max, into); !wrong.empty()) return wrong;
  return is_id(into) ? std::string() : "must be 1-64 of A-Z a-z 0-9 . _ -";
}

std::string take_number(const Json& value, std::uint64_t most, std::uint64_t& into) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
    return "must be a whole number from 0 to " + std::to_string(most);
  }
  into = value.get<std::uint64_t>();
  return {};
}

std::string take_flag(const Json& value, bool& into) {
  if (!value.is_boolean()) return "must be true or false";
  into = value.get<bool>();
  return {};
}

std::string take_bytes(const Json& value, std::size_t len_max, Bytes& into) {
  auto bytes = value.is_string() ? host::from_base64(value.get_ref<const std::string&>()) : std::nullopt;
  if (!bytes) return "must be base64";
  if (bytes->size() > len_max) return "must have at most " + std::to_string(len_max) + " bytes";
  into = std::move(*bytes);
  return {};
}

std::string take_digest(const Json& value, Sha256& into) {
  return value.is_string() && parse_hex(value.get_ref<const std::string&>(), into)
             ? std::string()
             : "must be a SHA-256 in 64 hexadecimal digits";
}

std::string take_choice(const Json& value, std::string_view choices, std::string& into) {
  if (auto wrong = take_text(value, 32, into); !wrong.empty()) return wrong;
  const auto padded = " " + std::string(choices) + " ";
  if (into.empty() || into.find(' ') != std::string::npos || padded.find(" " + into + " ") == std::string::npos) {
    return "must be one of: " + std::string(choices);
  }
  return {};
}

// What is not there is no limit.
std::string take_pace(const Json& value, rules::Pace& into) {
  constexpr std::uint32_t devices_max = 10'000'000, jitter_s_max = 86'400;
  struct Part {
    std::string_view name;
    std::uint32_t most;
    std::uint32_t& into;
  };
  const Part parts[] = {{"per_minute", devices_max, into.per_minute},
                        {"per_site", devices_max, into.per_site},
                        {"at_once", devices_max, into.at_once},
                        {"jitter_s", jitter_s_max, into.jitter_s}};
  if (!value.is_object()) return "must be an object";
  for (const auto& [name, number] : value.items()) {
    const auto part = std::find_if(std::begin(parts), std::end(parts),
                                   [&name = name](const Part& each) { return each.name == name; });
    if (part == std::end(parts)) return "may have per_minute, per_site, at_once and jitter_s";
    std::uint64_t read = 0;
    if (auto wrong = take_number(number, part->most, read); !wrong.empty())
      return "has a " + std::string(part->name) + " that " + wrong;
    part->into = static_cast<std::uint32_t>(read);
  }
  return {};
}

// "DEVICE/BUNDLE": the last one of a page.
std::string take_after_bundle(const Json& value, ControlCommand& command) {
  const auto text = value.is_string() ? value.get<std::string>() : std::string();
  const auto slash = text.find('/');
  command.after = text.substr(0, slash);
  const bool good = slash != std::string::npos && is_id(command.after) &&
                    parse_hex(std::string_view(text).substr(slash + 1), command.after_bundle);
  return good ? std::string() : "must be DEVICE/BUNDLE, the last of the page before";
}

std::string take_field(const Json& value, Field field, ControlCommand& command) {
  switch (field) {
    case Field::digest:
      return take_digest(value, command.digest);
    case Field::size:
      return take_number(value, limits::file_size_max, command.size);
    case Field::offset:
      return take_number(value, limits::file_size_max, command.offset);
    case Field::data:
      return take_bytes(value, limits::chunk_data_len_max, command.data);
    case Field::envelope:
      return take_bytes(value, limits::envelope_len_max, command.envelope);
    case Field::release: {
      ReleaseRef ref;
      if (auto wrong = take_text(value, limits::text_len_max, command.release); !wrong.empty()) return wrong;
      return parse_release_ref(command.release, ref) ? std::string() : "must be name@version";
    }
    case Field::rule:
      return take_text(value, limits::rule_text_len_max, command.rule);
    case Field::file:
      return take_words(value, command.file);
    case Field::rollout:
      return take_id(value, command.rollout);
    case Field::acknowledge_failures:
      return take_flag(value, command.acknowledge_failures);
    case Field::ineligible:
      return take_flag(value, command.ineligible);
    case Field::mode:
      return take_choice(value, "keep revert", command.mode);
    case Field::after_device:
      return take_id(value, command.after);
    case Field::after_seq:
      return take_number(value, UINT64_MAX, command.after_seq);
    case Field::limit:
      return take_number(value, list_limit_max, command.limit);
    case Field::device:
      return take_id(value, command.device);
    case Field::scope:
      return take_text(value, limits::topic_len_max, command.scope);
    case Field::order:
      return take_choice(value, "safe_mode resume rollback freeze thaw pause_updates send_evidence", command.order);
    case Field::plane:
      return take_choice(value, "firmware model config", command.plane);
    case Field::bundle:
      return take_digest(value, command.bundle);
    case Field::after_bundle:
      return take_after_bundle(value, command);
    case Field::length:
      return take_number(value, limits::chunk_data_len_max, command.length);
    case Field::pace:
      return take_pace(value, command.pace);
    case Field::before:
      return take_choice(value, "swap commit", command.before);
    case Field::wave:
      return take_id(value, command.wave);
    case Field::failures: {
      std::uint64_t seen = 0;
      if (auto wrong = take_number(value, UINT32_MAX, seen); !wrong.empty()) return wrong;
      command.failures = static_cast<std::uint32_t>(seen);
      return {};
    }
    case Field::group: {
      GroupRef ref;
      if (auto wrong = take_text(value, limits::topic_len_max, command.group); !wrong.empty()) return wrong;
      return parse_group_ref(command.group, ref) ? std::string() : "must be ATTRIBUTE=VALUE, as in region=de";
    }
  }
  return {};
}

// All names of a command's fields, for messages.
std::string field_names(const CommandShape& shape) {
  std::string names;
  for (const auto& use : shape.fields) names += (names.empty() ? "" : ", ") + std::string(json_name(use.field));
  return names.empty() ? "none but correlationData" : names;
}

std::string take_fields(const Json& object, const CommandShape& shape, ControlCommand& command) {
  for (const auto& use : shape.fields) {
    const auto found = object.find(json_name(use.field));
    if (found == object.end() || found->is_null()) {
      if (use.required) return "the field '" + std::string(json_name(use.field)) + "' is missing";
      continue;
    }
    const auto wrong = take_field(*found, use.field, command);
    if (!wrong.empty()) return "'" + std::string(json_name(use.field)) + "' " + wrong;
  }
  for (const auto& [name, value] : object.items()) {
    if (name == "command" || name == "correlationData") continue;
    if (name == "reason") {
      if (auto wrong = take_words(value, command.reason); !wrong.empty()) return "'reason' " + wrong;
      continue;
    }
    const bool known = std::any_of(shape.fields.begin(), shape.fields.end(),
                                   [&name = name](const FieldUse& use) { return json_name(use.field) == name; });
    if (!known)
      return "unknown field '" + name.substr(0, 64) + "'; the fields of " + command.text + " are " + field_names(shape);
  }
  return {};
}

ControlCommand parse_command(const Json& object) {
  ControlCommand command;
  if (!object.is_object()) {
    command.fault = "a command must be a JSON object";
    return command;
  }
  if (const auto found = object.find("correlationData"); found != object.end()) {
    std::string correlation;
    if (auto wrong = take_text(*found, limits::text_len_max, correlation); !wrong.empty()) {
      command.fault = "'correlationData' " + wrong;
      return command;
    }
    command.correlation = correlation;
  }
  const auto name = object.find("command");
  if (name == object.end() || !take_text(*name, 64, command.text).empty()) {
    command.fault = "the field 'command' is missing or no text";
    return command;
  }
  const auto* shape = std::find_if(std::begin(shapes), std::end(shapes),
                                   [&](const CommandShape& each) { return each.text == command.text; });
  if (shape == std::end(shapes)) {
    command.fault = "there is no command '" + command.text + "'; docs/control-api.md lists them";
    return command;
  }
  command.name = shape->name;
  command.role = shape->role;
  command.fault = take_fields(object, *shape, command);
  return command;
}

}  // namespace

tl::expected<std::vector<ControlCommand>, Error> parse_request(ByteView payload) {
  const auto refuse = [](std::string why) { return tl::unexpected(Error{ErrorKind::usage, std::move(why)}); };
  if (payload.size() > limits::control_len_max) {
    return refuse("a request has at most " + std::to_string(limits::control_len_max) + " bytes");
  }
  if (too_deep(payload.text())) return refuse("the request is nested too deeply");
  const auto request = Json::parse(payload.begin(), payload.end(), nullptr, false);
  if (request.is_discarded()) return refuse("the request is not valid JSON");
  const auto commands = request.is_object() ? request.find("commands") : request.end();
  if (!request.is_object() || commands == request.end() || !commands->is_array() || commands->empty() ||
      commands->size() > commands_max) {
    return refuse("a request is {\"commands\": [1 to " + std::to_string(commands_max) + " commands]}");
  }
  std::vector<ControlCommand> parsed;
  for (const auto& command : *commands) parsed.push_back(parse_command(command));
  return parsed;
}

std::vector<KnownCommand> known_commands() {
  std::vector<KnownCommand> known;
  for (const auto& shape : shapes) known.push_back({shape.text, shape.role});
  return known;
}

}  // namespace muster::broker
