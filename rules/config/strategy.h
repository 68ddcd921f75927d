// Presets for the waves of a rule: what each strategy makes, and how careful it is at each level of risk. They are gone
// once a file is loaded: the engine knows plain waves alone. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rules/engine/rule.h"

namespace muster::rules {

enum class Strategy : std::uint8_t {
  big_bang,
  percentage,
  device_class,
  regional,
  shadow
};  // in the order of the key's words

// What a level of risk sets where the file does not say it itself.
struct RiskLevel {
  std::string_view name;
  std::span<const std::uint32_t> percentages;  // of strategy: percentage
  std::uint64_t first_soak_s = 0, soak_s = 0;  // of the first wave, and of the others
  // What it takes to leave the first wave, and those between it and the last. The last one is left by itself.
  Gate first_gate = Gate::automatic, gate = Gate::automatic;
};

// By rising risk, in the order of the words of the key `risk`.
[[nodiscard]] std::span<const RiskLevel> risk_levels();

// What a level sets for wave `index` of `count`.
[[nodiscard]] Gate gate_of(const RiskLevel& risk, std::size_t index, std::size_t count);
[[nodiscard]] std::uint64_t soak_s_of(const RiskLevel& risk, std::size_t index);

// Waves with names and shares or rings, still without gates and soaks. Percentages grow; ids are different.
[[nodiscard]] std::vector<Wave> waves_of_shares(std::span<const std::uint32_t> percentages);
// `attribute` is "class" or "region", as conditions call it.
[[nodiscard]] std::vector<Wave> waves_of_rings(std::string_view attribute, const std::vector<std::string>& ids);

}  // namespace muster::rules
