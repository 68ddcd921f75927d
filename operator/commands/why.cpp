#include "operator/commands/why.h"

#include <algorithm>

#include "operator/decode.h"

namespace muster::ctl {

Outcome rollout_why(const Connection& connection, const WhyOptions& options, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer = client.call({"explainDevice", {{"device", options.device}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto reasons = decode_reasons(*answer);
  if (!reasons) return tl::make_unexpected(reasons.error());
  const auto asked = [&](const ReasonView& reason) {
    return options.rollout.empty() || reason.rollout == options.rollout;
  };
  if (std::none_of(reasons->begin(), reasons->end(), asked)) {
    const auto what = options.rollout.empty() ? std::string("no rollout serves devices now")
                                              : "no rollout " + options.rollout + " that could concern it is known";
    if (!options.rollout.empty())
      return tl::make_unexpected(Error{ErrorKind::not_found, options.device + ": " + what + "; see rollout list"});
    if (!terminal.json) *terminal.out << options.device << ": " << what << "\n";
  }
  if (terminal.json) {
    *terminal.out << *answer << "\n";
    return ExitCode::ok;
  }
  for (const auto& reason : *reasons) {
    if (asked(reason)) *terminal.out << reason.rollout << ": " << reason.why << "\n";
  }
  return ExitCode::ok;
}

}  // namespace muster::ctl
