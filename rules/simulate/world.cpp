#include "rules/simulate/world.h"

#include <algorithm>
#include <cassert>

#include "rules/condition/program.h"
#include "rules/engine/audit_words.h"
#include "rules/engine/facts.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t rollout_correlation = 1, approval_correlation = 2;
constexpr std::size_t effects_kept_max = 65'536;
constexpr std::uint64_t quiet_s_min = 3'600, week_s = 7 * 86'400;

// A digest that nothing else has, for a text that nothing else has.
Sha256 digest_of(std::string_view text) {
  Sha256 digest;
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
    digest.bytes[i] = static_cast<std::uint8_t>(hash >> 56);
  }
  return digest;
}

}  // namespace

World::World(const Simulation& simulation, const FleetIds& ids, std::uint64_t seed)
    : simulation_(simulation), ids_(ids), draws_(seed), measuring_(simulation, draws_) {
  result_.seed = seed;
  for (std::size_t plane = 0; plane < plane_count; ++plane)
    before_[plane] = digest_of("before " + std::string(name_of(static_cast<Plane>(plane))));
  for (const auto& version : simulation.rule.versions) {
    const auto plane = static_cast<std::size_t>(version.plane);
    release_[plane] = digest_of(version.name + "@" + version.version);
    rule_planes_ = static_cast<PlaneBits>(rule_planes_ | 1u << plane);
  }
  for (const auto& guardrail : simulation.rule.guardrails) {
    observe_s_ = observe_s_ == 0 ? guardrail.observe_s : std::min(observe_s_, guardrail.observe_s);
    silent_s_ = silent_s_ == 0 ? guardrail.silent_after_s : std::min(silent_s_, guardrail.silent_after_s);
  }
}

RunResult World::run() {
  prepare_result();
  populate();
  start();
  if (result_.refused.empty()) {
    live();
    complete_result();
  }
  return std::move(result_);
}

// Everyone has reported once; who is away just then comes back in its time.
void World::populate() {
  devices_.resize(ids_.size());
  ByteWriter packed;
  FleetIds::Buffer buffer;
  const auto& groups = simulation_.fleet.groups;
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    packed.clear();
    pack_facts(groups[group].facts, packed);
    const auto label = label_of(groups[group].facts);
    const auto known = std::find_if(result_.labels.begin(), result_.labels.end(),
                                    [&](const LabelResult& each) { return each.label == label; });
    for (Number device = ids_.first_of(group); device < ids_.first_of(group) + groups[group].count; ++device) {
      auto& it = devices_[device];
      it.group = static_cast<std::uint16_t>(group);
      it.label = static_cast<std::uint32_t>(known - result_.labels.begin());
      const auto id = ids_.id(device, buffer);
      const DeviceEnvironment environment(id, packed.bytes());
      it.target = evaluate(ByteView(simulation_.rule.targets), environment) == Outcome::yes;
      if (it.target) it.faults = faults_of(device, id, packed.bytes());
      tell_now(DeviceSeen{std::string(id)});
      report(device);
      if (!it.target || groups[group].behaviour.link.offline_ppm == 0) continue;
      if (draws_.happens(groups[group].behaviour.link.offline_ppm, device, Draws::first_link)) {
        it.online = false;
        tell_now(DeviceLost{std::string(id)});
      }
      it.link_at_s = moment(start_s + until_link_changes_s(device));
      agenda_.add({it.link_at_s, device, Kind::link});
    }
  }
}

FaultBits World::faults_of(Number device, std::string_view id, std::string_view facts) const {
  const DeviceEnvironment environment(id, facts);
  FaultBits bits = 0;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if (!fault.where.empty() && evaluate(ByteView(fault.where), environment) != Outcome::yes) continue;
    // What makes an attempt fail is drawn for each attempt; the rest is a matter of the device.
    const bool hit = fault.kind == Fault::Kind::fails ||
                     draws_.happens(fault.hits_ppm, device, Draws::faults + static_cast<std::uint32_t>(i));
    if (hit) bits = static_cast<FaultBits>(bits | 1u << i);
  }
  return bits;
}

void World::start() {
  now_s_ = start_s;
  StartRollout body;
  body.rule = simulation_.rule;
  body.lines = simulation_.lines;
  for (const auto& version : simulation_.rule.versions) {
    body.releases.push_back(
        {version.plane, version.name, version.version, release_[static_cast<std::size_t>(version.plane)], 0});
    body.releases.back().shadow = simulation_.rule.shadow;
  }
  Command command;
  command.who = "operator";
  command.correlation = rollout_correlation;
  command.body = std::move(body);
  if (observe_s_ != 0) {
    for (Number device = 0; device < devices_.size(); ++device) plan_first_summary(device);
  }
  tell_now(std::move(command));
}

