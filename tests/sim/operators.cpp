#include "tests/sim/operators.h"

#include <algorithm>
#include <cassert>

#include "rules/condition/compile.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

Bytes compiled(std::string_view condition) {
  auto result = rules::compile_condition(condition, rules::target_vocabulary());
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
    if (rollout.state == rules::RolloutState::awaiting_approval || random_.percent(10))
      give(rules::ApproveWave{rollout.rollout});
  } else if (dice < 72) {
    give(rules::ResumeRollout{rollout.rollout, random_.percent(70)});
  } else if (dice < 78) {
    if (options_.pauses) give(rules::PauseRollout{rollout.rollout});
  } else if (dice < 81) {
    if (options_.aborts) give(rules::AbortRollout{rollout.rollout, static_cast<rules::AbortMode>(random_.below(3))});
  }
}

void Operators::add_waves(rules::Rule& rule) {
  const auto count = 1 + random_.below(4);
  std::uint64_t percent = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    rules::Wave wave;
    wave.name = "w" + std::to_string(i);
    wave.gate = random_.percent(30) ? rules::Gate::manual : rules::Gate::automatic;
    wave.soak_s = random_.percent(40) ? 0 : random_.between(1, 90);
    if (options_.rings && random_.percent(30)) {
      wave.ring_text = random_.pick(ring_conditions()).text;
      wave.ring = compiled(wave.ring_text);
    } else {
      percent = i + 1 == count && random_.percent(85) ? 100 : percent + 1 + random_.below(24);
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
  return rule;
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
  }
}

}  // namespace muster::sim
