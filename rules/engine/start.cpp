// StartRollout: everything that can be wrong with it, and the new rollout.
#include <algorithm>
#include <cassert>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

std::string fault_of_waves(const Rule& rule) {
  if (rule.waves.empty() || rule.waves.size() > limits::waves_max) {
    return "it has " + std::to_string(rule.waves.size()) + " waves; write 1 to " + std::to_string(limits::waves_max);
  }
  std::uint32_t percent = 0;
  std::uint32_t devices = 0;
  for (const auto& wave : rule.waves) {
    if (wave.rehearse && &wave != &rule.waves.front())
      return "wave " + wave.name + " rehearses, and is not the first: what follows has begun without it";
    if (wave.approvers == 0 || wave.approvers > approvers_max) {
      return "wave " + wave.name + " asks for " + count_text(wave.approvers, "approver") + "; 1 to " +
             std::to_string(approvers_max);
    }
    if (wave.devices != 0) {
      if (wave.percent != 0) return "wave " + wave.name + " has both a percentage and a number of devices";
      if (percent != 0)
        return "wave " + wave.name + " has a number of devices after a percentage, which may be more than they are";
      if (wave.devices > wave_devices_max || wave.devices <= devices) {
        return "wave " + wave.name + " has " + std::to_string(wave.devices) +
               " devices; their number must grow from wave to wave, up to " + std::to_string(wave_devices_max);
      }
      devices = wave.devices;
      continue;
    }
    if (wave.is_ring()) {
      if (check_program(ByteView(wave.ring)) != ProgramFault::none)
        return "the ring of wave " + wave.name + " is not a checked condition";
      continue;
    }
    if (wave.percent > 100 || wave.percent <= percent) {
      return "wave " + wave.name + " has " + std::to_string(wave.percent) +
             " %; percentages must grow from wave to wave, up to 100";
    }
    percent = wave.percent;
  }
  return {};
}

std::string fault_of_times(const Rule& rule) {
  if (auto fault = fault_of_retry(rule.retry); !fault.empty()) return "retry: " + fault;
  if (rule.windows.size() > limits::windows_max)
    return "it has more than " + std::to_string(limits::windows_max) + " windows";
  for (const auto& window : rule.windows) {
    if (auto fault = fault_of_window(window); !fault.empty()) return "a window: " + fault;
  }
  return is_utc_offset(rule.utc_offset_min) ? std::string() : "no time zone is so far from UTC";
}

std::string fault_of_versions(const StartRollout& body) {
  const auto& versions = body.rule.versions;
  if (versions.empty() || versions.size() > plane_count) return "it names no version, or more than one a plane";
  if (versions.size() != body.releases.size())
    return "not all of its versions are published releases; publish them first";
  PerPlane<bool> seen{};
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const auto& wanted = versions[i];
    const auto& found = body.releases[i];
    const auto name = wanted.name + "@" + wanted.version;
    if (std::exchange(seen[static_cast<std::size_t>(wanted.plane)], true)) {
      return "plane " + std::string(name_of(wanted.plane)) + " has two versions; name one";
    }
    if (found.manifest.is_zero() || found.name != wanted.name || found.version != wanted.version) {
      return "release " + name + " is not published here; publish it first";
    }
    if (found.plane != wanted.plane) {
      return "release " + name + " is for plane " + std::string(name_of(found.plane)) +
             ", but the rule puts it on plane " + std::string(name_of(wanted.plane));
    }
  }
  return {};
}

std::string fault_of_shadow(const StartRollout& body) {
  const Rule& rule = body.rule;
  if (!rule.shadow) return {};
  if (rule.priority != 0) return "a shadow takes no device from another rollout; leave its priority out";
  for (const auto& wave : rule.waves) {
    if (wave.hold != HoldPoint::none) return "wave " + wave.name + " has a hold, and a shadow switches nothing";
    if (wave.rehearse) return "wave " + wave.name + " rehearses the way back, and a shadow switches nothing";
  }
  const bool runs =
      std::any_of(body.releases.begin(), body.releases.end(), [](const auto& each) { return each.shadow; });
  return runs ? std::string() : "none of its releases says what runs it in the shadow; sign one with the key 'shadow'";
}

// The rule's planes in its order, and each other plane before the first of them that stands behind it by nature
// (firmware, model, config).
Sequence sequence_of(const std::vector<KnownRelease>& releases) {
  std::vector<std::size_t> planes;
  for (const auto& release : releases) planes.push_back(static_cast<std::size_t>(release.plane));
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (std::find(planes.begin(), planes.end(), plane) != planes.end()) continue;
    planes.insert(std::find_if(planes.begin(), planes.end(), [&](std::size_t other) { return other > plane; }), plane);
  }
  return static_cast<Sequence>(planes[0] | (planes[1] << 2) | (planes[2] << 4));
}