// Event by event; between them the tick by which the engine sees time pass.
void World::live() {
  const auto end_s = start_s + simulation_.until_s;
  auto tick_s = start_s + tick_every_s();
  while (true) {
    const auto next_s = std::min({agenda_.next_s(), tick_s, approve_at_s_ == 0 ? UINT64_MAX : approve_at_s_});
    if (next_s > end_s) {
      now_s_ = end_s;
      result_.end = RunResult::End::out_of_time;
      return;
    }
    now_s_ = next_s;
    if (next_s == approve_at_s_) {
      approve();
    } else if (next_s == agenda_.next_s()) {
      happen(agenda_.take());
    } else {
      tick_s += tick_every_s();
      tell_now(Tick{});
      if (asked_s_ != 0 && approve_at_s_ == 0) look_at_status();
      if (over()) return;
    }
  }
}

void World::happen(const Agenda::Entry& entry) {
  auto& it = devices_[entry.device];
  auto& at_s = entry.kind == Kind::link    ? it.link_at_s
               : entry.kind == Kind::step  ? it.step_at_s
               : entry.kind == Kind::later ? it.later_at_s
                                           : it.health_at_s;
  if (at_s != entry.at_s) return;  // overtaken
  switch (entry.kind) {
    case Kind::link:
      it.link_at_s = 0;
      return change_link(entry.device);
    case Kind::step:
      set_step(entry.device, 0);
      return step(entry.device);
    case Kind::later:
      set_later(entry.device, 0);
      return later(entry.device);
    case Kind::health:
      it.health_at_s = 0;
      return summarise(entry.device);
  }
}

void World::tell_now(decltype(Event::what) what) {
  tell({now_s_, std::move(what)});
}

// Everything is durable at once here, so that the effects may be performed in one go.
void World::tell(const Event& event) {
  engine_.step(event, effects_);
  bool status_changed = false;
  for (const auto& effect : effects_) {
    if (const auto* assign = std::get_if<Assign>(&effect)) take(*assign);
    if (const auto* audit = std::get_if<Audit>(&effect)) take(*audit);
    if (std::holds_alternative<RolloutStatusChanged>(effect)) status_changed = true;
    const auto* reply = std::get_if<Reply>(&effect);
    if (reply != nullptr && reply->correlation == rollout_correlation && !reply->ok) result_.refused = reply->message;
  }
  effects_.clear();
  if (effects_.capacity() > effects_kept_max) effects_ = {};  // of a wave of a million devices
  if (status_changed) look_at_status();
}

void World::take(const Assign& assign) {
  const auto device = ids_.find(assign.device);
  assert(device);
  auto& it = devices_[*device];
  it.assigned_epoch = static_cast<std::uint32_t>(assign.epoch);
  it.soak_s = static_cast<std::uint32_t>(assign.soak_s);
  PlaneBits wanted = 0;
  const bool shadow = !assign.shadow.empty();
  for (const auto& [plane, digest] : shadow ? assign.shadow : assign.releases) {
    const auto place = static_cast<std::size_t>(plane);
    if ((rule_planes_ & 1u << place) != 0 && digest == release_[place])
      wanted = static_cast<PlaneBits>(wanted | 1u << place);
  }
  it.same = is_under_way(it.attempt) && it.wanted == wanted && it.shadow == shadow;
  it.wanted = wanted;
  it.shadow = shadow;
  it.hold = assign.hold;
  if (wanted != 0) note_assigned(*device);
  if (it.online && !it.hung && !goes_on(*device)) begin(*device);
}

void World::take(const Audit& audit) {
  if (audit.what == audit::rollout_started) return;  // it is what was asked for
  timeline_.add(since_start_s(), audit);
  progress_s_ = now_s_;
  const bool ends = audit.what == audit::rollout_completed || audit.what == audit::rollout_aborted;
  if (ends && !result_.finished_s) result_.finished_s = since_start_s();
  const bool stops = audit.what == audit::rollout_halted || audit.what == audit::rollout_reverting ||
                     audit.what == audit::segment_frozen || audit.what == audit::rollout_aborted;
  if (!stops || result_.stopped_s) return;
  result_.stopped_s = since_start_s();
  result_.stopped_by = audit.what;
}

