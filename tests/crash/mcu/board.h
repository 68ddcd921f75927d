// A device whose client wants one thing: that a release runs, confirmed. It knows nothing but what its flash says, so
// that it goes on after a power cut as a real one does; the bootloader, the boot log, the slots and the settings are
// the real ones. Tests only; one thread.
#pragma once

#include <string>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu::testing {

struct Board : Device {
  // Release `version` runs from slot 0, confirmed, and is the floor.
  explicit Board(std::uint32_t version, std::uint32_t program_size = 8, std::uint32_t erase_size = 1024);

  // One start and all that the client does until it resets the chip, is done, or power fails. `healthy`: the new
  // release confirms itself; else it hangs until the watchdog bites.
  void live(Release& wanted, bool healthy, std::uint32_t tag);
  [[nodiscard]] bool done() const { return done_; }
  // The client wants something else from now on.
  void begin() { done_ = false, trial_jumps = 0; }

  // What was seen from outside; the rules are checked at each start, `broken` naming the first that was not kept.
  std::string broken;
  std::uint32_t running_version = 0;  // of the newest start
  std::uint32_t confirmed_floor = 0;  // of confirmations that returned ok
  std::uint32_t trial_jumps = 0;      // starts of the release on trial
  std::uint64_t starts_seen = 0;
  std::uint32_t resumed_at_most = 0;  // the farthest place where a download went on

 private:
  ResetCause cause_ = ResetCause::power_on;
  bool done_ = false;

  [[nodiscard]] bool start(SlotHeader& started, BootState& state);
  int update(Release& wanted, std::uint32_t tag, const BootState& state);
  int download(Release& wanted, const Area& slot);
};

// Continues to live, with power, until it is done; false after `lives_max` starts.
[[nodiscard]] bool live_on(Board& board, Release& wanted, bool healthy, std::uint32_t tag, int lives_max = 40);

}  // namespace muster::mcu::testing