// What is to run the model, as far as a release of the rollout says.
std::string_view delegate_asked_for(const std::vector<KnownRelease>& releases) {
  const auto found = std::find_if(releases.begin(), releases.end(),
                                  [](const KnownRelease& release) { return !release.delegate.empty(); });
  return found == releases.end() ? std::string_view() : found->delegate;
}

}  // namespace

std::string Core::fault_of_start(const StartRollout& body) const {
  const Rule& rule = body.rule;
  if (!is_id(rule.rollout))
    return "\"" + rule.rollout.substr(0, limits::id_len_max) +
           "\" is no name for a rollout; use 1 to 64 of A-Z a-z 0-9 . _ -";
  if (const auto* known = find_rollout(rule.rollout); known != nullptr) {
    return "a rollout " + rule.rollout + " exists and is " + std::string(name_of(known->state)) +
           "; give the new one another name";
  }
  if (body.rule_text.size() > limits::rule_text_len_max)
    return "its rule file is larger than " + std::to_string(limits::rule_text_len_max) + " bytes";
  if (check_program(ByteView(rule.targets)) != ProgramFault::none) return "its targets are not a checked condition";
  if (auto fault = fault_of_waves(rule); !fault.empty()) return fault;
  if (auto fault = fault_of_versions(body); !fault.empty()) return fault;
  if (auto fault = fault_of_shadow(body); !fault.empty()) return fault;
  if (rule.priority > priority_max) return "its priority is over " + std::to_string(priority_max);
  if (rule.halt_failed_ppm > 1'000'000) return "it halts at more than all of its devices";
  if (auto fault = fault_of_times(rule); !fault.empty()) return fault;
  if (rule.guardrails.size() > limits::guardrails_max)
    return "it has more than " + std::to_string(limits::guardrails_max) + " guardrails";
  for (const auto& guardrail : rule.guardrails) {
    if (auto fault = fault_of_guardrail(guardrail); !fault.empty()) return "guardrail " + guardrail.name + ": " + fault;
  }
  if (auto fault = fault_of_needs(body.releases); !fault.empty()) return fault;
  std::vector<Sha256> manifests;
  for (const auto& release : body.releases) manifests.push_back(release.manifest);
  if (const auto* freeze = orders_.fleet_freeze(manifests); freeze != nullptr) {
    return "release " + freeze->release_name + " is frozen for the fleet by " + freeze->order.by + "; thaw it first";
  }
  return {};
}

std::vector<DeviceIndex> Core::targets_of(const StartRollout& body) const {
  std::vector<DeviceIndex> targets;
  const auto contrary = contrary_to(body.releases);
  const ByteView program(body.rule.targets);
  fleet_.for_each([&](DeviceIndex index) {
    if (fleet_[index].reported && matches(program, index) && fits(body.releases, contrary, index))
      targets.push_back(index);
  });
  return targets;
}

// Two active rollouts may not want the same plane of one device, unless the new one has the higher priority.
std::string Core::conflict_of_start(const StartRollout& body, const std::vector<DeviceIndex>& targets) const {
  PerPlane<bool> governed{};
  for (const auto& release : body.releases) governed[static_cast<std::size_t>(release.plane)] = true;
  for (const auto& [number, other] : rollouts_) {
    if (!other->active() || body.rule.priority > other->rule.priority) continue;
    std::size_t shared = 0;
    while (shared < plane_count && !(governed[shared] && other->governs(shared))) ++shared;
    if (shared == plane_count) continue;
    std::string_view first;
    std::size_t count = 0;
    for (const auto index : targets) {
      if (members_.find(index, *other) == 0 || has_let_go(*other, index)) continue;
      ++count;
      if (first.empty() || fleet_.id(index) < first) first = fleet_.id(index);
    }
    if (count == 0) continue;
    std::string text = "rollout " + other->name() + " is " + std::string(name_of(other->state)) + " on plane " +
                       std::string(name_of(static_cast<Plane>(shared))) + " and has " + count_text(count, "target") +
                       " of this rule (" + std::string(first) + (count == 1 ? "" : " among them");
    if (other->state == RolloutState::reverting) {
      return text + "), which " + (count == 1 ? "is" : "are") +
             " on the way back; wait until that is over, end it with 'rollout cancel' or 'rollout abort --keep', or "
             "choose other targets";
    }
    return text + "); wait until it has completed, abort it, give this rule a priority above its " +
           std::to_string(other->rule.priority) + ", or choose other targets";
  }
  return {};
}

