#include "tests/unit/mcu/client/bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace muster::mcu::testing {
namespace {

constexpr NorShape shape = {8192, 4096, 8};

const char* name_of(EventKind kind) {
  static constexpr const char* names[] = {"started",       "tick",   "connected",    "assignment",
                                          "directive",     "filled", "verified",     "failed",
                                          "checks_passed", "policy", "policy_clear", "healthy"};
  return names[static_cast<unsigned>(kind)];
}

}  // namespace

Sha256 release(Plane plane, unsigned number) {
  Sha256 digest;
  if (number == nothing) return digest;
  digest.bytes.fill(0x5a);
  digest.bytes[0] = static_cast<std::uint8_t>(number);
  digest.bytes[1] = static_cast<std::uint8_t>(plane);
  return digest;
}

namespace {

constexpr std::size_t past_max = 8;

template <typename Record>
void remember(std::vector<Record>& past, const Record& now) {
  past.push_back(now);
  if (past.size() > past_max) past.erase(past.begin());
}

}  // namespace

std::uint32_t version_of(const Sha256& release) {
  return (release.bytes[0] + 3u) / 4;  // 1–4: 1, 5–8: 2, …
}

Assignment assignment(std::uint64_t epoch, std::initializer_list<Wanted> releases, std::uint32_t soak_s, Hold hold) {
  Assignment made;
  made.epoch = epoch;
  made.issued_s = 1000 + epoch;
  made.soak_s = soak_s;
  made.hold = hold;
  for (const auto& wanted : releases) {
    auto& to = made.releases[made.count++];
    to.plane = wanted.plane;
    to.manifest = release(wanted.plane, wanted.number);
    if (wanted.number == nothing) continue;
    to.envelope = to.manifest;
    to.envelope_size = 400;
  }
  return made;
}

StandingOrder order(OrderKind kind, std::uint64_t epoch, Plane plane, unsigned number) {
  StandingOrder made;
  made.kind = kind;
  made.epoch = epoch;
  made.plane = plane;
  made.release = short_of(release(plane, number));
  return made;
}

Directive directive(std::uint8_t scope, std::uint64_t epoch, std::initializer_list<StandingOrder> orders) {
  Directive made;
  made.scope = scope;
  made.epoch = epoch;
  made.issued_s = 1000 + epoch;
  for (auto standing : orders) {
    standing.scope = scope;
    made.orders[made.count++] = standing;
  }
  return made;
}

Bench::Bench() : nor_(shape), flash_(port_, layout_) {
  nor_.attach(port_);
  layout_.boot_log = {0, 8192};
  auto& factory = slots_[index_of(Plane::firmware)][0];
  factory = {true, release(Plane::firmware, 1), 1};
  committed_.insert(factory.manifest);
  start();
}

BootState Bench::boot() {
  RecordLog log(flash_, layout_.boot_log);
  BootState found;
  EXPECT_EQ(log.mount(), ok);
  EXPECT_EQ(load(log, found), ok);
  return found;
}

// The bootloader: its decision, made durable before it is done.
void Bench::start(ResetCause cause) {
  for (;;) {
    ++starts_;
    story_.push_back("start, cause " + std::to_string(static_cast<unsigned>(cause)));
    RecordLog log(flash_, layout_.boot_log);
    ASSERT_EQ(log.mount(), ok);
    BootState before;
    ASSERT_EQ(load(log, before), ok);
    const auto& firmware = slots_[index_of(Plane::firmware)];
    const SlotView views[slots_per_plane] = {{firmware[0].intact, firmware[0].security_version},
                                             {firmware[1].intact, firmware[1].security_version}};
    const auto decision = decide(before, views, cause);
    ASSERT_NE(decision.slot, no_slot) << "bricked\n" << story();
    ASSERT_EQ(store(log, decision.state), ok);
    remember(past_boots_, decision.state);
    job_ = Job::none;
    stopped_ = false;
    next_cause_ = ResetCause::power_on;
    now_ms_ = 1000;
    machine_ = UpdateMachine();
    UpdateState known = durable_state_;
    ++known.boot_id;
    Started started;
    started.boot_log_behind = decision.state.starts < known.boot_id;
    known.boot_id = std::max(known.boot_id, decision.state.starts);
    ASSERT_EQ(raise_starts(log, known.boot_id), ok);
    machine_.restore(7, known, durable_orders_);
    phase_ = durable_state_.phase;
    off_ = machine_.mode() == WorkloadMode::off;
    started.boot = decision.state;
    started.boot.starts = known.boot_id;
    started.crashed = cause == ResetCause::watchdog || cause == ResetCause::fault;
    std::memcpy(started.slots, slots_, sizeof slots_);
    Event event;
    event.kind = EventKind::started;
    event.started = &started;
    event.now_ms = now_ms_;
    Effects effects;
    machine_.step(event, effects);
    perform(effects);
    if (!stopped_) return;
    ASSERT_LT(starts_, 4000u) << "it starts again and again\n" << story();
    cause = next_cause_;
  }
}

