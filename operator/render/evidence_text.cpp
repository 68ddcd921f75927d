#include "operator/render/evidence_text.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "operator/evidence_words.h"
#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "schemas/common_generated.h"

namespace muster::ctl {
namespace {

std::string plane_name(std::size_t index) {
  return wire::EnumNamePlane(static_cast<wire::Plane>(index));
}

Sha256 manifest_of(const EvidencePlane& plane) {
  Sha256 digest;
  std::copy(std::begin(plane.active_manifest), std::end(plane.active_manifest), digest.bytes.begin());
  return digest;
}

std::string uptime_text(std::uint32_t ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%u.%03u", ms / 1000, ms % 1000);
  return text;
}

// "~" before a time that was reckoned.
std::string time_text(const McuBundle& bundle, const EvidenceEvent& event) {
  bool reckoned = false;
  const auto time_s = bundle.time_of(event, reckoned);
  return time_s ? (reckoned ? "~" : "") + moment_text(*time_s) : std::string("-");
}

std::string details_text(const EvidenceEvent& event) {
  std::string text;
  for (const auto& [name, value] : event_details(event)) text += (text.empty() ? "" : ", ") + name + " " + value;
  return text;
}

std::string event_json(const McuBundle& bundle, const BundleEvent& each) {
  const auto& event = each.event;
  bool reckoned = false;
  const auto time_s = bundle.time_of(event, reckoned);
  JsonFields details;
  for (const auto& [name, value] : event_details(event)) details.emplace_back(name, value);
  const auto number = [](std::uint64_t value) { return JsonField(value); };
  return json_object({{"sequence", number(event.sequence)},
                      {"boot", number(event.boot)},
                      {"time_s", number(time_s.value_or(0))},
                      {"reckoned", reckoned},
                      {"uptime_ms", number(event.uptime_ms)},
                      {"code", number(static_cast<std::uint64_t>(event.code))},
                      {"name", event_name(event.code)},
                      {"a", number(event.a)},
                      {"b", number(event.b)},
                      {"c", number(event.c)},
                      {"details", RawJson{json_object(details)}},
                      {"intact", each.intact}});
}

}  // namespace

std::string evidence_table(const std::vector<EvidenceView>& bundles, std::size_t columns, const Style& style) {
  Table table({{"device", Align::left, 8},
               {"bundle", Align::left, 12},
               {"size", Align::right, 9},
               {"received", Align::left, 10},
               {"when", Align::left, 19}});
  for (const auto& bundle : bundles) {
    table.add_row({harmless(bundle.device), harmless(bundle.bundle).substr(0, 16), size_text(bundle.size),
                   bundle.complete ? painted("complete", Paint::good, style)
                                   : painted(size_text(bundle.received) + " so far", Paint::waiting, style),
                   moment_text(bundle.time_s)});
  }
  return table.text(columns, style);
}

std::string bundle_text(const McuBundle& bundle, std::size_t columns, const Style& style) {
  const auto& header = bundle.header;
  std::vector<std::pair<std::string, std::string>> entries{
      {"made", moment_text(header.now_s) + ", " + uptime_text(header.uptime_ms) + " s after the start"},
      {"boot", std::to_string(header.boot_id)},
      {"reset cause", reset_cause_name(header.reset_cause)},
      {"stack unused", std::to_string(header.stack_unused) + " B"}};
  for (std::size_t i = 0; i < std::size(header.planes); ++i) {
    const auto manifest = manifest_of(header.planes[i]);
    entries.emplace_back(plane_name(i) + " plane", manifest.is_zero()
                                                       ? std::string("empty")
                                                       : to_hex(manifest) + ", security version " +
                                                             std::to_string(header.planes[i].security_version));
  }
  auto text = name_value_lines(entries, style) + "\n";
  if (bundle.events.empty()) return text + "no events\n";
  Table table({{"seq", Align::right, 4},
               {"boot", Align::right, 4},
               {"time", Align::left, 19},
               {"uptime s", Align::right, 8},
               {"event", Align::left, 12},
               {"details", Align::left, 20}});
  for (const auto& [event, intact] : bundle.events) {
    table.add_row({std::to_string(event.sequence), std::to_string(event.boot), time_text(bundle, event),
                   uptime_text(event.uptime_ms), event_name(event.code),
                   intact ? details_text(event) : painted("damaged", Paint::bad, style) + " " + details_text(event)});
  }
  return text + table.text(columns, style);
}

std::string bundle_json(const McuBundle& bundle) {
  const auto& header = bundle.header;
  JsonFields planes;
  for (std::size_t i = 0; i < std::size(header.planes); ++i) {
    const auto manifest = manifest_of(header.planes[i]);
    planes.emplace_back(
        plane_name(i),
        RawJson{json_object({{"active", manifest.is_zero() ? JsonField(RawJson{"null"}) : JsonField(to_hex(manifest))},
                             {"security_version", std::uint64_t{header.planes[i].security_version}}})});
  }
  std::vector<RawJson> events;
  for (const auto& each : bundle.events) events.push_back({event_json(bundle, each)});
  return json_object({{"format", std::uint64_t{header.format}},
                      {"boot_id", header.boot_id},
                      {"now_s", header.now_s},
                      {"uptime_ms", std::uint64_t{header.uptime_ms}},
                      {"reset_cause", reset_cause_name(header.reset_cause)},
                      {"stack_unused", std::uint64_t{header.stack_unused}},
                      {"planes", RawJson{json_object(planes)}},
                      {"events", RawJson{json_array(events)}}});
}

}  // namespace muster::ctl
