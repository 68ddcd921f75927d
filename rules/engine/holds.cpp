// Waves whose devices hold before the swap or before the commit, until an operator lets them go on. A device hears it
// with its assignment, and that it may go on with the next one, which names the same releases: to it that is the same
// attempt.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

// Nothing it was assigned has become its own yet. One that waited in its place, for its turn or for another rollout,
// has that standing still while it is assigned. That of one that has failed for want of time goes on: it passes no hold
// for that, and somebody has to let it go.
bool on_its_way(const Member& member, const Device& device) {
  if (!member.reached || member.gone()) return false;
  const bool over = has_ended_badly(device) && device.attempt_epoch == device.assigned_epoch;
  return member.standing == Standing::waiting || member.standing == Standing::held_by_other ||
         member.standing == Standing::assigned || member.standing == Standing::holding ||
         member.standing == Standing::unreachable || (member.standing == Standing::failed && !over);
}

std::string what_holds(HoldPoint hold) {
  return hold == HoldPoint::before_swap ? "before the swap" : "before the commit";
}

std::string no_wave_called(const std::string& name) {
  return "it has no wave called \"" + name.substr(0, limits::id_len_max) + "\"";
}

bool has_ended(const Device& device) {
  return device.attempt_epoch == device.assigned_epoch &&
         (device.attempt == AttemptState::committed || has_ended_badly(device));
}

// Its newest report shows it behind that point.
bool is_past(const Device& device, HoldPoint hold) {
  if (device.attempt_epoch != device.assigned_epoch) return false;
  const bool swapped = (device.attempt >= AttemptState::swapped && device.attempt <= AttemptState::soaking) ||
                       device.attempt == AttemptState::held;
  return has_ended(device) || (swapped && hold == HoldPoint::before_swap);
}

// Who wants it: the rule's line, or the operator.
std::string source_of_hold(const Rollout& rollout, std::size_t wave) {
  const auto& by = rollout.waves[wave].hold_set_by;
  return by.empty() ? rollout.lines.cite(Clause::wave, wave) : " (set by " + by + ")";
}

}  // namespace

// Its wave has it hold, and nobody has let it go on.
bool Core::is_held_back(const Member& member) const {
  const bool again = member.standing == Standing::retrying && !member.gone();
  const bool to_come = again || on_its_way(member, fleet_[member.device]);
  return to_come && member.rollout->rule.waves[member.wave].hold != HoldPoint::none &&
         !member.rollout->waves[member.wave].released;
}

// Its newest assignment has the device hold for this member, and what it reports is an earlier one. It may have run
// that one's releases already and had nothing to stop at; but it will stop in the newest, and a member that was done
// with the earlier one would be nobody there whom an operator can let go.
bool Core::is_yet_to_hold(const Member& member) const {
  const Device& device = fleet_[member.device];
  return device.attempt_epoch < device.assigned_epoch && device.hold != HoldPoint::none && is_held_back(member) &&
         brings_its_releases(*member.rollout, device);
}

// Where the newest assignment of a device has it hold: an assignment names all planes, so one of another rollout must
// not let go what this one holds. Of several holds the earliest.
HoldPoint Core::hold_for(DeviceIndex index) const {
  const Device& device = fleet_[index];
  HoldPoint hold = HoldPoint::none;
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    const Rollout& rollout = *member.rollout;
    if (!is_held_back(member) || !rollout.serving() || !brings_its_releases(rollout, device)) continue;
    const auto own = rollout.rule.waves[member.wave].hold;
    if (hold == HoldPoint::none || own < hold) hold = own;
  }
  return hold;
}

// Tells a device where it holds now, if anywhere. False when it knows: another rollout holds it at the same place. One
// that has failed for want of time has still failed, until it is done after all.
bool Core::tell_hold(MemberIndex index) {
  const auto device_index = members_[index].device;
  const Device& device = fleet_[device_index];
  if (hold_for(device_index) == device.hold) return false;
  const bool failed = members_[index].standing == Standing::failed;
  if (!failed) members_.change(index, [](Member& m) { m.standing = Standing::assigned; });
  // A shadow that runs beside it ends with this, as with any assignment that is not its own.
  const Rollout& rollout = *members_[index].rollout;
  give(device_index, device.shadow ? rollout.number : device.cause, device.sequence, device.soak_s);
  members_.change(index, [&](Member& m) {
    m.epoch = device.assigned_epoch;
    m.assigned_s = turn_.now_s;
    m.unmet = false;
    if (!failed) m.standing = in_work(index);
  });
  arm(index);
  return true;
}

