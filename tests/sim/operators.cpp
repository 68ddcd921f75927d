#include "tests/sim/operators.h"

#include <algorithm>
#include <cassert>

#include "rules/condition/compile.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

constexpr int patience_looks = 10;  // a minute each: until nobody expects a verdict any more

Bytes compiled(std::string_view condition, const rules::Vocabulary& vocabulary = rules::target_vocabulary()) {
  auto result = rules::compile_condition(condition, vocabulary);
  assert(result.ok());
  return std::move(result.program);
}

}  // namespace

Operators::Operators(const Options& options, Scheduler& scheduler, Random random, const Catalogue& catalogue,
                     Broker& broker, const std::vector<std::unique_ptr<Device>>& devices, Trace& trace)
    : options_(options),
      scheduler_(scheduler),
      random_(random),
      catalogue_(catalogue),
      broker_(broker),
      devices_(devices),
      trace_(trace) {}

void Operators::give(rules::CommandBody body) {
  static const std::vector<std::string> names = {"alice", "bob"};
  broker_.command(random_.pick(names), random_.percent(50) ? "because" : "", std::move(body),
                  [](bool, const std::string&) {});
}

void Operators::act() {
  if (!broker_.deciding()) return;
  const auto statuses = broker_.statuses();
  const auto dice = random_.below(100);
  if (statuses.empty() || (started_ < options_.rollouts && dice < 30)) {
    if (started_ < options_.rollouts) start();
    return;
  }
  if (options_.orders && dice >= 85) return give_order();
  const auto& rollout = random_.pick(statuses);
  if (dice < 60) {
    if (options_.holds && random_.percent(35)) {
      const auto& wave = random_.pick(rollout.waves).name;
      return give(rules::ReleaseHold{rollout.rollout, random_.percent(50) ? std::string() : wave});
    }
    if (rollout.state == rules::RolloutState::awaiting_approval || random_.percent(10))
      give(rules::ApproveWave{rollout.rollout});
  } else if (dice < 72) {
    give(rules::ResumeRollout{rollout.rollout, random_.percent(70)});
  } else if (dice < 78) {
    if (options_.paces && random_.percent(50)) return give(rules::ChangePace{rollout.rollout, random_pace()});
    if (options_.pauses) give(rules::PauseRollout{rollout.rollout});
  } else if (dice < 81) {
    if (options_.aborts) give(rules::AbortRollout{rollout.rollout, static_cast<rules::AbortMode>(random_.below(3))});
  } else if (options_.aborts && rollout.state == rules::RolloutState::reverting) {
    if (random_.percent(30)) return give(rules::AbortRollout{rollout.rollout, rules::AbortMode::keep});
    give(rules::CancelDevice{rollout.rollout, random_.pick(devices_)->id(), false});
  }
}

void Operators::add_waves(rules::Rule& rule) {
  const auto count = 1 + random_.below(4);
  std::uint64_t percent = 0;
  std::uint64_t devices = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    rules::Wave wave;
    wave.name = "w" + std::to_string(i);
    wave.gate = random_.percent(30) ? rules::Gate::manual : rules::Gate::automatic;
    if (options_.paces && wave.gate == rules::Gate::manual && random_.percent(40)) wave.approvers = 2;
    wave.soak_s = random_.percent(40) ? 0 : random_.between(1, 90);
    wave.rehearse = i == 0 && options_.rehearsals && random_.percent(70);
    if (options_.holds && random_.percent(40))
      wave.hold = random_.percent(50) ? rules::HoldPoint::before_swap : rules::HoldPoint::before_commit;
    if (options_.rings && random_.percent(30)) {
      wave.ring_text = random_.pick(ring_conditions()).text;
      wave.ring = compiled(wave.ring_text);
    } else if (options_.rehearsals && percent == 0 && random_.percent(60)) {
      devices += 1 + random_.below(4);
      wave.devices = static_cast<std::uint32_t>(devices);
    } else {
      const auto step = options_.guardrails ? 30u : 24u;  // where devices vote, there are more of them
      percent =
          i + 1 == count && random_.percent(85) ? 100 : std::min<std::uint64_t>(100, percent + 1 + random_.below(step));
      wave.percent = static_cast<std::uint32_t>(percent);
    }
    rule.waves.push_back(std::move(wave));
  }
}

