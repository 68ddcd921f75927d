// What scenario files say of releases: what they ask of devices, their states, and who could run them.
#include <sstream>
#include <stdexcept>

#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

Plane plane_called(const std::string& name) {
  if (const auto plane = plane_from(name)) return *plane;
  throw std::runtime_error("no plane is called " + name);
}

Reach reach_called(const std::string& name) {
  for (const auto reach : {Reach::development, Reach::candidate, Reach::canary, Reach::promoted}) {
    if (name_of(reach) == name) return reach;
  }
  throw std::runtime_error("no state of a release is called " + name);
}

void describe_release(KnownRelease& release, const ScriptLine& line) {
  auto& needs = release.needs;
  for (const auto& [key, value] : line.in_order) {
    if (key == "class")
      needs.classes = listed(value);
    else if (key == "os_version")
      needs.os_versions = listed(value);
    else if (key == "accelerators")
      needs.accelerators = listed(value);
    else if (key == "runtime")
      needs.runtime = value;
    else if (key == "memory_mb")
      needs.memory_mb_min = static_cast<std::uint32_t>(std::stoul(value));
    else if (key == "state")
      release.reach = reach_called(value);
    else if (key == "security")
      release.security_version = static_cast<std::uint32_t>(std::stoul(value));
    else
      needs.version_min[static_cast<std::size_t>(plane_called(key))] = value;
  }
}

}  // namespace

bool Script::release_command(const ScriptLine& line) {
  const auto& words = line.words;
  if (words[0] == "release") {
    const auto& ref = words.at(2);
    const auto at = ref.find('@');
    world_.add_release(plane_called(words.at(1)), ref.substr(0, at), ref.substr(at + 1));
    describe_release(world_.known(ref), line);
  } else if (words[0] == "reach") {
    world_.step(ReleaseReach{{{world_.release(words.at(1)).manifest, reach_called(words.at(2))}}});
  } else if (words[0] == "fit") {
    const auto fit = world_.engine.fit(world_.start_of(rule_of(line)));
    lines_.push_back("takes " + std::to_string(fit.targets) + (fit.fault.empty() ? "" : "; refused: " + fit.fault));
    if (fit.without_site != 0) lines_.push_back(describe_without_site(fit.without_site));
    if (fit.unfit != 0) lines_.push_back(describe_unfit(fit));
    for (const auto& one : fit.devices) lines_.push_back("  " + one.device + ": " + one.why);
  } else if (words[0] == "why") {
    for (const auto& reason : world_.engine.why(words.at(1))) lines_.push_back(reason.rollout + ": " + reason.text);
  } else if (words[0] == "uses") {
    const auto uses = world_.engine.uses(world_.release(words.at(1)).manifest);
    for (const auto& rollout : uses.rollouts) lines_.push_back("rollout " + rollout);
    for (const auto& rollout : uses.returning) lines_.push_back("rollout " + rollout + " may go back to it");
    for (const auto& kept : uses.keeping) lines_.push_back("kept by " + kept);
    for (const auto& device : uses.devices) lines_.push_back("device " + device);
    lines_.push_back(std::to_string(uses.device_count) + " assigned");
  } else {
    return false;
  }
  return true;
}

}  // namespace muster::rules::test