void Bench::damage(Plane plane, std::uint8_t slot, bool header) {
  auto& found = slots_[index_of(plane)][slot];
  found.intact = false;
  if (header) found = SlotFound{};
}

void Bench::forget_settings() {
  durable_state_ = UpdateState();
  durable_orders_ = Orders();
  past_states_.assign(1, durable_state_);
  for (auto& floor : floors_) floor = 0;
}

void Bench::forget_boot_log() {
  ASSERT_EQ(flash_.erase(layout_.boot_log, 0, layout_.boot_log.size), ok);
  past_boots_.assign(1, BootState());
}

void Bench::recall_settings(std::size_t steps) {
  const auto count = past_states_.size();
  durable_state_ = past_states_[count - 1 - std::min(steps, count - 1)];
  // What it calls a way back may be another release by now: nothing is left that knew.
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    floors_[i] = durable_state_.planes[i].floor;
    for (const auto& slot : slots_[i]) committed_.insert(slot.manifest);
  }
}

void Bench::recall_boot_log(std::size_t steps) {
  const auto count = past_boots_.size();
  auto state = past_boots_[count - 1 - std::min(steps, count - 1)];
  state.security_floor = boot().security_floor;  // which was written to both banks
  RecordLog log(flash_, layout_.boot_log);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(store(log, state), ok);
}

void Bench::step(Event event) {
  event.now_ms = now_ms_;
  event.now_s = 1000;
  const bool news = event.kind != EventKind::tick &&
                    (event.assignment == nullptr || event.assignment->epoch != state().assignment.epoch);
  if (news)
    story_.push_back(std::string("event ") + name_of(event.kind) + " action " +
                     std::to_string(static_cast<unsigned>(event.action)) + " error " +
                     std::to_string(static_cast<unsigned>(event.error)));
  Effects effects;
  machine_.step(event, effects);
  perform(effects);
  if (stopped_) start(next_cause_);
}

bool Bench::cut() {
  if (++points_ != cut_at_) return false;
  story_.push_back("power cut");
  stopped_ = true;
  next_cause_ = ResetCause::power_on;
  return true;
}

void Bench::perform(const Effects& effects) {
  last_ = effects;
  follow_phases(effects);
  for (std::uint32_t i = 0; i < effects.count && !stopped_; ++i) {
    const auto& effect = effects.items[i];
    ++counts_[static_cast<unsigned>(effect.kind)];
    if (cut()) return;
    ASSERT_TRUE(perform(effect)) << "effect " << static_cast<unsigned>(effect.kind) << "\n" << story();
    ASSERT_TRUE(effect.kind != EffectKind::reset || i + 1 == effects.count) << "something follows a reset";
    if (!stopped_ && cut()) return;
  }
  if (!stopped_) check();
}

bool Bench::tell_bootloader(int written) {
  remember(past_boots_, boot());
  return written == ok;
}

bool Bench::perform(const Effect& effect) {
  RecordLog log(flash_, layout_.boot_log);
  if (log.mount() != ok) return false;
  switch (effect.kind) {
    case EffectKind::persist_state:
      durable_state_ = machine_.state();
      remember(past_states_, durable_state_);
      return true;
    case EffectKind::persist_orders:
      durable_orders_ = machine_.orders();
      return true;
    case EffectKind::fill:
      job_ = Job::fill;
      job_plane_ = effect.plane;
      job_slot_ = effect.slot;
      if (effect.slot == machine_.state().planes[index_of(effect.plane)].active) return false;
      slots_[index_of(effect.plane)][effect.slot] = SlotFound{};
      ++fills_;
      return effect.plane != Plane::firmware || effect.slot != boot().running;
    case EffectKind::verify:
      job_ = Job::verify;
      return true;
    case EffectKind::run_checks:
      job_ = Job::checks;
      return machine_.state().change_count != 0;
    case EffectKind::stop_jobs:
      job_ = Job::none;
      return true;
    case EffectKind::request_trial:
      return tell_bootloader(request_trial(log, effect.slot, effect.number));
    case EffectKind::confirm_trial:
      return tell_bootloader(confirm_trial(log, effect.number));
    case EffectKind::raise_floor:
      return tell_bootloader(raise_floor(log, effect.number));
    case EffectKind::switch_active:
      return tell_bootloader(switch_active(log, effect.slot));
    case EffectKind::clear_crashes:
      return tell_bootloader(clear_crashes(log));
    case EffectKind::clear_fallbacks:
      return tell_bootloader(clear_fallbacks(log));
    case EffectKind::reset:
      stopped_ = true;
      next_cause_ = ResetCause::software;
      return true;
    case EffectKind::workload:
      off_ = effect.mode == WorkloadMode::off;
      return true;
    case EffectKind::activated:
    case EffectKind::restart_workload:
    case EffectKind::report:
    case EffectKind::refused:
    case EffectKind::send_evidence:
    case EffectKind::note:
      return true;
  }
  return false;
}

