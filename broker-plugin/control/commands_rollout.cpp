// Commands that change rollouts and standing orders.
#include <utility>

#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/json_writer.h"
#include "schemas/ids.h"

namespace muster::broker {
namespace {

std::string why_of(const ControlCommand& command) {
  return command.reason;
}

// "fleet", "device/ID" or "group/ATTRIBUTE=VALUE".
bool is_scope(std::string_view scope) {
  GroupRef group;
  if (scope == "fleet") return true;
  if (scope.substr(0, 7) == "device/") return is_id(scope.substr(7));
  return scope.substr(0, 6) == "group/" && parse_group_ref(scope.substr(6), group);
}

rules::OrderKind order_kind(std::string_view word) {
  using rules::OrderKind;
  if (word == "resume") return OrderKind::resume;
  if (word == "rollback") return OrderKind::rollback;
  if (word == "freeze") return OrderKind::freeze;
  if (word == "thaw") return OrderKind::thaw;
  if (word == "pause_updates") return OrderKind::pause_updates;
  if (word == "send_evidence") return OrderKind::send_evidence;
  return OrderKind::safe_mode;
}

}  // namespace

void Commands::change_rollout(const std::string& who, const ControlCommand& command, Done done) {
  if (!known_rollout(command.rollout, done)) return;
  const bool to_explain = *command.name == CommandName::stop_group || *command.name == CommandName::cancel_device;
  if (to_explain && command.reason.empty()) {
    return done(Answer::failed(ErrorKind::usage, "the field 'reason' is missing: whoever looks next has to know why"));
  }
  const auto body = [&]() -> rules::CommandBody {
    switch (*command.name) {
      case CommandName::approve_rollout:
        return rules::ApproveWave{command.rollout, command.wave};
      case CommandName::pause_rollout:
        return rules::PauseRollout{command.rollout};
      case CommandName::resume_rollout:
        return rules::ResumeRollout{command.rollout, command.acknowledge_failures, command.failures};
      case CommandName::release_hold:
        return rules::ReleaseHold{command.rollout, command.wave};
      case CommandName::hold_wave:
        return rules::HoldWave{
            command.rollout, command.before == "swap" ? rules::HoldPoint::before_swap : rules::HoldPoint::before_commit,
            command.wave};
      case CommandName::change_pace:
        return rules::ChangePace{command.rollout, command.pace};
      case CommandName::stop_group:
        return rules::StopGroup{command.rollout, command.group, command.mode == "revert"};
      case CommandName::continue_group:
        return rules::ContinueGroup{command.rollout, command.group};
      case CommandName::cancel_device:
        return rules::CancelDevice{command.rollout, command.device, command.mode == "revert"};
      case CommandName::readmit_device:
        return rules::ReadmitDevice{command.rollout, command.device};
      default:
        break;
    }
    const auto mode = command.mode == "keep"     ? rules::AbortMode::keep
                      : command.mode == "revert" ? rules::AbortMode::revert
                                                 : rules::AbortMode::by_rule;
    return rules::AbortRollout{command.rollout, mode};
  }();
  services_.engine.command(who, why_of(command), body, std::move(done));
}

void Commands::give_order(const std::string& who, const ControlCommand& command, Done done) {
  if (!is_scope(command.scope)) {
    return done(Answer::failed(ErrorKind::usage,
                               "'scope' must be fleet, device/ID or group/ATTRIBUTE=VALUE, as in group/region=de"));
  }
  rules::GiveOrder order;
  order.scope = command.scope;
  order.kind = order_kind(command.order);
  const bool about_release = order.kind == rules::OrderKind::rollback || order.kind == rules::OrderKind::freeze ||
                             order.kind == rules::OrderKind::thaw;
  if (about_release) {
    ReleaseRef ref;
    if (!parse_release_ref(command.release, ref)) {
      return done(Answer::failed(ErrorKind::usage, command.order + " needs 'release', as name@version"));
    }
    const auto release = services_.releases.find(ref.name, ref.version);
    if (release == nullptr) {
      return done(Answer::failed(ErrorKind::not_found,
                                 "the release " + command.release + " is not published here; see listReleases"));
    }
    if (!command.plane.empty() && rules::plane_from(command.plane) != release->plane) {
      return done(Answer::failed(ErrorKind::usage, command.release + " is on the plane " +
                                                       std::string(rules::name_of(release->plane)) + ", not " +
                                                       command.plane));
    }
    order.plane = release->plane;
    order.release = release->manifest;
    order.release_name = command.release;
  } else if (!command.plane.empty() || !command.release.empty()) {
    return done(Answer::failed(ErrorKind::usage, command.order + " takes neither 'plane' nor 'release'"));
  }
  services_.engine.command(who, why_of(command), std::move(order), std::move(done));
}

}  // namespace muster::broker
