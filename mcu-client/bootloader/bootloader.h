// The bootloader without the board: which firmware slot to start. A port's bootloader sets up its flash, calls this, starts the
// watchdog and jumps to the slot's offset + slot_header_size; it checks no signature, that was done at install. Freestanding
// C++17, no allocation, about 1.5 KiB of stack; called once, with interrupts off or before any is enabled.
#pragma once

#include "mcu-client/include/layout.h"
#include "mcu-client/include/port.h"

namespace muster::mcu {

// The firmware slot to start (0 or 1), or err_no_slot: nothing here may be started, and only the factory helps. Of the port it
// uses the flash and reset_cause (null: unknown). This start is counted when it returns; a power cut before the jump costs a
// trial one of its starts and confirmed firmware nothing.
[[nodiscard]] int run_bootloader(const Port& port, const Layout& layout);

}  // namespace muster::mcu
