#include "examples/mcu-classifier/signal.h"

namespace muster::classifier {
namespace {

// Marsaglia's xorshift: 32 bits of state, no multiplication, and good enough to make noise.
class Random {
 public:
  // Neighbouring indices must begin far apart, so both numbers go through the finaliser of MurmurHash3. The state may
  // not be 0.
  Random(std::uint32_t seed, std::uint32_t index) : state_(mixed(mixed(seed) + index * 0x9E3779B9U)) {
    if (state_ == 0) state_ = 1;
  }

  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

  // From `low` to `high`, both possible; at most 65535 apart.
  std::int32_t between(std::int32_t low, std::int32_t high) {
    const auto span = static_cast<std::uint32_t>(high - low) + 1;
    return low + static_cast<std::int32_t>(((next() >> 16) * span) >> 16);
  }

  // Nearly normal, standard deviation 148, within +-510: the sum of four bytes about their mean.
  std::int32_t normal() {
    const auto bits = next();
    const auto sum = (bits & 255U) + ((bits >> 8) & 255U) + ((bits >> 16) & 255U) + (bits >> 24);
    return static_cast<std::int32_t>(sum) - 510;
  }

 private:
  static std::uint32_t mixed(std::uint32_t value) {
    value ^= value >> 16;
    value *= 0x85EBCA6BU;
    value ^= value >> 13;
    value *= 0xC2B2AE35U;
    value ^= value >> 16;
    return value;
  }

  std::uint32_t state_;
};

// The first quarter of a sine of 16384, in steps of a 256th of a turn.
constexpr std::int16_t quarter_sine[65] = {0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,
                                           4370,  4756,  5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,
                                           8423,  8765,  9102,  9434,  9760,  10080, 10394, 10702, 11003, 11297, 11585,
                                           11866, 12140, 12406, 12665, 12916, 13160, 13395, 13623, 13842, 14053, 14256,
                                           14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557, 15679, 15791, 15893,
                                           15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384};

// Sine of `phase` 65536ths of a turn, 16384 for 1.
std::int32_t sine(std::uint32_t phase) {
  const auto step = (phase >> 8) & 255U;
  const auto half = step & 127U;
  const std::int32_t value = quarter_sine[half <= 64 ? half : 128 - half];
  return step < 128 ? value : -value;
}

// How far a tone of `tenths` of a hertz turns from one sample to the next, in 65536ths of a turn.
std::uint32_t turn_of(std::int32_t tenths) {
  return (static_cast<std::uint32_t>(tenths) * 65536U) / (sample_rate_hz * 10U);
}

std::int32_t scaled(std::int32_t amplitude, std::int32_t sine_value) {
  return (amplitude * sine_value) >> 14;
}

// What shakes the sensor in one window. Amplitudes are counts.
struct Shaking {
  std::int32_t noise = 0;         // about its standard deviation
  std::int32_t once = 0;          // once a turn: what an unbalanced rotor gives
  std::int32_t twice = 0;         // twice a turn: misalignment, in every machine a little
  std::int32_t hum = 0;           // 100 Hz, of the mains and of neighbours
  std::int32_t knock = 0;         // each time a ball rolls over the damage, the housing rings
  std::int32_t speed_tenths = 0;  // turns a second, in tenths
};

Shaking shaking_of(Motor motor, Random& random) {
  Shaking shaking;
  shaking.noise = random.between(60, 260);
  shaking.hum = random.between(0, 220);
  shaking.speed_tenths = random.between(230, 500);
  if (motor == Motor::stopped) {
    // The neighbour's turning comes through the floor.
    shaking.once = random.between(0, 260);
    return shaking;
  }
  shaking.once = random.between(170, 900);
  shaking.twice = random.between(40, 420);
  if (motor == Motor::unbalanced) shaking.once = random.between(860, 2800);
  if (motor == Motor::bearing_fault) shaking.knock = random.between(600, 2600);
  // Couplings and gears of a sound machine knock too, gently.
  if (motor != Motor::bearing_fault) shaking.knock = random.between(0, 330);
  return shaking;
}

std::int16_t clipped(std::int32_t value) {
  if (value > 32767) return 32767;
  if (value < -32768) return -32768;
  return static_cast<std::int16_t>(value);
}

void fill(const Shaking& shaking, Random& random, Window& window) {
  const auto turn = turn_of(shaking.speed_tenths);
  // A bearing's outer ring is hit about 3.6 times a turn; the housing rings at its own frequency until the next time.
  const auto knock_turn = (turn * static_cast<std::uint32_t>(random.between(890, 950))) >> 8;
  const auto ring_turn = turn_of(random.between(8500, 13500));
  const auto hum_turn = turn_of(1000);
  const auto offset = random.between(-counts_per_g, counts_per_g);  // the part of gravity along the axis
  auto phase = random.next();
  auto hum_phase = random.next();
  auto knock_phase = random.next() & 0xFFFFU;
  std::uint32_t ring_phase = 0;
  std::int32_t ringing = 0;
  for (auto& sample : window.samples) {
    std::int32_t value = offset + ((random.normal() * shaking.noise) >> 7);
    value += scaled(shaking.once, sine(phase)) + scaled(shaking.twice, sine(2 * phase));
    value += scaled(shaking.hum, sine(hum_phase)) + scaled(ringing, sine(ring_phase));
    sample = clipped(value);
    phase += turn;
    hum_phase += hum_turn;
    ring_phase += ring_turn;
    ringing -= ringing >> 3;
    knock_phase += knock_turn;
    if (knock_phase < 65536U) continue;
    knock_phase &= 0xFFFFU;
    ring_phase = 0;
    ringing = (shaking.knock * random.between(160, 352)) >> 8;
  }
}

}  // namespace

const char* name_of(Motor motor) {
  switch (motor) {
    case Motor::stopped:
      return "stopped";
    case Motor::healthy:
      return "healthy";
    case Motor::unbalanced:
      return "unbalanced";
    case Motor::bearing_fault:
      return "bearing_fault";
  }
  return "unknown";
}

Motor make_window(std::uint32_t seed, std::uint32_t index, Window& window) {
  Random random(seed, index);
  const auto motor = static_cast<Motor>(random.next() >> 30);
  fill(shaking_of(motor, random), random, window);
  return motor;
}

}  // namespace muster::classifier
