// Where everything lies in the flash of the board: 16 MiB behind 0x21000000, of which the client uses the first two.
// Constants only, without anything of the chip: firmware, bootloader and the host's tools include it.
#pragma once

#include "mcu-client/include/layout_check.h"

namespace muster::mcu::mps2 {

inline constexpr std::uint32_t flash_base = 0x21000000;  // where the chip sees offset 0
inline constexpr std::uint32_t flash_size = 16u << 20;

// The linker scripts name the firmware slots again (linker/slot-a.ld, slot-b.ld).
inline constexpr Layout layout = {
    4096,                    // erase_size
    8,                       // program_size
    {0x000000, 0x008000},    // identity
    {0x008000, 0x002000},    // boot_log
    {0x00a000, 0x008000},    // settings
    {0x012000, 0x004000},    // evidence
    {0x020000, 0x020000},    // scratch
    {{{0x040000, 0x080000}, {0x0c0000, 0x080000}},    // firmware: 2 × 512 KiB
     {{0x140000, 0x040000}, {0x180000, 0x040000}},    // model: 2 × 256 KiB
     {{0x1c0000, 0x010000}, {0x1d0000, 0x010000}}}};  // config: 2 × 64 KiB
static_assert(layout_fault(layout) == nullptr);

}  // namespace muster::mcu::mps2
