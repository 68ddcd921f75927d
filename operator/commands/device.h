// `musterctl device …` and `musterctl directive …`. One thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

[[nodiscard]] Outcome device_list(const Connection& connection, const Terminal& terminal);
[[nodiscard]] Outcome device_show(const Connection& connection, const std::string& device, const Terminal& terminal);

struct OverrideOptions {
  std::string device, plane, release, reason;  // with `clear` neither release nor, if you like, reason
  bool clear = false;
};
// An operator's own release for one plane of one device, or back to what rollouts give it.
[[nodiscard]] Outcome device_override(const Connection& connection, const OverrideOptions& options,
                                      const Terminal& terminal);

struct DirectiveOptions {
  std::string order;  // of the control API: safe_mode, resume, rollback, freeze, thaw, pause_updates, send_evidence
  std::string device, group;  // exactly one of device, group and fleet
  bool fleet = false;
  std::string plane, release;  // rollback, freeze, thaw
  std::string reason;
};
[[nodiscard]] Outcome directive_give(const Connection& connection, const DirectiveOptions& options,
                                     const Terminal& terminal);

}  // namespace muster::ctl
