#include "operator/evidence_words.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "schemas/common_generated.h"

namespace muster::ctl {
namespace {

// How the number of a field is to be read.
enum class Reading : unsigned char {
  unused,
  number,
  address,  // hexadecimal
  bytes,
  milliseconds,
  yes_no,
  mcu_error,  // the sign taken off: mcu-client/include/error.h
  reset_cause,
  device_state,
  attempt_state,
  error_code,
  plane,
  recovery_action,
  safe_mode_cause  // a recovery action, 0: a directive
};

struct FieldWords {
  std::string_view name;
  Reading reading = Reading::unused;
};

struct EventWords {
  EventCode code;
  std::string_view name;
  FieldWords a, b, c;
};

using R = Reading;
constexpr FieldWords none = {"", R::unused};
constexpr FieldWords epoch = {"epoch", R::number};
constexpr FieldWords plane = {"plane", R::plane};
constexpr FieldWords slot = {"slot", R::number};
constexpr FieldWords security = {"security version", R::number};
constexpr FieldWords mcu_error = {"error", R::mcu_error};
constexpr FieldWords error_code = {"error", R::error_code};

constexpr EventWords words[] = {
    {EventCode::none, "none", none, none, none},
    {EventCode::started, "started", {"cause", R::reset_cause}, security, slot},
    {EventCode::boot_fell_back, "boot_fell_back", {"fallbacks", R::number}, slot, none},
    {EventCode::crash_loop, "crash_loop", {"crashes", R::number}, none, none},
    {EventCode::stack_low_water, "stack_low_water", none, {"unused", R::bytes}, none},
    {EventCode::state_entered, "state_entered", {"state", R::device_state}, {"before", R::device_state}, none},
    {EventCode::safe_mode_entered, "safe_mode_entered", {"why", R::safe_mode_cause}, epoch, none},
    {EventCode::safe_mode_left, "safe_mode_left", none, epoch, none},
    {EventCode::attempt_state, "attempt_state", {"state", R::attempt_state}, epoch, plane},
    {EventCode::attempt_failed, "attempt_failed", error_code, epoch, plane},
    {EventCode::trial_requested, "trial_requested", slot, epoch, security},
    {EventCode::trial_confirmed, "trial_confirmed", slot, epoch, security},
    {EventCode::trial_reverted, "trial_reverted", slot, epoch, {"starts", R::number}},
    {EventCode::download_resumed, "download_resumed", plane, {"at", R::bytes}, {"of", R::bytes}},
    {EventCode::slot_damaged, "slot_damaged", plane, slot, none},
    {EventCode::connected, "connected", {"session present", R::yes_no}, {"attempts", R::number}, none},
    {EventCode::connection_lost, "connection_lost", mcu_error, none, none},
    {EventCode::message_refused, "message_refused", error_code, epoch, none},
    {EventCode::recovery_action, "recovery_action", {"action", R::recovery_action}, {"rule", R::number}, none},
    {EventCode::fault, "fault", {"cause", R::number}, {"pc", R::address}, {"lr", R::address}},
    {EventCode::probe_failed, "probe_failed", error_code, none, plane},
    {EventCode::workload_silent, "workload_silent", none, {"silent", R::milliseconds}, none},
    {EventCode::flash_error, "flash_error", mcu_error, {"offset", R::address}, none},
};

// mcu::ResetCause, in its order.
constexpr std::string_view reset_causes[] = {"unknown", "power_on", "software", "watchdog", "fault"};

// The enum's own word; the number where it has none.
template <class Enum>
std::string word_of(std::uint32_t value, const char* (*name_of)(Enum), std::uint32_t most) {
  const std::string name = value <= most ? name_of(static_cast<Enum>(value)) : "";
  return name.empty() ? std::to_string(value) : name;
}
template <class Enum>
std::string word_of(std::uint32_t value, const char* (*name_of)(Enum)) {
  return word_of(value, name_of, static_cast<std::uint32_t>(Enum::MAX));
}

std::string hex_text(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

std::string read(std::uint32_t value, Reading reading) {
  switch (reading) {
    case Reading::unused:
      return {};
    case Reading::number:
      return std::to_string(value);
    case Reading::address:
      return hex_text(value);
    case Reading::bytes:
      return std::to_string(value) + " B";
    case Reading::milliseconds:
      return std::to_string(value) + " ms";
    case Reading::yes_no:
      return value != 0 ? "yes" : "no";
    case Reading::mcu_error:
      return value == 0 ? "0" : "-" + std::to_string(value);
    case Reading::reset_cause:
      return reset_cause_name(value);
    case Reading::device_state:
      return word_of(value, wire::EnumNameDeviceState);
    case Reading::attempt_state:
      return word_of(value, wire::EnumNameAttemptState);
    case Reading::error_code:
      return word_of(value, wire::EnumNameErrorCode);
    case Reading::plane:
      return word_of(value, wire::EnumNamePlane);
    case Reading::recovery_action:
      return word_of(value, wire::EnumNameRecoveryAction);
    case Reading::safe_mode_cause:
      return value == 0 ? "directive" : word_of(value, wire::EnumNameRecoveryAction);
  }
  return std::to_string(value);
}

const EventWords* words_of(EventCode code) {
  const auto* found =
      std::find_if(std::begin(words), std::end(words), [code](const EventWords& each) { return each.code == code; });
  return found == std::end(words) ? nullptr : found;
}

}  // namespace

std::string event_name(EventCode code) {
  if (const auto* known = words_of(code)) return std::string(known->name);
  const auto number = static_cast<unsigned>(code);
  if (number >= event_application) return "application " + std::to_string(number - event_application);
  return "unknown " + std::to_string(number);
}

EventDetails event_details(const EvidenceEvent& event) {
  const auto* known = words_of(event.code);
  if (known == nullptr)
    return {{"a", std::to_string(event.a)}, {"b", std::to_string(event.b)}, {"c", std::to_string(event.c)}};
  EventDetails details;
  for (const auto& [field, value] :
       {std::pair(known->a, std::uint32_t{event.a}), std::pair(known->b, event.b), std::pair(known->c, event.c)}) {
    if (field.reading != Reading::unused) details.emplace_back(field.name, read(value, field.reading));
  }
  return details;
}

std::string reset_cause_name(std::uint32_t cause) {
  return cause < std::size(reset_causes) ? std::string(reset_causes[cause]) : std::to_string(cause);
}

}  // namespace muster::ctl
