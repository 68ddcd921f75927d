// What survives a reset in RAM, and with it why the chip starts. This chip has no register that says so; whoever resets
// it on purpose writes the reason down first, and a reset without a reason was the watchdog's. Board code only; one
// thread.
#pragma once

#include "mcu-client/include/port.h"

namespace muster::mcu::mps2 {

// The bootloader, once and first: works out why this start happened.
void begin_start();
// The same answer until the next start.
[[nodiscard]] ResetCause cause_of_start();
// Notes the reason and resets the chip.
[[noreturn]] void restart(ResetCause why);

}  // namespace muster::mcu::mps2
