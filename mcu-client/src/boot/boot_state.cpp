#include "mcu-client/src/boot/boot_state.h"

#include <algorithm>

namespace muster::mcu {

int load(const RecordLog& log, BootState& state) {
  BootState found;
  const int status = log.read(boot_state_key, &found, sizeof found);
  if (status == err_not_found) {
    state = BootState{};
    return ok;
  }
  if (status < 0 && status != err_too_long) return status;
  const bool valid = status == static_cast<int>(sizeof found) && found.active <= 1 &&
                     (found.trial <= 1 || found.trial == no_slot) && found.outcome <= TrialOutcome::reverted;
  if (!valid) return err_damaged;
  state = found;
  return ok;
}

int store(RecordLog& log, const BootState& state) {
  return log.write(boot_state_key, &state, sizeof state);
}

int request_trial(RecordLog& log, std::uint8_t slot, std::uint32_t tag) {
  BootState state;
  const int status = load(log, state);
  if (status < 0) return status;
  if (slot > 1 || slot == state.active) return err_bounds;
  state.trial = slot;
  state.trial_tag = tag;
  state.trial_starts = 0;
  state.outcome = TrialOutcome::requested;
  return store(log, state);
}

namespace {

// A floor that rises is written to both banks, so that it outlives either.
int store_floor(RecordLog& log, BootState& state, std::uint32_t security_version) {
  const bool rises = security_version > state.security_floor;
  state.security_floor = std::max(state.security_floor, security_version);
  const int status = store(log, state);
  return status == ok && rises ? log.duplicate() : status;
}

}  // namespace

int confirm_trial(RecordLog& log, std::uint32_t security_version) {
  BootState state;
  const int status = load(log, state);
  if (status < 0) return status;
  const bool runs = state.trial != no_slot && state.running == state.trial;
  const bool confirmed = state.outcome == TrialOutcome::confirmed;
  if (!runs || (!confirmed && state.outcome != TrialOutcome::requested)) return err_not_found;
  state.outcome = TrialOutcome::confirmed;
  state.active = state.trial;
  state.crashes = 0;
  return store_floor(log, state, security_version);
}

int switch_active(RecordLog& log, std::uint8_t slot) {
  BootState state;
  const int status = load(log, state);
  if (status < 0) return status;
  if (slot > 1) return err_bounds;
  if (state.outcome == TrialOutcome::requested) state.outcome = TrialOutcome::reverted;
  state.active = slot;
  return store(log, state);
}

int clear_crashes(RecordLog& log) {
  BootState state;
  const int status = load(log, state);
  if (status < 0) return status;
  state.crashes = 0;
  return store(log, state);
}

int raise_floor(RecordLog& log, std::uint32_t security_version) {
  BootState state;
  const int status = load(log, state);
  return status < 0 ? status : store_floor(log, state, security_version);
}

int raise_starts(RecordLog& log, std::uint64_t starts) {
  BootState state;
  const int status = load(log, state);
  if (status < 0 || state.starts >= starts) return status;
  state.starts = starts;
  return store(log, state);
}

int clear_fallbacks(RecordLog& log) {
  BootState state;
  const int status = load(log, state);
  if (status < 0) return status;
  state.fallbacks = 0;
  return store(log, state);
}

}  // namespace muster::mcu