// What another rollout holds back does not keep a device from going back, nor is it let go by the way: the assignment
// leaves it out, and it is given anew when the device has gone back.
void Core::leave_out_what_holds(DeviceIndex index, const Rollout& goes_back) {
  Device& device = fleet_[index];
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    const Rollout& rollout = *member.rollout;
    if (&rollout == &goes_back || !is_held_back(member) || !brings_its_releases(rollout, device)) continue;
    leave_out(each);
    begin_anew(each);
    members_.change(each, [](Member& m) { m.standing = Standing::held_by_other; });
  }
}

// What a member was assigned and has not made its own is assigned no more: its planes go back to what ran there before.
void Core::leave_out(MemberIndex index) {
  const Member& member = members_[index];
  Device& device = fleet_[member.device];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!member.rollout->governs(plane) || device.holder[plane] != member.rollout->number) continue;
    const bool returns = member.prior[plane] != 0 && fault_of_return(member, plane).empty();
    fleet_.set_digest(device.assigned[plane], returns ? member.prior[plane] : device.active[plane]);
  }
}

// Once for a hold, so that who waits for it hears when somebody is there.
void Core::note_holding(MemberIndex index) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const Wave& wave = rollout.rule.waves[member.wave];
  WaveRun& run = rollout.waves[member.wave];
  if (run.hold_reached || !is_held_back(member) || wave.hold != fleet_[member.device].hold) return;
  run.hold_reached = rollout.persist = true;
  const auto option = member.wave == rollout.wave ? std::string() : " --wave " + wave.name;
  turn_.audit("muster", audit::wave_holding, rollout.name(),
              "rollout " + rollout.name() + ": " + std::string(fleet_.id(member.device)) + " is the first of " +
                  count_text(rollout.tallies[member.wave].devices(), "device") + " of " + describe_wave(wave) +
                  " to hold " + what_holds(wave.hold) + source_of_hold(rollout, member.wave) +
                  "; 'musterctl rollout release " + rollout.name() + option + "' lets them go on");
}

Core::Answer Core::run(const Command& command, const HoldWave& body) {
  Answer answer;
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  const auto& name = rollout->name();
  const auto refuse = [&](const std::string& why) { return Answer{false, "rollout " + name + ": " + why, name}; };
  if (!rollout->active()) return refuse("it is " + std::string(name_of(rollout->state)) + "; no wave is to come");
  if (rollout->rule.shadow) return refuse("it runs in the shadow and switches nothing");
  if (body.hold == HoldPoint::none) return refuse("say where: before the swap or before the commit");
  const auto found =
      body.wave.empty() ? std::optional<std::size_t>(rollout->wave) : find_wave(rollout->rule, body.wave);
  if (!found) return refuse(no_wave_called(body.wave));
  Wave& wave = rollout->rule.waves[*found];
  WaveRun& run = rollout->waves[*found];
  const auto text = describe_wave(wave);
  if (run.state == WaveState::done) return refuse(text + " is done: nobody is left to hold there");
  if (wave.hold != HoldPoint::none && !run.released) {
    return refuse(text + " holds " + what_holds(wave.hold) + " already" +
                  (wave.hold == body.hold ? "" : "; release that first"));
  }
  wave.hold = body.hold;
  run.released = run.hold_reached = false;
  run.hold_set_by = command.who;
  rollout->persist = rollout->persist_rule = true;
  std::size_t past = 0, told = 0;
  const auto on_the_way = members_.sorted(*rollout, [&](const Member& member) {
    return member.wave == *found && on_its_way(member, fleet_[member.device]) &&
           brings_its_releases(*rollout, fleet_[member.device]);
  });
  for (const auto index : on_the_way) {
    const Device& device = fleet_[members_[index].device];
    if (is_past(device, body.hold)) ++past;
    // Who is past it hears of it too: it may begin again. One whose attempt is over would begin one that changes
    // nothing.
    if (!has_ended(device) && tell_hold(index)) ++told;
  }
  members_.touch(*rollout);
  auto outcome = text + ": its devices hold " + what_holds(body.hold) + ", " + count_text(told, "device") +
                 " on the way " + (told == 1 ? "is" : "are") + " told";
  if (past != 0) outcome += "; " + std::to_string(past) + (past == 1 ? " is" : " are") + " past that";
  turn_.audit(command.who, audit::wave_hold_set, name, with_reason(outcome, command.why));
  settle_all();
  return {true, "rollout " + name + ": " + outcome, name};
}