void Bench::give(const Assignment& assignment) {
  if (retained_.empty() || assignment.epoch > retained_.back().epoch) retained_.assign(1, assignment);
  Event event;
  event.kind = EventKind::assignment;
  event.assignment = &assignment;
  step(event);
}

void Bench::give(const Directive& directive) {
  const auto same = [&](const Directive& held) { return held.scope == directive.scope; };
  const auto held = std::find_if(retained_directives_.begin(), retained_directives_.end(), same);
  if (held == retained_directives_.end()) {
    retained_directives_.push_back(directive);
  } else if (held->epoch < directive.epoch) {
    *held = directive;
  }
  Event event;
  event.kind = EventKind::directive;
  event.directive = &directive;
  step(event);
}

void Bench::give(EventKind kind) {
  Event event;
  event.kind = kind;
  step(event);
}

void Bench::policy(RecoveryAction action, bool give_up) {
  Event event;
  event.kind = EventKind::policy;
  event.action = action;
  event.give_up = give_up;
  step(event);
}

void Bench::pass(std::uint64_t ms) {
  now_ms_ += ms;
  give(EventKind::tick);
}

bool Bench::answer(ErrorCode error) {
  if (job_ == Job::none) return false;
  const auto job = job_;
  job_ = Job::none;
  Event event;
  event.error = error;
  event.plane = job_plane_;
  event.detail = "the test says so";
  SlotFound found;
  if (job == Job::fill && error == ErrorCode::none) {
    for (std::uint32_t i = 0; i < state().assignment.count; ++i) {
      if (state().assignment.releases[i].plane == job_plane_) found.manifest = state().assignment.releases[i].manifest;
    }
    found.intact = true;
    found.security_version = version_of(found.manifest);
    if (found.security_version < state().planes[index_of(job_plane_)].floor)
      event.error = ErrorCode::under_security_floor;
  }
  if (event.error != ErrorCode::none) {
    event.kind = EventKind::failed;
  } else if (job == Job::fill) {
    event.kind = EventKind::filled;
    event.found = &found;
    slots_[index_of(job_plane_)][job_slot_] = found;
  } else {
    event.kind = job == Job::verify ? EventKind::verified : EventKind::checks_passed;
  }
  step(event);
  return true;
}

bool Bench::waits() const {
  const bool there = phase() == Phase::staged || phase() == Phase::held;
  return job_ == Job::none && there && state().assignment.hold != Hold::none;
}

void Bench::settle() {
  for (int i = 0; i < 400; ++i) {
    const auto starts = starts_;
    const auto held = retained_directives_;
    for (const auto& standing : held) give(standing);
    if (!retained_.empty()) give(Assignment(retained_.back()));
    if (answer() || starts != starts_) continue;
    if ((machine_.settled() || waits()) &&
        (retained_.empty() || state().assignment.epoch == retained_.back().epoch || machine_.updates_paused()))
      return;
    if (state().device == DeviceState::recovering) give(EventKind::policy_clear);
    pass(5000);
  }
  FAIL() << "it does not come to an end\n" << story();
}

unsigned Bench::active(Plane plane) const {
  return machine_.active(plane).bytes[0];
}

unsigned Bench::count(EffectKind kind) const {
  return counts_[static_cast<unsigned>(kind)];
}

std::string Bench::story() const {
  std::string text;
  const auto begin = story_.size() > 60 ? story_.size() - 60 : 0;
  for (auto i = begin; i < story_.size(); ++i) text += story_[i] + "\n";
  return text;
}

}  // namespace muster::mcu::testing
