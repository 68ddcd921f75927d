#include "tests/sim/world.h"

#include <algorithm>
#include <fstream>

#include "rules/engine/audit_words.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t minute_ms = 60'000;
constexpr std::uint64_t events_max = 20'000'000;    // more is an endless loop
constexpr std::uint64_t quiet_ms = 40 * minute_ms;  // longer than any attempt may take
constexpr std::uint64_t operated_ms = 8 * 60 * minute_ms;
constexpr std::size_t tail_lines = 60;

}  // namespace

World::World(const Options& options)
    : options_(options),
      random_(options.seed),
      catalogue_(options_, random_.fork()),
      checkers_(make_checkers(catalogue_.all())),
      broker_(options_, scheduler_, random_.fork(), catalogue_, checkers_, trace_),
      network_(options_, scheduler_, random_.fork(), ports()),
      operators_(options_, scheduler_, random_.fork(), catalogue_, broker_, devices_, trace_) {
  broker_.attach(network_);
  for (const auto& checker : checkers_) checker->tell(any_violation_);
}

Network::Ports World::ports() {
  Network::Ports ports;
  ports.opened = [this](DeviceNumber number, LinkId) { broker_.opened(devices_[number]->id()); };
  ports.closed = [this](DeviceNumber number, LinkId) { broker_.closed(devices_[number]->id()); };
  ports.said = [this](DeviceNumber, LinkId, const Upward& message) {
    if (const auto* report = std::get_if<rules::DeviceReport>(&message)) return broker_.report(*report);
    broker_.health(*std::get<std::shared_ptr<const HealthSummary>>(message));
  };
  ports.lost = [this](DeviceNumber number, LinkId id) { devices_[number]->line_lost(id); };
  ports.arrived = [this](DeviceNumber number, const Downward& message) { devices_[number]->arrived(message); };
  return ports;
}

void World::populate() {
  const auto count = options_.devices + options_.late_devices;
  for (std::size_t number = 0; number < count; ++number) {
    devices_.push_back(std::make_unique<Device>(options_, number, random_.fork(),
                                                Device::Parts{scheduler_, network_, catalogue_, checkers_, trace_}));
    auto& device = *devices_.back();
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      const auto& releases = catalogue_.of(static_cast<rules::Plane>(plane));
      if (random_.percent(70)) device.install(static_cast<rules::Plane>(plane), releases.front());
    }
    const auto joins_ms = number < options_.devices ? random_.below(30'000) : random_.below(options_.faults_ms);
    scheduler_.after(joins_ms, [&device] { device.start(); });
  }
}

bool World::failed() {
  if (violation_) return true;
  if (!any_violation_) return false;
  for (const auto& checker : checkers_) {
    if (checker->violations().empty()) continue;
    violation_ = checker->violations().front();
    return true;
  }
  return false;
}

void World::run_until(std::uint64_t until_ms) {
  while (!failed() && scheduler_.run_one(until_ms)) {
    if (++events_ > events_max) violation_ = Checker::Violation{"world", "it does not come to rest"};
  }
}

// The service manager, and the people who mend what it cannot.
void World::watch_broker() {
  if (!restarting_ && !broker_.deciding()) {
    restarting_ = true;
    const bool full = broker_.up();
    const auto wait_ms = healed_ ? 1000 : random_.between(100, full || random_.percent(20) ? 120'000 : 10'000);
    scheduler_.after(wait_ms, [this] {
      broker_.set_disk_full(false);
      broker_.crash();
      broker_.start();
      restarting_ = false;
    });
  }
  scheduler_.after(500, [this] { watch_broker(); });
}

void World::every_minute() {
  if (healed_) return;
  if (random_.per_mille(options_.broker_disk_full)) broker_.set_disk_full(true);
  if (random_.per_mille(options_.broker_crash * 10)) broker_.crash();
  if (random_.per_mille(options_.clock_jump)) {
    const auto seconds = static_cast<std::int64_t>(random_.below(400)) - 300;
    log("the broker's clock jumps by " + std::to_string(seconds) + " s");
    broker_.jump_clock(seconds);
  }
  trouble_for_devices();
  scheduler_.after(minute_ms, [this] { every_minute(); });
}

