#include "operator/render/device_text.h"

#include "operator/render/moment.h"
#include "operator/render/rollout_text.h"
#include "operator/render/table.h"

namespace muster::ctl {
namespace {

std::string link_text(const DeviceView& device, std::uint64_t now_s) {
  if (device.connected) return "connected";
  if (device.last_seen_s == 0) return "never seen";
  return "away " + duration_text(now_s > device.last_seen_s ? now_s - device.last_seen_s : 0);
}

std::string plane_text(const PlaneView& plane) {
  if (!plane.active) return "-";
  return plane.release ? harmless(*plane.release) : "unknown " + plane.active->substr(0, 12);
}

std::string fact_of(const DeviceView& device, const std::string& name) {
  for (const auto& [fact, value] : device.facts) {
    if (fact == name) return harmless(value);
  }
  return "-";
}

std::string attempt_text(const DeviceView& device) {
  if (device.attempt_state.empty()) return "-";
  auto text = harmless(device.attempt_state);
  if (!device.attempt_error.empty() && device.attempt_error != "none") text += " " + harmless(device.attempt_error);
  return text;
}

std::string state_text(const DeviceView& device, const Style& style) {
  if (!device.reported) return "no report yet";
  return painted(harmless(device.state), paint_of_state(device.state), style);
}

}  // namespace

std::string device_table(const std::vector<DeviceView>& devices, std::uint64_t now_s, std::size_t columns,
                         const Style& style) {
  Table table({{"device", Align::left, 8},
               {"link", Align::left, 9},
               {"state", Align::left, 7},
               {"class", Align::left, 5},
               {"region", Align::left, 4},
               {"firmware", Align::left, 6},
               {"model", Align::left, 6},
               {"config", Align::left, 6},
               {"attempt", Align::left, 9}});
  for (const auto& device : devices) {
    std::vector<std::string> row{harmless(device.device), link_text(device, now_s), state_text(device, style),
                                 fact_of(device, "class"), fact_of(device, "region")};
    for (const auto& plane : device.planes) row.push_back(plane_text(plane));
    row.push_back(attempt_text(device));
    table.add_row(std::move(row));
  }
  return table.text(columns, style);
}

std::string device_text(const DeviceView& device, std::uint64_t now_s, const Style& style) {
  std::vector<std::pair<std::string, std::string>> entries{
      {"device", painted(harmless(device.device), Paint::strong, style)},
      {"link",
       link_text(device, now_s) + (device.last_seen_s == 0 ? "" : ", last seen " + moment_text(device.last_seen_s))},
      {"state", state_text(device, style)}};
  for (const auto& [name, value] : device.facts) entries.emplace_back(harmless(name), harmless(value));
  for (const auto& plane : device.planes) {
    entries.emplace_back(plane.plane + " plane",
                         plane.active ? plane_text(plane) + "  " + harmless(*plane.active) : std::string("empty"));
  }
  auto attempt = attempt_text(device);
  if (!device.attempt_detail.empty()) attempt += ": " + harmless(device.attempt_detail);
  entries.emplace_back("attempt", attempt + " (epoch " + std::to_string(device.attempt_epoch) + ", assigned " +
                                      std::to_string(device.assigned_epoch) + ")");
  for (const auto& rollout : device.rollouts) {
    entries.emplace_back("rollout", harmless(rollout.rollout) + ": " + harmless(rollout.standing) + ", wave " +
                                        std::to_string(rollout.wave + 1));
  }
  for (const auto& each : device.overrides) {
    entries.emplace_back(harmless(each.plane) + " override",
                         harmless(each.release) + ", " + harmless(each.state) + ", by " + harmless(each.who) + ", " +
                             moment_text(each.since_s) + (each.why.empty() ? "" : ": " + harmless(each.why)));
  }
  auto text = name_value_lines(entries, style);
  if (device.health.empty()) return text + "\nno health summary yet\n";
  std::vector<std::pair<std::string, std::string>> health;
  for (const auto& [name, value] : device.health) health.emplace_back(harmless(name), harmless(value));
  return text + "\n" + painted("last health summary", Paint::faint, style) + "\n" + name_value_lines(health, style);
}

}  // namespace muster::ctl