rules::Rule Operators::random_rule() {
  rules::Rule rule;
  rule.rollout = "r" + std::to_string(started_++);
  rule.seed = random_.next();
  rule.targets_text = random_.pick(target_conditions()).text;
  rule.targets = compiled(rule.targets_text);
  std::vector<rules::Plane> planes = {rules::Plane::firmware, rules::Plane::model, rules::Plane::config};
  while (planes.size() > 1 && random_.percent(60))
    planes.erase(planes.begin() + static_cast<std::ptrdiff_t>(random_.below(planes.size())));
  if (planes.size() > 1 && random_.percent(30)) std::swap(planes.front(), planes.back());
  for (const auto plane : planes) {
    const auto& known = catalogue_.at(random_.pick(catalogue_.of(plane))).known;
    rule.versions.push_back({plane, known.name, known.version});
  }
  add_waves(rule);
  rule.halt_failed_devices = static_cast<std::uint32_t>(random_.percent(50) ? 1 : random_.between(1, 4));
  rule.unreachable_after_s = random_.between(5, 90);
  rule.attempt_timeout_s = random_.between(60, 600);
  rule.on_abort = random_.percent(50) ? rules::AbortDefault::revert : rules::AbortDefault::keep;
  if (options_.guardrails && random_.percent(75)) add_guardrails(rule);
  if (options_.paces && random_.percent(75)) rule.pace = random_pace();
  if (options_.retries && random_.percent(75)) {
    rule.retry.attempts = static_cast<std::uint32_t>(random_.between(2, 4));
    rule.retry.wait_s = random_.between(5, 60);
    rule.retry.wait_max_s = rule.retry.wait_s + random_.below(60);
    if (rule.retry.attempts != 3)
      rule.retry.by_error.push_back({6 - rule.retry.attempts, 20, 40, rules::retry_reason("disk_full")});
  }
  if (options_.shadows && random_.percent(40)) {
    make_shadow(rule);
  } else if (options_.priorities && random_.percent(70)) {
    rule.priority = static_cast<std::uint32_t>(1 + random_.below(4));
  }
  return rule;
}

// It runs for long enough to be observed: what it measures in the windows in which it begins and ends is not counted.
void Operators::make_shadow(rules::Rule& rule) {
  rule.shadow = true;
  for (auto& wave : rule.waves) {
    wave.hold = rules::HoldPoint::none;
    wave.rehearse = false;
    wave.soak_s = options_.guardrails ? random_.between(200, 500) : random_.between(10, 120);
  }
}

// Fast enough for a world's end to come; now and then none.
rules::Pace Operators::random_pace() {
  rules::Pace pace;
  if (random_.percent(60)) pace.per_minute = static_cast<std::uint32_t>(random_.between(2, 40));
  if (random_.percent(30)) pace.per_site = static_cast<std::uint32_t>(random_.between(2, 4));
  if (random_.percent(40)) pace.at_once = static_cast<std::uint32_t>(random_.between(2, 8));
  if (random_.percent(30)) pace.jitter_s = static_cast<std::uint32_t>(random_.between(1, 120));
  return pace;
}

void Operators::add_guardrails(rules::Rule& rule) {
  const auto count = 1 + random_.below(3);
  for (std::uint64_t i = 0; i < count; ++i) rule.guardrails.push_back(random_guardrail("g" + std::to_string(i)));
  rule.baseline_window_s = random_.between(20, 240);
}

// Limits lie between what devices measure by nature and what a release makes of it; how many may exceed, and how sure
// one wants to be, is such that a few devices can decide.
rules::Guardrail Operators::random_guardrail(const std::string& name) {
  using rules::Against;
  using rules::Attribute;
  using rules::OnFail;
  rules::Guardrail rail;
  rail.name = name;
  const auto kind = random_.below(100);
  if (kind < 15) {
    rail.when_text = random_.pick(health_conditions()).text;
    rail.when = compiled(rail.when_text, rules::recovery_vocabulary());
  } else if (kind < 60) {
    rail.metric = kind < 40 ? "p95_ms" : "edit_distance";
    rail.against = static_cast<Against>(random_.below(3));
    rail.limit = rail.against != Against::absolute ? (random_.percent(50) ? 0.8 : 1.5) : kind < 40 ? 70 : 12;
  } else if (kind < 75) {
    rail.metric = "inferences";
    rail.lower_is_worse = true;
    rail.against = random_.percent(50) ? Against::absolute : Against::baseline;
    rail.limit = rail.against == Against::absolute ? 600 : 0.3;
  } else {
    rail.metric = kind < 88 ? "crash_count" : "delegate_active";
  }
  static const std::vector<std::vector<rules::SegmentKey>> groups = {
      {Attribute::region}, {Attribute::site}, {Attribute::device_class}, {Attribute::device_class, Attribute::region}};
  if (random_.percent(65)) rail.by = random_.pick(groups);
  const auto dice = random_.below(100);
  rail.on_fail = dice < 25   ? OnFail::pause
                 : dice < 38 ? OnFail::rollback
                 : dice < 50 ? OnFail::freeze_release
                             : OnFail::freeze_segment;
  if (rail.by.empty() && rail.on_fail == OnFail::freeze_segment) rail.on_fail = OnFail::pause;
  // Some fail easily, some pass easily.
  const bool strict = rail.on_fail == OnFail::freeze_segment || random_.percent(50);
  rail.tolerate_ppm =
      static_cast<std::uint32_t>((strict ? random_.between(80, 250) : random_.between(400, 750)) * 1000);
  rail.error_ppm = static_cast<std::uint32_t>((rail.by.empty() ? random_.between(150, 450) : 450) * 1000);
  rail.observe_s = random_.between(30, 150);
  rail.silent_after_s = random_.between(300, 900);
  rail.advance_after_s = random_.percent(35) ? random_.between(60, 1200) : 0;
  return rail;
}