void World::look_at_status() {
  const auto& status = *engine_.status(simulation_.rule.rollout);
  for (std::size_t i = 0; i < status.waves.size(); ++i) {
    auto& wave = result_.waves[i];
    if (status.waves[i].state != WaveState::pending && !wave.opened_s) wave.opened_s = since_start_s();
    if (status.waves[i].state == WaveState::done && !wave.done_s) wave.done_s = since_start_s();
  }
  const bool all_hold = status.state == RolloutState::running && status.holding != 0 && working_ == 0;
  const bool asks = status.state == RolloutState::awaiting_approval;
  if (!asks && !all_hold) {
    approve_at_s_ = asked_s_ = 0;
    return;
  }
  if (!simulation_.approve_after_s || approve_at_s_ != 0) return;
  if (asked_s_ == 0) asked_s_ = now_s_;
  if (asks && is_vote_awaited(status)) return;  // each tick asks again
  approve_at_s_ = now_s_ + *simulation_.approve_after_s;
}

// Whoever approves looks at the verdicts, and these are not there before the votes. All that are awaited come, or end
// as silence; the time that is enough for that is a bound on what no status says.
bool World::is_vote_awaited(const RolloutStatus& status) const {
  std::uint64_t longest_s = 0;
  for (const auto& guardrail : simulation_.rule.guardrails)
    longest_s = std::max(longest_s, 2 * guardrail.observe_s + guardrail.silent_after_s);
  return now_s_ < asked_s_ + longest_s && std::any_of(status.guardrails.begin(), status.guardrails.end(),
                                                      [](const GuardrailStatus& each) { return each.awaited != 0; });
}

void World::approve() {
  approve_at_s_ = asked_s_ = 0;
  const auto& rule = simulation_.rule;
  if (engine_.status(rule.rollout)->state == RolloutState::running) {
    Command command;
    command.who = "operator";
    command.correlation = approval_correlation;
    command.body = ReleaseHold{rule.rollout, {}};
    return tell_now(std::move(command));
  }
  const auto approvers = rule.waves[engine_.status(rule.rollout)->wave].approvers;
  for (std::uint32_t i = 1; i <= approvers; ++i) {
    Command command;
    command.who = approvers == 1 ? "operator" : "operator-" + std::to_string(i);
    command.correlation = approval_correlation;
    command.body = ApproveWave{rule.rollout};
    tell_now(std::move(command));
  }
}

// Nothing that is under way can change anything any more. A rollout that stands still is given the longest time after
// which something could still come of what has happened.
bool World::over() {
  if (working_ != 0 || asked_s_ != 0) return false;
  const auto state = engine_.status(simulation_.rule.rollout)->state;
  const bool ended = state == RolloutState::completed || state == RolloutState::aborted;
  // A fault that began late is still to be seen by those who judge.
  if (ended && late_fault_s_ == 0) return true;
  if (now_s_ < std::max(progress_s_, late_fault_s_) + quiet_s()) return false;
  if (ended || state != RolloutState::running || !somebody_comes_back()) return true;
  progress_s_ = now_s_;
  return false;
}

// Whether a device that is away has something to say that the rollout may be waiting for.
bool World::somebody_comes_back() const {
  return std::any_of(devices_.begin(), devices_.end(), [&](const SimulatedDevice& device) {
    const bool is_to_say = device.committed_s == 0 || (observe_s_ != 0 && device.summaries < 2);
    return device.assigned_epoch != 0 && !device.online && !device.hung && is_to_say;
  });
}

std::uint64_t World::quiet_s() const {
  const auto& rule = simulation_.rule;
  std::uint64_t guardrails_s = 0, soak_s = 0;
  for (const auto& each : rule.guardrails)
    guardrails_s = std::max(guardrails_s, each.advance_after_s + 2 * each.observe_s + each.silent_after_s);
  for (const auto& wave : rule.waves) soak_s = std::max(soak_s, wave.soak_s);
  const auto windows_s = rule.windows.empty() ? 0 : week_s;
  return quiet_s_min + rule.unreachable_after_s + rule.attempt_timeout_s + rule.baseline_window_s + soak_s +
         guardrails_s + windows_s + longest_wait_s(rule.retry);
}

RunResult run_simulation(const Simulation& simulation, const FleetIds& ids, std::uint64_t seed) {
  return World(simulation, ids, seed).run();
}

}  // namespace muster::rules
