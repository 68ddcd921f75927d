#include "operator/commands/rollout_fit.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "operator/decode.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "rules/engine/fleet_fit.h"

namespace muster::ctl {

tl::expected<FleetAnswer, Error> ask_fit(const Connection& connection, const std::string& file,
                                         const CheckedRule& checked) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer = client.call(
      {"checkRollout", {{"rule", checked.text}, {"file", std::filesystem::path(file).filename().string()}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  auto fit = decode_fit(*answer);
  if (!fit) return tl::make_unexpected(std::move(fit.error()));
  return FleetAnswer{std::move(*fit), std::move(*answer)};
}

std::string ineligible_text(const FitView& fit, std::size_t shown_max) {
  if (fit.ineligible == 0) return {};
  std::string counts;
  for (const auto& [reason, count] : fit.reasons)
    counts += (counts.empty() ? "" : ", ") + std::to_string(count) + " " + harmless(reason);
  std::string text = count_text(fit.ineligible, "device") + (fit.ineligible == 1 ? " matches" : " match") +
                     " its targets and cannot run it (" + counts + "); nothing is assigned there:";
  const auto shown = std::min(fit.first.size(), shown_max);
  for (std::size_t i = 0; i < shown; ++i)
    text += "\n  " + harmless(fit.first[i].device) + ": " + harmless(fit.first[i].why);
  if (shown < fit.ineligible) text += "\n  and " + std::to_string(fit.ineligible - shown) + " more";
  return text;
}

std::string fit_text(const FitView& fit) {
  auto text = "At the broker it takes " + count_text(fit.targets, "device") + " now.";
  if (!fit.refused.empty()) text = "The broker would refuse it now: " + harmless(fit.refused) + "\n" + text;
  if (const auto sentence = rules::describe_without_site(fit.without_site); !sentence.empty())
    text += "\n" + sentence + ".";
  const auto unfit = ineligible_text(fit);
  return text + (unfit.empty() ? "" : "\n" + unfit);
}

}  // namespace muster::ctl
