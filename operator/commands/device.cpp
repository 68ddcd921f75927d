#include "operator/commands/device.h"

#include "operator/commands/change.h"
#include "operator/decode.h"
#include "operator/render/device_text.h"
#include "schemas/ids.h"

namespace muster::ctl {
namespace {

tl::unexpected<Error> usage(std::string message) {
  return tl::make_unexpected(Error{ErrorKind::usage, std::move(message)});
}

// "device/ID", "group/a=v" or "fleet", as the control API names scopes.
tl::expected<std::string, Error> scope_of(const DirectiveOptions& options) {
  const int named = (options.device.empty() ? 0 : 1) + (options.group.empty() ? 0 : 1) + (options.fleet ? 1 : 0);
  if (named != 1) return usage("say whom it is for: exactly one of --device ID, --group ATTRIBUTE=VALUE and --fleet");
  if (options.fleet) return std::string("fleet");
  if (!options.device.empty()) {
    if (!is_id(options.device)) return usage("'" + options.device + "' is no device id: 1 to 64 of A-Z a-z 0-9 . _ -");
    return "device/" + options.device;
  }
  if (GroupRef ref; !parse_group_ref(options.group, ref)) {
    std::string names;
    for (const auto name : group_attributes) names += (names.empty() ? "" : ", ") + std::string(name);
    return usage("'" + options.group + "' is no group: write ATTRIBUTE=VALUE with an attribute of " + names);
  }
  return "group/" + options.group;
}

}  // namespace

Outcome device_list(const Connection& connection, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  std::vector<DeviceView> devices;
  std::vector<RawJson> json;
  bool more = true;
  while (more) {
    Request request{"listDevices", {{"limit", std::uint64_t{500}}}};
    if (!devices.empty()) request.fields.emplace_back("after", devices.back().device);
    auto answer = client.call(request);
    if (!answer) return tl::make_unexpected(std::move(answer.error()));
    auto page = decode_devices(*answer);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    more = page->more && !page->devices.empty();
    for (auto& device : page->devices) devices.push_back(std::move(device));
    for (auto& text : page->json) json.push_back({std::move(text)});
  }
  if (terminal.json)
    *terminal.out << json_object({{"devices", RawJson{json_array(json)}}}) << "\n";
  else
    *terminal.out << (devices.empty() ? "no device has connected yet\n"
                                      : device_table(devices, wall_clock_s(), terminal.columns, terminal.style));
  return ExitCode::ok;
}

Outcome device_show(const Connection& connection, const std::string& device, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer = client.call({"getDevice", {{"device", device}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto view = decode_device(*answer);
  if (!view) return tl::make_unexpected(view.error());
  if (terminal.json)
    *terminal.out << *answer << "\n";
  else
    *terminal.out << device_text(*view, wall_clock_s(), terminal.style);
  return ExitCode::ok;
}

Outcome device_override(const Connection& connection, const OverrideOptions& options, const Terminal& terminal) {
  Request request{options.clear ? "clearOverride" : "overrideDevice",
                  {{"device", options.device}, {"plane", options.plane}}};
  if (!options.clear) {
    if (ReleaseRef ref; !parse_release_ref(options.release, ref))
      return usage("'" + options.release + "' is no release: write --release NAME@VERSION, or --clear");
    if (options.reason.empty()) return usage("say why with --reason: whoever looks at the device next has to know");
    request.fields.emplace_back("release", options.release);
  }
  if (!options.reason.empty()) request.fields.emplace_back("reason", options.reason);
  return send_change(connection, request, terminal);
}

Outcome directive_give(const Connection& connection, const DirectiveOptions& options, const Terminal& terminal) {
  const auto scope = scope_of(options);
  if (!scope) return tl::make_unexpected(scope.error());
  Request request{"giveOrder", {{"scope", *scope}, {"order", options.order}}};
  if (!options.release.empty()) {
    if (ReleaseRef ref; !parse_release_ref(options.release, ref))
      return usage("'" + options.release + "' is no release: write NAME@VERSION");
    request.fields.emplace_back("plane", options.plane);
    request.fields.emplace_back("release", options.release);
  }
  if (!options.reason.empty()) request.fields.emplace_back("reason", options.reason);
  return send_change(connection, request, terminal);
}

}  // namespace muster::ctl
