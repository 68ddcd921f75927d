#include "mcu-client/src/boot/boot.h"

#include <algorithm>

namespace muster::mcu {

namespace {

constexpr std::uint8_t firmware_plane = 0;  // wire::Plane::firmware; the bootloader reads no messages
constexpr std::uint8_t count_max = 0xff;

void count(std::uint8_t& counter) {
  if (counter != count_max) ++counter;
}

// What a device begins with that knows nothing of its past: see boot.h.
void begin(BootState& state, const SlotView (&slots)[slots_per_plane]) {
  const SlotView& a = slots[0];
  const SlotView& b = slots[1];
  const bool take_b = b.intact && (!a.intact || b.security_version > a.security_version);
  state.active = take_b ? 1 : 0;
  const std::uint32_t floor = slots[state.active].security_version;
  state.security_floor = a.intact && b.intact ? std::min(a.security_version, b.security_version) : floor;
}

}  // namespace

BootDecision decide(const BootState& state, const SlotView (&slots)[slots_per_plane], ResetCause cause) {
  BootDecision decision;
  decision.state = state;
  BootState& next = decision.state;
  if (state.starts == 0 && state.outcome == TrialOutcome::none) begin(next, slots);
  ++next.starts;
  next.last_cause = static_cast<std::uint8_t>(cause);
  if (cause == ResetCause::watchdog || cause == ResetCause::fault) count(next.crashes);

  const auto may_run = [&](std::uint8_t slot) {
    return slot < slots_per_plane && slots[slot].intact && slots[slot].security_version >= next.security_floor;
  };
  if (next.outcome == TrialOutcome::requested) {
    if (next.trial_starts < trial_starts_max && may_run(next.trial)) {
      ++next.trial_starts;
      decision.slot = next.trial;
    } else {
      next.outcome = TrialOutcome::reverted;
    }
  }
  if (decision.slot == no_slot) {
    const std::uint8_t other = next.active ^ 1;
    const bool worn_out = next.running == next.active && next.crashes >= crashes_max;
    if (may_run(other) && (worn_out || !may_run(next.active))) {
      next.active = other;
      count(next.fallbacks);
    }
    if (may_run(next.active)) decision.slot = next.active;
  }
  if (decision.slot != next.running) next.crashes = 0;
  next.running = decision.slot;
  return decision;
}

namespace {

// A header of another plane, or one that cannot be read, is none.
bool read_firmware(const Flash& flash, std::uint32_t slot, SlotHeader& header) {
  return read_header(flash, flash.layout().slots[firmware_plane][slot], header) == ok && header.plane == firmware_plane;
}

}  // namespace

int boot(const Flash& flash, ResetCause cause, SlotHeader& started) {
  RecordLog log(flash, flash.layout().boot_log);
  BootState state;
  bool writable = log.mount() == ok;
  if (writable) {
    // A whole record that is no state of ours is overwritten: it would keep the client from updating for ever.
    const int status = load(log, state);
    writable = status == ok || status == err_damaged;
  }

  // A slot with a header counts as intact until it is to be started; only then its digest is looked at.
  SlotView views[slots_per_plane];
  bool checked[slots_per_plane] = {};
  for (std::uint32_t i = 0; i < slots_per_plane; ++i) {
    views[i].intact = read_firmware(flash, i, started);
    if (views[i].intact) views[i].security_version = started.security_version;
  }
  for (;;) {
    const BootDecision decision = decide(state, views, cause);
    const std::uint8_t slot = decision.slot;
    if (slot == no_slot) return err_no_slot;
    const Area& area = flash.layout().slots[firmware_plane][slot];
    views[slot].intact =
        read_firmware(flash, slot, started) && (checked[slot] || check_files(flash, area, started) == ok);
    checked[slot] = true;
    if (!views[slot].intact) continue;
    writable = writable && store(log, decision.state) == ok;
    if (writable || decision.state.outcome != TrialOutcome::requested) return slot;
    state.outcome = TrialOutcome::reverted;
  }
}

}  // namespace muster::mcu
