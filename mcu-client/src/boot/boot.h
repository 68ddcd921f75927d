// The bootloader's decision: which firmware slot to start. decide() is pure; boot() reads the flash, decides, writes down what it
// decided BEFORE it returns, and leaves the jump to the port. Freestanding C++17, no allocation; the bootloader only.
#pragma once

#include <cstdint>

#include "mcu-client/src/boot/boot_state.h"
#include "mcu-client/src/flash/slot.h"

namespace muster::mcu {

// A trial that does not confirm itself within so many starts goes back. More than one, because a power cut is not the new
// firmware's fault.
inline constexpr std::uint8_t trial_starts_max = 3;
// Confirmed firmware that crashed so often in a row gives way to the other slot, if that may run. The client enters safe mode long
// before (crash_loop in health/policy), so that firmware is to blame only when nothing else helped.
inline constexpr std::uint8_t crashes_max = 8;

struct SlotView {
  bool intact = false;  // header valid and image digest right
  std::uint32_t security_version = 0;
};

struct BootDecision {
  std::uint8_t slot = no_slot;  // no_slot: nothing may be started
  BootState state;              // what to write down before starting it
};

// A requested trial is started if it is intact, not under the floor and has starts left; else it is reverted and the active slot is
// started. The other slot takes its place for good, counted as a fallback, when the active one may not run (damaged, under the
// floor) or was the last to run and has crashed crashes_max times in a row; when the other may not run either, crashes alone
// do not keep the active one from being started. Crashes are those of one slot: another slot begins with none.
//
// A state of a device that never started (a new one, or both banks of the boot log are damaged) starts the intact slot
// with the higher security version, and its floor is the lower version of the intact slots: a lost log never brings back older
// firmware by itself, and does not take away the only slot to fall back to. The client then raises the floor (boot_state.h).
[[nodiscard]] BootDecision decide(const BootState& state, const SlotView (&slots)[slots_per_plane], ResetCause cause);

// The slot to start (0 or 1) with its header, or err_no_slot. Checks the digest of a slot only when it may be started. When the boot
// log cannot be read or written, confirmed firmware is started all the same, but no trial: one that is not counted would
// never end. A log that cannot be read is left alone.
[[nodiscard]] int boot(const Flash& flash, ResetCause cause, SlotHeader& started);

}  // namespace muster::mcu
