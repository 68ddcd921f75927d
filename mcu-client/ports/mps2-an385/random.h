// Bytes that differ from start to start. Board code only; one thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster::mcu::mps2 {

// Once, before fill_random; `start` is the number of this start (BootState::starts).
void seed_random(std::uint64_t start);
void fill_random(std::uint8_t* to, std::size_t size);

}  // namespace muster::mcu::mps2
