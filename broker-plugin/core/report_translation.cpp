#include "broker-plugin/core/report_translation.h"

#include "broker-plugin/core/wire_digest.h"
#include "schemas/state_report_generated.h"

namespace muster::broker {
namespace {

std::string text(const flatbuffers::String* string) {
  return string == nullptr ? std::string() : string->str();
}

std::vector<std::string> texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* strings) {
  std::vector<std::string> list;
  if (strings == nullptr) return list;
  for (const auto* string : *strings) list.push_back(string->str());
  return list;
}

rules::DeviceFacts facts_of(const wire::Facts& facts) {
  rules::DeviceFacts translated;
  translated.device_class = text(facts.device_class());
  translated.region = text(facts.region());
  translated.site = text(facts.site());
  translated.customer = text(facts.customer());
  translated.os_version = text(facts.os_version());
  translated.memory_tier = text(facts.memory_tier());
  translated.agent_version = text(facts.agent_version());
  translated.memory_mb = facts.memory_mb();
  translated.tags = texts(facts.tags());
  translated.accelerators = texts(facts.accelerators());
  return translated;
}

}  // namespace

// Both sides number these alike, so that a cast translates.
static_assert(static_cast<int>(wire::AttemptState::failed) == static_cast<int>(rules::AttemptState::failed));
static_assert(static_cast<int>(wire::DeviceState::rolled_back) == static_cast<int>(rules::DeviceState::rolled_back));
static_assert(static_cast<int>(wire::Plane::config) == static_cast<int>(rules::Plane::config));

rules::DeviceReport translate(const wire::StateReport& report) {
  rules::DeviceReport event;
  event.device = report.device_id()->str();
  event.boot_id = report.boot_id();
  event.seq = report.seq();
  event.directive_epoch = report.directive_epoch();
  event.facts = facts_of(*report.facts());
  event.state = static_cast<rules::DeviceState>(report.state());
  for (const auto* plane : *report.planes()) {
    const auto index = static_cast<std::size_t>(plane->plane());
    event.active[index] = digest_of(plane->active());
    event.security_floor[index] = plane->security_floor();
  }
  if (const auto* attempt = report.attempt()) {
    event.attempt_epoch = attempt->epoch();
    event.attempt = static_cast<rules::AttemptState>(attempt->state());
    if (attempt->error() != wire::ErrorCode::none) event.attempt_error = wire::EnumNameErrorCode(attempt->error());
    event.attempt_detail = text(attempt->detail());
  }
  return event;
}

}  // namespace muster::broker