Core::Answer Core::run(const Command& command, const ReleaseHold& body) {
  Answer answer;
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  const auto& name = rollout->name();
  const auto refuse = [&](const std::string& why) { return Answer{false, "rollout " + name + ": " + why, name}; };
  if (!rollout->assigning())
    return refuse("it is " + std::string(name_of(rollout->state)) + " and lets nobody go on; resume it first");
  std::size_t wave = rollout->wave;
  if (!body.wave.empty()) {
    const auto found = find_wave(rollout->rule, body.wave);
    if (!found) return refuse(no_wave_called(body.wave));
    wave = *found;
  }
  const auto text = describe_wave(rollout->rule.waves[wave]);
  WaveRun& run = rollout->waves[wave];
  if (rollout->rule.waves[wave].hold == HoldPoint::none) return refuse(text + " has no hold");
  if (run.released) return refuse(text + " was released already");
  if (run.state == WaveState::pending) return refuse(text + " has not opened: nobody holds there yet");

  run.released = true;
  rollout->persist = true;
  const auto ready = rollout->tallies[wave].of(Standing::holding);
  const auto held = members_.sorted(*rollout, [&](const Member& member) {
    const Device& device = fleet_[member.device];
    return member.wave == wave && on_its_way(member, device) && device.hold != HoldPoint::none &&
           brings_its_releases(*rollout, device);
  });
  std::size_t stay = 0;
  for (const auto index : held) {
    if (!tell_hold(index)) ++stay;
  }
  members_.touch(*rollout);
  auto outcome = text + ": " + count_text(ready, "device") + (ready == 1 ? " holds " : " hold ") +
                 what_holds(rollout->rule.waves[wave].hold) + (ready == 1 ? " and goes on" : " and go on");
  if (held.size() > ready) outcome += ", " + std::to_string(held.size() - ready) + " on the way there will not stop";
  if (stay != 0)
    outcome += "; " + std::to_string(stay) + (stay == 1 ? " stays" : " stay") + " held for another rollout";
  turn_.audit(command.who, audit::wave_released, name, with_reason(outcome, command.why));
  settle_all();
  return {true, "rollout " + name + ": " + outcome, name};
}

// Empty while none of the open wave holds.
std::string Core::hold_sentence(const Rollout& rollout) const {
  const auto& tally = rollout.tallies[rollout.wave];
  const auto count = tally.of(Standing::holding);
  if (count == 0) return {};
  const Wave& wave = rollout.rule.waves[rollout.wave];
  auto text = count_text(count, "device") + " of " + describe_wave(wave) + (count == 1 ? " holds" : " hold");
  const bool own = wave.hold != HoldPoint::none && !rollout.waves[rollout.wave].released;
  if (!own)
    return text + " for another rollout (" + name_some(rollout, rollout.wave, Standing::holding) +
           "): 'rollout why' says for which";
  const auto& set_by = rollout.waves[rollout.wave].hold_set_by;
  text += " " + what_holds(wave.hold) + " (" + name_some(rollout, rollout.wave, Standing::holding) +
          (set_by.empty() ? rollout.lines.cite_within(Clause::wave, rollout.wave) : "; set by " + set_by) + ")";
  if (const auto more = tally.of(Standing::assigned); more != 0) text += ", " + std::to_string(more) + " on the way";
  return text + "; 'musterctl rollout release " + rollout.name() + "' lets them go on";
}

std::string Core::why_holding(const Member& member) const {
  const Device& device = fleet_[member.device];
  const std::string text = device.attempt == AttemptState::staged
                               ? "; it holds before the swap: all is fetched and verified, and nothing is changed"
                               : "; it holds before the commit: its probes and its soak are behind it";
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    const Member& other = members_[each];
    const Rollout& rollout = *other.rollout;
    if (!is_held_back(other) || rollout.rule.waves[other.wave].hold != device.hold) continue;
    const auto wave = other.wave == rollout.wave ? "" : " --wave " + rollout.rule.waves[other.wave].name;
    return text + "; 'musterctl rollout release " + rollout.name() + wave + "' lets it go on";
  }
  return text;
}

}  // namespace muster::rules
