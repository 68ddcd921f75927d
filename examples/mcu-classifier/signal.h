// The sensor that the demo's board does not have: seeded windows of a motor's vibration, each with what is known of the
// motor. Freestanding C++17, integers only, the same numbers on every machine; any thread.
//
// A window is a pure function of seed and index, so that a board which starts anew needs nothing to go on, and a test
// can make window 17 without the ones before it.
#pragma once

#include <cstdint>

namespace muster::classifier {

inline constexpr unsigned window_samples = 128;     // 40 ms: one to two turns of the motor
inline constexpr unsigned sample_rate_hz = 3200;    // what usual MEMS accelerometers give
inline constexpr std::int32_t counts_per_g = 2048;  // int16 for +-16 g

// What the classifier has to find out. The numbers are the model's outputs and stand in model files.
enum class Motor : std::uint8_t { stopped, healthy, unbalanced, bearing_fault };
inline constexpr unsigned motor_count = 4;

// "stopped" and so on; for logs and tables.
[[nodiscard]] const char* name_of(Motor motor);

struct Window {
  std::int16_t samples[window_samples] = {};
};

// Makes window `index` of the stream `seed` and returns what the motor was when it was "measured". All four are equally
// frequent, in no order. They overlap as in life: a slightly unbalanced motor shakes less than a rough healthy one, a
// young bearing fault hides in noise, and a motor that stands is shaken by its neighbours.
Motor make_window(std::uint32_t seed, std::uint32_t index, Window& window);

}  // namespace muster::classifier
