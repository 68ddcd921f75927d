// The board's flash. What the board has is RAM that keeps its contents (in QEMU: a file); this driver makes it NOR
// flash, with the rules that a real one has: whole units are erased to ones, and a unit is programmed once between two
// erases. A caller who breaks a rule has a bug: it is logged, and the chip restarts as after a fault. Board code only;
// one thread.
#pragma once

#include <cstdint>

namespace muster::mcu::mps2 {

[[nodiscard]] int nor_read(std::uint32_t offset, void* to, std::uint32_t size);
[[nodiscard]] int nor_program(std::uint32_t offset, const void* from, std::uint32_t size);
[[nodiscard]] int nor_erase(std::uint32_t offset, std::uint32_t size);

}  // namespace muster::mcu::mps2
