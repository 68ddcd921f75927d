// Where everything lies in the posix port's flash, which is a file: as on the board mps2-an385, so that one shows what the
// other does. Constants only; the port and the host's tools.
#pragma once

#include "mcu-client/ports/mps2-an385/layout.h"

namespace muster::mcu::posix {

inline constexpr std::uint32_t flash_size = 2u << 20;
inline constexpr Layout layout = mps2::layout;

}  // namespace muster::mcu::posix
