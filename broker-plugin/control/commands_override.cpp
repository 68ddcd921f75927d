// A release that an operator gives to one plane of one device, and takes back. What the device may run is looked at
// as it is for a rollout's first wave; the engine looks at the device.
#include <utility>

#include "broker-plugin/control/commands.h"
#include "schemas/ids.h"

namespace muster::broker {

void Commands::override_device(const std::string& who, const ControlCommand& command, Done done) {
  if (command.reason.empty())
    return done(Answer::failed(ErrorKind::usage, "the field 'reason' is missing: whoever looks next has to know why"));
  ReleaseRef ref;
  if (!parse_release_ref(command.release, ref))
    return done(Answer::failed(ErrorKind::usage, "'release' must be name@version"));
  const auto release = services_.releases.find(ref.name, ref.version);
  if (release == nullptr) {
    return done(Answer::failed(ErrorKind::not_found,
                               "the release " + command.release + " is not published here; see listReleases"));
  }
  if (rules::plane_from(command.plane) != release->plane) {
    return done(Answer::failed(ErrorKind::usage, command.release + " is on the plane " +
                                                     std::string(rules::name_of(release->plane)) + ", not " +
                                                     command.plane));
  }
  if (release->expires_s != 0 && release->expires_s <= services_.engine.now_s())
    return done(Answer::failed(ErrorKind::refused, command.release + " has expired; the device would refuse it"));
  const auto& life = services_.states.of(release->manifest);
  rules::Wave one_device;
  one_device.percent = 1;
  auto lacking = lacks_readiness(*release, services_.required_policies);
  if (lacking.empty()) lacking = lacks_state(*release, life, one_device, services_.states_required);
  if (!lacking.empty()) return refuse_about(who, command, command.device, lacking, std::move(done));
  rules::KnownRelease known{
      release->plane,         release->name, release->version, release->manifest, release->security_version,
      rules::Reach::promoted, release->needs};
  services_.engine.command(who, command.reason, rules::OverrideDevice{command.device, std::move(known)},
                           std::move(done));
}

void Commands::clear_override(const std::string& who, const ControlCommand& command, Done done) {
  const auto plane = rules::plane_from(command.plane).value_or(rules::Plane::model);  // its form was checked
  services_.engine.command(who, command.reason, rules::ClearOverride{command.device, plane}, std::move(done));
}

}  // namespace muster::broker
