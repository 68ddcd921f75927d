// The board as the client's Port. Bootloader and firmware share the chip's part; the stream to the broker is the
// firmware's. Board code and the programs on it; the main loop.
#pragma once

#include "mcu-client/include/port.h"

namespace muster::mcu::mps2 {

// All of Port but the stream, for the bootloader too.
[[nodiscard]] Port chip_port();
// The TCP stream in addition, without TLS. REQUIRES: start_net() was true.
[[nodiscard]] Port tcp_port();

// The heap that mbedTLS allocates from; nothing else allocates. Firmware only, once, before anything of trust/ or TLS.
void start_heap();
// Bytes at its end that were never in use.
[[nodiscard]] std::size_t heap_unused();

}  // namespace muster::mcu::mps2
