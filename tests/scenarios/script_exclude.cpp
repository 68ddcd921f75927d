// The commands of scenario files that take devices out of rollouts; README.md lists them.
#include <stdexcept>

#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

constexpr std::string_view group_prefix = "group/";

// As a scope, like those of orders: "group/region=de".
std::string group_in(const std::string& scope) {
  const bool is_group = scope.rfind(group_prefix, 0) == 0;
  if (!is_group) throw std::runtime_error("write the group as group/ATTRIBUTE=VALUE, not " + scope);
  return scope.substr(group_prefix.size());
}

std::string by_whom(const std::string& who, const std::string& why, bool revert) {
  return (revert ? ", with revert, by " : ", by ") + who + (why.empty() ? "" : ": " + why);
}

}  // namespace

bool Script::exclusion_command(const ScriptLine& line) {
  const auto& words = line.words;
  const auto& name = words[0];
  const bool revert = words.size() > 3 && words[3] == "revert";
  if (name == "stop") {
    send(StopGroup{words.at(1), group_in(words.at(2)), revert}, line);
  } else if (name == "continue") {
    send(ContinueGroup{words.at(1), group_in(words.at(2))}, line);
  } else if (name == "cancel") {
    send(CancelDevice{words.at(1), words.at(2), revert}, line);
  } else if (name == "readmit") {
    send(ReadmitDevice{words.at(1), words.at(2)}, line);
  } else if (name == "override") {
    if (!refused_by_host({words.at(2)}, words[1], line)) send(OverrideDevice{words[1], world_.release(words[2])}, line);
  } else if (name == "clear-override") {
    send(ClearOverride{words.at(1), plane_from(words.at(2)).value()}, line);
  } else {
    return false;
  }
  return true;
}

void Script::show_exclusions(const RolloutStatus& status) {
  if (!status.stops.empty()) lines_.push_back("stopped: " + std::to_string(status.stopped));
  for (const auto& stop : status.stops)
    lines_.push_back("stop " + stop.group + by_whom(stop.who, stop.why, stop.revert));
  for (const auto& each : status.cancelled)
    lines_.push_back("cancelled " + each.device + by_whom(each.who, each.why, each.revert));
}

}  // namespace muster::rules::test
