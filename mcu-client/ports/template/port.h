// A port to copy: every function that the client and the bootloader ask of a board, with what to put in it. As it stands it
// compiles and says err_unsupported everywhere, so that a board is brought up one function at a time. PORTING.md has the order.
#pragma once

#include "mcu-client/include/layout.h"
#include "mcu-client/include/port.h"

namespace muster::mcu::board {

// Everything that the functions share: handles of drivers, buffers, the time.
struct Board {
  std::uint64_t uptime_ms = 0;  // counted by a timer's interrupt
};

// Where everything lies in this board's flash; bootloader and firmware share it.
extern const Layout layout;

[[nodiscard]] Port make_port(Board& board);

}  // namespace muster::mcu::board
