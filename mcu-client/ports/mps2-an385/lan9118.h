// The Ethernet chip, a LAN9118: whole frames in and out. Board code only; the main loop.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster::mcu::mps2 {

inline constexpr std::size_t frame_max = 1536;

// False when no such chip answers. `mac` is what its EEPROM holds.
[[nodiscard]] bool start_ethernet(std::uint8_t (&mac)[6]);
// Bytes of the next frame, without its check sum; 0 when none has come. It must then be taken or dropped.
[[nodiscard]] std::size_t next_frame();
void take_frame(std::uint32_t* to, std::size_t size);  // room for `size` rounded up to words
void drop_frame(std::size_t size);
// False when the chip has no room; the frame is lost then.
[[nodiscard]] bool send_frame(const std::uint32_t* frame, std::size_t size);

}  // namespace muster::mcu::mps2
