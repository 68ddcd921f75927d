// What the evidence of a device remembers: codes of events with the meaning of their fields. The numbers are fixed for
// ever: flash rings outlive firmware, and `musterctl` reads those of all versions. Add at the end of a group, never reuse,
// and give the new one its words in operator/evidence_words.cpp. An application's own events begin at event_application.
// Freestanding C++17, constants only; any thread.
#pragma once

#include <cstdint>

namespace muster {

enum class EventCode : std::uint16_t {
  none = 0,
  // --- starts ---                  a                 b                        c
  started = 1,                    // ResetCause        firmware security version  running slot
  boot_fell_back = 2,             // fallbacks         running slot             0
  crash_loop = 3,                 // crashes in a row  0                        0
  stack_low_water = 4,            // 0                 unused bytes             0
  // --- states ---
  state_entered = 10,             // wire::DeviceState the one before           0
  safe_mode_entered = 11,         // why: RecoveryAction, 0 a directive         directive epoch (low bits)  0
  safe_mode_left = 12,            // 0                 directive epoch          0
  // --- attempts ---
  attempt_state = 20,             // wire::AttemptState  epoch (low bits)       plane
  attempt_failed = 21,            // wire::ErrorCode   epoch (low bits)         plane
  trial_requested = 22,           // slot              epoch (low bits)         security version
  trial_confirmed = 23,           // slot              epoch (low bits)         security version
  trial_reverted = 24,            // slot              epoch (low bits)         starts
  download_resumed = 25,          // plane             offset                   total
  slot_damaged = 26,              // plane             slot                     0
  // --- the link ---
  connected = 30,                 // session present   attempts since the last  0
  connection_lost = 31,           // -Error            0                        0
  message_refused = 32,           // wire::ErrorCode   epoch (low bits)         0
  // --- recovery and faults ---
  recovery_action = 40,           // wire::RecoveryAction  rule's index         0
  fault = 41,                     // the chip's cause  program counter          link register
  probe_failed = 42,              // wire::ErrorCode   0                        plane
  workload_silent = 43,           // 0                 ms without a sign of life  0
  flash_error = 44,               // -Error            offset                   0
};

inline constexpr std::uint16_t event_application = 0x8000;

}  // namespace muster
