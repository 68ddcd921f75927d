// Where everything lies in flash. The integrator writes one of these as a constant that bootloader and firmware share, and has
// layout_fault (layout_check.h) look at it. Freestanding C++17; any thread.
#pragma once

#include <cstdint>

namespace muster::mcu {

struct Area {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

inline constexpr std::uint32_t plane_count = 3;         // wire::Plane: firmware, model, config
inline constexpr std::uint32_t slots_per_plane = 2;     // A and B
inline constexpr std::uint8_t no_slot = 0xff;           // where 0 or 1 would name a slot
inline constexpr std::uint32_t program_size_max = 32;   // bytes; what is programmed at once is padded to this at most
inline constexpr std::uint32_t slot_header_size = 1024; // bytes before a slot's first file; firmware is linked behind it

// Every area is a whole number of erase units, and no two overlap.
struct Layout {
  std::uint32_t erase_size = 4096;  // bytes erased at once: a power of two of at least slot_header_size
  std::uint32_t program_size = 8;   // a power of two up to program_size_max; programs begin and end on its multiples
  Area identity;   // who the device is, written in the factory, only read afterwards (client/identity.h)
  // These two are logs of two equal banks: an even number of erase units.
  Area boot_log;   // what bootloader and client tell each other (boot/boot_state.h); at least 2 erase units
  Area settings;   // what the client must still know after a power cut (client/settings.h); at least 2 erase units
  Area evidence;   // a ring of the last events; at least 2 erase units
  Area scratch;    // for what is longer than the message buffer: chains of root documents
  // By wire::Plane. The firmware's are where the chip runs code from. An area of size 0: the device has no such plane;
  // both slots of a plane are of the same size.
  Area slots[plane_count][slots_per_plane];

  [[nodiscard]] bool has_plane(std::uint32_t plane) const { return slots[plane][0].size != 0; }
};

}  // namespace muster::mcu