// Forgets the oldest rollout that no device depends on any more when as many are known as may be.
bool Core::make_room(std::string_view who) {
  if (rollouts_.size() < limits::rollouts_max) return true;
  Rollout* oldest = nullptr;
  for (const auto& [number, rollout] : rollouts_) {
    if (rollout->state == RolloutState::aborted && oldest == nullptr) oldest = rollout.get();
  }
  for (const auto& [number, rollout] : rollouts_) {
    if (oldest != nullptr) break;
    if (rollout->state == RolloutState::completed && rollout->first_member == 0) oldest = rollout.get();
  }
  if (oldest == nullptr) return false;
  while (oldest->first_member != 0) {
    const auto device = members_[oldest->first_member].device;
    members_.remove(oldest->first_member);
    offer_to_others(device);  // which may have waited for its way back
  }
  turn_.forgotten.push_back("rollout/" + oldest->name());
  turn_.forgotten.push_back("rollout_rule/" + oldest->name());
  turn_.audit(who, audit::rollout_forgotten, oldest->name(),
              "it was " + std::string(name_of(oldest->state)) + "; " + std::to_string(limits::rollouts_max) +
                  " rollouts are kept, and the oldest ended one makes room for a new one");
  for (const auto handle : oldest->target) fleet_.drop(handle);
  rollouts_.erase(oldest->number);
  return true;
}

// Makes a rollout known. REQUIRES: its rule, releases and number are set, and it has no members.
void Core::adopt(std::unique_ptr<Rollout> rollout) {
  rollout->waves.resize(rollout->rule.waves.size());
  rollout->tallies.resize(rollout->waves.size() + 1);
  rollout->departed.resize(rollout->waves.size() + 1);
  rollout->sequence = sequence_of(rollout->releases);
  rollout->guards.adopt(rollout->rule, rollout->lines, delegate_asked_for(rollout->releases));
  rollout->pace.adopt(rollout->rule.pace, rollout->rule.seed);
  for (const auto& release : rollout->releases) {
    rollout->target[static_cast<std::size_t>(release.plane)] = fleet_.intern(release.manifest);
    rollout->manifests.push_back(release.manifest);
    known_[release.manifest] = known_of(release);
  }
  rollout->contrary = contrary_to(rollout->releases);
  const auto number = rollout->number;
  rollouts_[number] = std::move(rollout);
}

Rollout& Core::create(const Command& command, const StartRollout& body) {
  auto rollout = std::make_unique<Rollout>();
  rollout->rule = body.rule;
  rollout->rule_text = body.rule_text;
  rollout->lines = body.lines;
  rollout->releases = body.releases;
  rollout->number = ++last_number_;
  rollout->started_s = turn_.now_s;
  rollout->started_by = command.who;
  rollout->persist = rollout->persist_rule = true;
  Rollout& created = *rollout;
  adopt(std::move(rollout));
  turn_.engine = true;
  members_.touch(created);
  return created;
}

Core::Answer Core::run(const Command& command, const StartRollout& body) {
  Answer answer;
  answer.subject = body.rule.rollout.substr(0, limits::id_len_max);
  answer.message = fault_of_start(body);
  if (!answer.message.empty()) return answer;
  const auto targets = targets_of(body);
  answer.message = conflict_of_start(body, targets);
  if (!answer.message.empty()) return answer;
  if (!make_room(command.who)) {
    answer.message = std::to_string(limits::rollouts_max) +
                     " rollouts are known and all are at work or serve devices; abort one that is no longer needed";
    return answer;
  }
  Rollout& rollout = create(command, body);
  for (const auto index : targets) {
    Member fields;
    fields.target = true;
    members_.add(rollout, index, fields);
  }
  std::vector<std::string_view> facts;
  for (const auto index : targets) facts.push_back(fleet_.facts(index));
  rollout.guards.plan(facts);
  std::string versions;
  for (const auto& release : rollout.releases) {
    versions += (versions.empty() ? "" : ", ") + std::string(name_of(release.plane)) + " " + describe(release);
  }
  if (rollout.rule.shadow) versions += ", in the shadow,";
  std::string why = versions + " for " + count_text(targets.size(), "target") + " (" + rollout.rule.targets_text +
                    "), seed " + std::to_string(rollout.rule.seed) + ", " + count_text(rollout.waves.size(), "wave");
  if (const auto unfit_text = describe_unfit(unfit_for(body.rule, body.releases, nullptr)); !unfit_text.empty())
    why += "; " + unfit_text;
  if (const auto sentence = describe_without_site(without_site(body.rule, targets)); !sentence.empty())
    why += "; " + sentence;
  learn_releases();
  const auto precedence = take_precedence(rollout);
  turn_.audit(command.who, audit::rollout_started, rollout.name(), with_reason(why + precedence, command.why));
  settle_all();
  answer.ok = true;
  if (rollout.waves[0].state == WaveState::pending) {
    answer.message = "rollout " + rollout.name() + " started: " + waiting_for(rollout) + precedence;
    return answer;
  }
  answer.message = "rollout " + rollout.name() + " started: " + describe_wave(rollout.rule.waves[0]) +
                   " is open with " + std::to_string(rollout.tallies[0].devices()) + " of " +
                   count_text(targets.size(), "target") + precedence;
  return answer;
}

}  // namespace muster::rules