void World::trouble_for_devices() {
  for (auto& device : devices_) {
    auto& one = *device;
    if (one.gone()) continue;
    const auto number = static_cast<DeviceNumber>(&device - devices_.data());
    if (random_.per_mille(options_.partition)) {
      log(one.id() + " is cut off");
      network_.set_partitioned(number, true);
      scheduler_.after(random_.between(1000, 6 * minute_ms),
                       [this, number] { network_.set_partitioned(number, false); });
    }
    if (random_.per_mille(options_.device_disk_full)) {
      log(one.id() + " has a full disk");
      one.set_disk_full(true);
      scheduler_.after(random_.between(1000, 5 * minute_ms), [&one] { one.set_disk_full(false); });
    }
    if (random_.per_mille(options_.clock_jump))
      one.jump_clock(static_cast<std::int64_t>(random_.below(200'000)) - 100'000);
    if (random_.per_mille(options_.device_crash)) one.crash();
    if (random_.per_mille(options_.facts_change)) {
      one.stop();
      if (!one.running()) {
        log(one.id() + " is configured anew");
        one.set_facts(random_facts(random_));
      }
    }
    if (options_.leavers && random_.per_mille(3)) one.leave();
    if (options_.crashers && !one.gone() && random_.per_mille(6)) {
      one.leave();
      crash_loop(number);
    }
  }
}

// Its agent is gone for ever, and all that is left of it is a client that connects, says nothing and crashes; also when
// everything else has healed.
void World::crash_loop(DeviceNumber number) {
  const auto lives_ms = random_.between(10, 50'000);
  if (network_.connect(number, {}) != 0) scheduler_.after(lives_ms, [this, number] { network_.hang_up(number, true); });
  scheduler_.after(lives_ms + random_.between(1000, 4000), [this, number] { crash_loop(number); });
}

void World::operate() {
  if (healed_) return;
  operators_.act();
  scheduler_.after(1 + random_.below(options_.command_gap_ms), [this] { operate(); });
}

// Its disk died, and the backup is of some time before.
void World::put_back_old_copy() {
  const auto kept_ms = random_.between(minute_ms, options_.faults_ms / 2);
  scheduler_.after(kept_ms, [this] { broker_.keep_copy(); });
  scheduler_.after(random_.between(kept_ms, options_.faults_ms - minute_ms), [this] {
    broker_.crash();
    broker_.put_back_copy();
  });
}

void World::heal() {
  log("everything heals");
  healed_ = true;
  network_.heal();
  broker_.heal();
  for (auto& device : devices_) device->heal();
}

bool World::all_ended() const {
  const auto statuses = broker_.statuses();
  return broker_.deciding() && std::all_of(statuses.begin(), statuses.end(), [](const rules::RolloutStatus& status) {
           return status.state == rules::RolloutState::completed || status.state == rules::RolloutState::aborted;
         });
}

FinalView World::final_view() const {
  FinalView view;
  for (const auto& device : devices_) view.devices.push_back(device->view());
  view.rollouts = broker_.statuses();
  for (const auto& [topic, message] : network_.retained()) {
    const auto name = topic.substr(topic.find('/') + 1);
    if (const auto* assignment = std::get_if<std::shared_ptr<const edge::Assignment>>(&message)) {
      view.assignments[name] = **assignment;
    } else {
      view.directives[name] = *std::get<std::shared_ptr<const edge::Directive>>(message);
    }
  }
  view.audit = &broker_.audit();
  return view;
}

Outcome World::run() {
  populate();
  broker_.start();
  scheduler_.after(500, [this] { watch_broker(); });
  scheduler_.after(minute_ms, [this] { every_minute(); });
  scheduler_.after(40'000, [this] { operate(); });
  if (options_.old_copy) put_back_old_copy();
  const auto begin_ms = scheduler_.now_ms();
  run_until(begin_ms + options_.faults_ms);
  heal();
  // Nobody does anything: who does not end says what it waits for.
  run_until(scheduler_.now_ms() + quiet_ms);
  if (!failed()) {
    const auto view = final_view();
    for (const auto& checker : checkers_) checker->when_quiet(view);
  }
  // Operators do what is asked of them, until for long nothing is.
  const auto end_ms = scheduler_.now_ms() + operated_ms;
  auto ended_ms = scheduler_.now_ms();
  while (!failed() && scheduler_.now_ms() < end_ms && scheduler_.now_ms() < ended_ms + quiet_ms) {
    operators_.act_well();
    run_until(scheduler_.now_ms() + minute_ms);
    if (!all_ended()) ended_ms = scheduler_.now_ms();
  }
  if (!failed()) {
    const auto view = final_view();
    for (const auto& checker : checkers_) checker->at_end(view);
  }
  Outcome end = outcome();
  if (failed()) end.violation = violation_;
  end.lived_ms = scheduler_.now_ms() - begin_ms;
  return end;
}

Outcome& Outcome::operator+=(const Outcome& other) {
  steps += other.steps;
  lived_ms += other.lived_ms;
  rollouts += other.rollouts;
  completed += other.completed;
  aborted += other.aborted;
  shadowed += other.shadowed;
  released += other.released;
  taken += other.taken;
  passes += other.passes;
  fails += other.fails;
  freezes += other.freezes;
  waivers += other.waivers;
  return *this;
}

std::string Outcome::describe() const {
  return std::to_string(steps) + " things happened; " + std::to_string(rollouts) + " rollouts, " +
         std::to_string(completed) + " completed, " + std::to_string(aborted) + " aborted, " +
         std::to_string(shadowed) + " completed in the shadow; " + std::to_string(released) + " waves let go, " +
         std::to_string(taken) + " times devices taken; guardrails: " + std::to_string(passes) + " passed, " +
         std::to_string(fails) + " failed, " + std::to_string(freezes) + " segments frozen, " +
         std::to_string(waivers) + " waves without a verdict";
}

Outcome World::outcome() const {
  Outcome outcome;
  outcome.digest = trace_.digest();
  outcome.steps = events_;
  for (const auto& status : broker_.statuses()) {
    ++outcome.rollouts;
    outcome.completed += status.state == rules::RolloutState::completed ? 1 : 0;
    outcome.shadowed += status.shadow && status.state == rules::RolloutState::completed ? 1 : 0;
    outcome.aborted += status.state == rules::RolloutState::aborted ? 1 : 0;
  }
  for (const auto& each : broker_.audit()) {
    outcome.released += each.entry.what == rules::audit::wave_released ? 1u : 0u;
    outcome.taken += each.entry.what == rules::audit::rollout_superseded ? 1u : 0u;
    outcome.passes += each.entry.what == rules::audit::guardrail_passed ? 1u : 0u;
    outcome.fails += each.entry.what == rules::audit::guardrail_failed ? 1u : 0u;
    outcome.freezes += each.entry.what == rules::audit::segment_frozen ? 1u : 0u;
    outcome.waivers += each.entry.what == rules::audit::guardrail_waived ? 1u : 0u;
  }
  return outcome;
}

SeedReport run_seed(std::uint64_t seed, const std::string& trace_path) {
  const auto options = Options::from(seed);
  World world(options);
  SeedReport report;
  report.outcome = world.run();
  if (!trace_path.empty() && (report.outcome.violation || !trace_path.ends_with(".failed"))) {
    std::ofstream(trace_path) << world.trace().text();
  }
  if (!report.outcome.violation) return report;
  report.text = "seed " + std::to_string(seed) + ": checker " + report.outcome.violation->checker + ": " +
                report.outcome.violation->what + "\noptions:\n" + options.describe() + "the end of the trace:\n" +
                world.trace().tail(tail_lines) + (trace_path.empty() ? "" : "the whole trace: " + trace_path + "\n") +
                "the same again: MUSTER_SEED=" + std::to_string(seed) + " build/dev/tests/sim_test\n";
  return report;
}

}  // namespace muster::sim
