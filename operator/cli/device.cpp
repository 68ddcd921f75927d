// musterctl device …, directive …
#include "operator/commands/device.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {
namespace {

struct DeviceOption {
  std::string device;
};

void add_override(CLI::App& group, Session& session) {
  auto options = std::make_shared<OverrideOptions>();
  auto* command = add_command(
      group, session, "override", "give one device a release of its own; no rollout has that plane until it is cleared",
      "musterctl device override gw-17 --plane model --release reader@3 --reason 'odd camera'",
      [&session, options] { return device_override(session.connection, *options, session.terminal); });
  command->add_option("DEVICE", options->device, "its id")->required();
  command->add_option("--plane", options->plane, "the plane it is about")
      ->required()
      ->check(CLI::IsMember({"firmware", "model", "config"}));
  auto* release = command->add_option("--release", options->release, "what it is to run")->type_name("NAME@VERSION");
  command->add_flag("--clear", options->clear, "take the override back: rollouts may have the plane again")
      ->excludes(release);
  add_reason(*command, options->reason);
  add_connection(*command, session);
}

void add_directive(CLI::App& group, Session& session, const std::string& name, const std::string& order,
                   const std::string& what, const std::string& example, bool of_release) {
  auto options = std::make_shared<DirectiveOptions>();
  options->order = order;
  auto* command = add_command(group, session, name, what, example, [&session, options] {
    return directive_give(session.connection, *options, session.terminal);
  });
  auto* device = command->add_option("--device", options->device, "one device")->type_name("ID");
  auto* of_group = command->add_option("--group", options->group, "all devices with this attribute, such as region=de")
                       ->type_name("ATTRIBUTE=VALUE");
  auto* fleet = command->add_flag("--fleet", options->fleet, "all devices");
  device->excludes(of_group)->excludes(fleet);
  of_group->excludes(fleet);
  if (of_release) {
    command->add_option("--plane", options->plane, "the plane it is about")
        ->required()
        ->check(CLI::IsMember({"firmware", "model", "config"}));
    command->add_option("--release", options->release, "the release it is about")
        ->required()
        ->type_name("NAME@VERSION");
  }
  add_reason(*command, options->reason);
  add_connection(*command, session);
}

}  // namespace

void add_device_commands(CLI::App& app, Session& session) {
  auto& device = add_group(app, "device", "what the broker knows of devices");
  auto* command = add_command(device, session, "list", "list all devices", "musterctl device list",
                              [&session] { return device_list(session.connection, session.terminal); });
  add_connection(*command, session);
  auto one = std::make_shared<DeviceOption>();
  command = add_command(device, session, "show", "show one device: facts, planes, attempt, rollouts, last health",
                        "musterctl device show gw-17",
                        [&session, one] { return device_show(session.connection, one->device, session.terminal); });
  command->add_option("DEVICE", one->device, "its id")->required();
  add_connection(*command, session);

  add_override(device, session);

  auto& directive = add_group(app, "directive",
                              "orders outside of rollouts; they stand until taken back, also for devices that are off");
  add_directive(directive, session, "safe-mode", "safe_mode", "run the workload degraded; the agent stays up",
                "musterctl directive safe-mode --group region=de --reason 'bad labels'", false);
  add_directive(directive, session, "resume", "resume", "end safe mode and a pause of updates",
                "musterctl directive resume --group region=de", false);
  add_directive(directive, session, "rollback", "rollback",
                "devices that run this release go back to what they had before it",
                "musterctl directive rollback --fleet --plane model --release reader@2 --reason 'reads nothing'", true);
  add_directive(directive, session, "freeze", "freeze", "this release may not be activated",
                "musterctl directive freeze --fleet --plane model --release reader@2", true);
  add_directive(directive, session, "thaw", "thaw", "take a freeze back",
                "musterctl directive thaw --fleet --plane model --release reader@2", true);
  add_directive(directive, session, "pause-updates", "pause_updates",
                "take no new assignment while this stands; resume ends it",
                "musterctl directive pause-updates --device gw-17 --reason 'on site work'", false);
  add_directive(directive, session, "send-evidence", "send_evidence",
                "once: devices upload what they keep of their last events (see musterctl evidence)",
                "musterctl directive send-evidence --group site=plant-7 --reason 'resets since noon'", false);
}

}  // namespace muster::ctl
