#include "rules/engine/overrides.h"

#include <algorithm>
#include <utility>

#include "rules/engine/exclusions.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

bool is_empty(const Overrides::OfDevice& planes) {
  return std::none_of(planes.begin(), planes.end(), [](const auto& each) { return each.has_value(); });
}

}  // namespace

std::string describe_override(std::size_t plane, const Override& override) {
  return "the override of plane " + std::string(name_of(static_cast<Plane>(plane))) + " stands: " + override.release +
         " " + by_whom(override.who, override.why);
}

std::string Overrides::set(std::string_view device, std::size_t plane, Override override) {
  auto found = devices_.find(device);
  if (found == devices_.end() && devices_.size() >= limits::overridden_devices_max) {
    return std::to_string(devices_.size()) +
           " devices have overrides, the most this broker keeps; clear some, or start a rollout for these devices";
  }
  if (found == devices_.end()) found = devices_.emplace(device, OfDevice()).first;
  found->second[plane] = std::move(override);
  return {};
}

void Overrides::clear(std::string_view device, std::size_t plane) {
  const auto found = devices_.find(device);
  if (found == devices_.end()) return;
  found->second[plane].reset();
  if (is_empty(found->second)) devices_.erase(found);
}

const Override* Overrides::find(std::string_view device, std::size_t plane) const {
  if (devices_.empty()) return nullptr;
  const auto found = devices_.find(device);
  return found == devices_.end() || !found->second[plane] ? nullptr : &*found->second[plane];
}

void Overrides::encode(std::string_view device, ByteWriter& out) const {
  for (const auto& each : devices_.find(device)->second) {
    out.flag(each.has_value());
    if (!each) continue;
    out.text(each->release);
    out.digest(each->manifest);
    out.number(each->security_version);
    out.number(each->epoch);
    out.text(each->who);
    out.text(each->why);
    out.number(each->since_s);
    for (const auto& version : each->version_min) out.text(version);
  }
}

bool Overrides::decode(std::string_view device, ByteReader& in) {
  OfDevice planes;
  for (auto& each : planes) {
    if (!in.flag()) continue;
    Override override;
    override.release = in.text(limits::release_ref_len_max);
    override.manifest = in.digest();
    override.security_version = in.number32();
    override.epoch = in.number();
    override.who = in.text(record_text_len_max);
    override.why = in.text(record_text_len_max);
    override.since_s = in.number();
    for (auto& version : override.version_min) version = in.text(limits::version_len_max);
    each = std::move(override);
  }
  if (!is_id(device) || !in.at_end() || is_empty(planes) || devices_.size() >= limits::overridden_devices_max)
    return false;
  return devices_.emplace(device, std::move(planes)).second;
}

}  // namespace muster::rules
