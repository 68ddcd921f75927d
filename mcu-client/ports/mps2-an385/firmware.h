// What every firmware for the board does before its own work. Firmware only, called once; the main loop.
#pragma once

#include "mcu-client/include/port.h"

namespace muster::mcu::mps2 {

// Says why on the console, and starts again as after a fault.
[[noreturn]] void give_up(const char* why);

// Starts console, clock, heap, random numbers and network, and puts TLS with the identity's certificates over TCP (but in a build
// for plain TCP). What the client is made with; gives up when the factory has not done its part.
[[nodiscard]] const Port& start_firmware();

}  // namespace muster::mcu::mps2
