// What the machine has decided is done here, in its order.
#include <cstring>

#include "mcu-client/include/client.h"
#include "mcu-client/src/client/settings.h"

namespace muster::mcu {
namespace {

constexpr int not_a_record = 1;

}  // namespace

// The effects that are records in flash: what the flash says; not_a_record for the others.
int Client::write_down(const Effect& effect) {
  switch (effect.kind) {
    case EffectKind::persist_state:
      return records_.write(key_update_state, &machine_.state(), sizeof(UpdateState));
    case EffectKind::persist_orders:
      return records_.write(key_orders, &machine_.orders(), sizeof(Orders));
    case EffectKind::request_trial:
      return request_trial(boot_log_, effect.slot, effect.number);
    case EffectKind::confirm_trial:
      return confirm_trial(boot_log_, effect.number);
    case EffectKind::switch_active:
      return switch_active(boot_log_, effect.slot);
    case EffectKind::raise_floor:
      return raise_floor(boot_log_, effect.number);
    case EffectKind::clear_fallbacks:
      return clear_fallbacks(boot_log_);
    case EffectKind::clear_crashes:
      boot_.crashes = 0;
      readings_.set_crashes(0);
      return clear_crashes(boot_log_);
    default:
      return not_a_record;
  }
}

void Client::restart(const char* why) {
  log(LogLevel::info, why);
  ended_ = true;
  port_.reset(port_.context);
}

void Client::perform(const Effect& effect) {
  const int written = write_down(effect);
  // What can not be made durable must not be acted upon: the device starts again, and finds what it knew before.
  if (written < 0) restart("the flash does not take what was decided: starting again");
  if (written != not_a_record) return;
  switch (effect.kind) {
    case EffectKind::fill:
      begin_fill(effect.plane, effect.slot);
      break;
    case EffectKind::verify:
      verifying_ = true;
      break;
    case EffectKind::stop_jobs:
      fill_.stop();
      filling_ = checking_ = verifying_ = false;
      break;
    case EffectKind::reset:
      restart("starting again");
      break;
    case EffectKind::run_checks:
      begin_checks(effect.number != 0);
      break;
    case EffectKind::activated:
      activated();
      break;
    case EffectKind::workload:
      if (application_.run != nullptr) application_.run(application_.context, effect.mode);
      if (effect.number != 0) {
        readings_.reset();
        policy_.rearm(now_ms());
      }
      break;
    case EffectKind::restart_workload:
      if (application_.restart != nullptr) application_.restart(application_.context);
      readings_.reset();
      break;
    case EffectKind::report:
      report_due_ = true;
      break;
    case EffectKind::refused:
      log(LogLevel::warning, effect.detail);
      note_refused(effect.error);
      break;
    case EffectKind::note:
      note_phase(effect);
      break;
    case EffectKind::send_evidence:
      begin_evidence();
      break;
    default:
      break;
  }
}

void Client::note_phase(const Effect& effect) {
  const auto epoch = static_cast<std::uint32_t>(machine_.state().assignment.epoch);
  const auto plane = index_of(effect.plane);
  const auto phase = static_cast<Phase>(effect.number);
  if (phase == Phase::rolling_back) return;  // the next state says it
  note(EventCode::attempt_state, static_cast<std::uint32_t>(wire_state(phase)), epoch, plane);
  if (effect.error != ErrorCode::none)
    note(EventCode::attempt_failed, static_cast<std::uint32_t>(effect.error), epoch, plane);
}

// What runs, what happened, and how deep the stack has ever been.
void Client::begin_evidence() {
  EvidenceBundleHeader header;
  header.boot_id = machine_.state().boot_id;
  header.now_s = now_s();
  header.uptime_ms = static_cast<std::uint32_t>(now_ms());
  header.reset_cause = boot_.last_cause;
  if (port_.stack_unused != nullptr) header.stack_unused = port_.stack_unused(port_.context);
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    const auto slot = machine_.state().planes[i].active;
    if (slot == no_slot) continue;
    const auto& found = machine_.slot(static_cast<Plane>(i), slot);
    std::memcpy(header.planes[i].active_manifest, found.manifest.bytes.data(), found.manifest.bytes.size());
    header.planes[i].security_version = found.security_version;
  }
  evidence_.begin_upload(header);
}

void Client::begin_fill(Plane plane, std::uint8_t slot) {
  const auto& state = machine_.state();
  for (std::uint32_t i = 0; i < state.assignment.count; ++i) {
    const auto& release = state.assignment.releases[i];
    if (release.plane != plane) continue;
    fill_.begin(release, slot, {identity_.device_class, identity_.memory_mb, state.planes[index_of(plane)].floor});
    filling_ = true;
  }
}

}  // namespace muster::mcu
