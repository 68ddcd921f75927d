// What bootloader and firmware tell each other across resets: one small record in the boot log, rewritten whole. Also the
// count of starts, which is the device's boot id. Freestanding C++17, no allocation; the bootloader, then the client.
#pragma once

#include <cstdint>

#include "mcu-client/src/flash/record_log.h"

namespace muster::mcu {

enum class TrialOutcome : std::uint8_t {
  none,        // no trial since the device was made
  requested,   // by the client: the bootloader may start `trial` up to trial_starts_max times
  confirmed,   // by the client: `trial` has become `active`
  reverted,    // by the bootloader: `trial` was started too often, is damaged or lies under the floor
};

// Little-endian in flash; every byte belongs to a field.
struct BootState {
  std::uint64_t starts = 0;          // starts of the bootloader ever: the boot id
  std::uint32_t trial_tag = 0;       // which attempt asked for the newest trial
  std::uint32_t security_floor = 0;  // of the firmware plane: nothing under it is started
  std::uint8_t active = 0;           // 0 or 1: the firmware slot that was confirmed
  std::uint8_t trial = no_slot;      // the one on trial
  std::uint8_t trial_starts = 0;     // how often it was started
  TrialOutcome outcome = TrialOutcome::none;
  std::uint8_t running = no_slot;    // what the bootloader started last
  std::uint8_t crashes = 0;          // starts in a row after a watchdog or fault reset that no client called healthy
  std::uint8_t fallbacks = 0;        // how often the other slot had to be started since the client last looked; stays at 255
  std::uint8_t last_cause = 0;       // ResetCause of this start
};
static_assert(sizeof(BootState) == 24, "no padding");

inline constexpr std::uint8_t boot_state_key = 0;  // in the boot log

// A log without a record gives the state of a new device. ok, err_damaged when the record is not one of these, or what the
// flash says.
[[nodiscard]] int load(const RecordLog& log, BootState& state);
[[nodiscard]] int store(RecordLog& log, const BootState& state);

// --- the client's side, each durable when it returns ok ---
// Puts `slot` on trial; the next reset starts it. err_bounds when it is the active one.
[[nodiscard]] int request_trial(RecordLog& log, std::uint8_t slot, std::uint32_t tag);
// The running trial is the active firmware now, and nothing under `security_version` is ever started again. err_not_found when no
// trial runs; ok once more when it was confirmed already. REQUIRES: `security_version` is not above that of the trial itself.
[[nodiscard]] int confirm_trial(RecordLog& log, std::uint32_t security_version);
// Back to the other slot at the next reset, without a trial: the client has decided to go back. Ends a trial as reverted.
[[nodiscard]] int switch_active(RecordLog& log, std::uint8_t slot);
// This start has shown to be healthy: the crash count begins anew.
[[nodiscard]] int clear_crashes(RecordLog& log);
// The floor again, from the client's own copy of it: the one here is lost when both banks of the log are damaged. Never
// lowers it, writes nothing when it is as high already. REQUIRES: not above the running firmware's own version.
[[nodiscard]] int raise_floor(RecordLog& log, std::uint32_t security_version);
// The count of starts again, likewise: the broker takes nothing from a device whose boot id went back.
[[nodiscard]] int raise_starts(RecordLog& log, std::uint64_t starts);
// The client has seen and reported the fallbacks.
[[nodiscard]] int clear_fallbacks(RecordLog& log);

}  // namespace muster::mcu