void Operators::start() {
  rules::StartRollout body;
  body.rule = random_rule();
  for (const auto& version : body.rule.versions) {
    for (const auto& manifest : catalogue_.of(version.plane)) {
      const auto& known = catalogue_.at(manifest).known;
      if (known.version == version.version) body.releases.push_back(known);
    }
  }
  give(std::move(body));
}

std::string Operators::any_scope() {
  static const std::vector<std::string> groups = {"group/region=eu", "group/class=rk3566", "group/site=s1",
                                                  "group/tag=lab"};
  const auto dice = random_.below(100);
  if (dice < 40) return "device/" + devices_[random_.below(devices_.size())]->id();
  if (dice < 80) return random_.pick(groups);
  return "fleet";
}

void Operators::give_order() {
  using rules::OrderKind;
  if (!given_.empty() && random_.percent(40)) {  // take one back
    auto order = random_.pick(given_);
    order.kind = order.kind == OrderKind::freeze ? OrderKind::thaw : OrderKind::resume;
    return give(order);
  }
  rules::GiveOrder order;
  order.scope = any_scope();
  const auto dice = random_.below(100);
  order.kind = dice < 30   ? OrderKind::safe_mode
               : dice < 55 ? OrderKind::pause_updates
               : dice < 80 ? OrderKind::rollback
               : dice < 97 ? OrderKind::freeze
                           : OrderKind::send_evidence;
  if (order.kind == OrderKind::freeze && !options_.freezes) order.kind = OrderKind::rollback;
  order.plane = static_cast<rules::Plane>(random_.below(rules::plane_count));
  order.release = random_.pick(catalogue_.of(order.plane));
  const auto& known = catalogue_.at(order.release).known;
  order.release_name = known.name + "@" + known.version;
  given_.push_back(order);
  give(std::move(order));
}

// What the sentence of a rollout at work asks for.
void Operators::help(const rules::RolloutStatus& rollout) {
  const auto says = [&](std::string_view part) { return rollout.waiting_for.find(part) != std::string::npos; };
  // Nobody is left who could vote, or not enough of them.
  const bool lacks_votes = says(" is done; guardrail ");
  auto& [sentence, looks] = looked_[rollout.rollout];
  looks = sentence == rollout.waiting_for ? looks + 1 : 0;
  sentence = rollout.waiting_for;
  if (says("is frozen for the fleet by muster")) {
    for (const auto& version : rollout.versions) {
      rules::GiveOrder thaw;
      thaw.scope = "fleet";
      thaw.kind = rules::OrderKind::thaw;
      thaw.plane = version.plane;
      thaw.release_name = version.name + "@" + version.version;
      for (const auto& manifest : catalogue_.of(version.plane)) {
        if (catalogue_.at(manifest).known.version == version.version) thaw.release = manifest;
      }
      give(std::move(thaw));
    }
  } else if (says("abort, and start anew") || (looks >= patience_looks && lacks_votes)) {
    give(rules::AbortRollout{rollout.rollout, rules::AbortMode::by_rule});
  }
}

// Every wave that has opened: also who joins one that has passed may hold there.
void Operators::let_go(const rules::RolloutStatus& rollout) {
  for (const auto& wave : rollout.waves) {
    if (wave.hold == rules::HoldPoint::none || wave.state == rules::WaveState::pending) continue;
    give(rules::ReleaseHold{rollout.rollout, wave.name});
  }
}

void Operators::act_well() {
  if (!broker_.deciding()) return;
  using rules::OrderKind;
  using rules::RolloutState;
  for (auto order : std::exchange(given_, {})) {
    // What was obeyed once stands in nobody's way.
    if (order.kind == OrderKind::rollback || order.kind == OrderKind::send_evidence) continue;
    order.kind = order.kind == OrderKind::freeze ? OrderKind::thaw : OrderKind::resume;
    give(std::move(order));
  }
  for (const auto& rollout : broker_.statuses()) {
    if (rollout.state == RolloutState::awaiting_approval) {
      give(rules::ApproveWave{rollout.rollout});
    } else if (rollout.state == RolloutState::halted || rollout.state == RolloutState::paused ||
               (rollout.state == RolloutState::running && rollout.failed != 0)) {
      give(rules::ResumeRollout{rollout.rollout, true});
    }
    const bool assigns = rollout.state == RolloutState::running || rollout.state == RolloutState::awaiting_approval ||
                         rollout.state == RolloutState::completed;
    if (assigns) let_go(rollout);
    if (rollout.state == RolloutState::running) help(rollout);
  }
}

}  // namespace muster::sim
