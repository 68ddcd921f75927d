#include "rules/config/strategy.h"

#include <cassert>
#include <string>

#include "rules/condition/compile.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t minute_s = 60;
constexpr std::uint64_t hour_s = 60 * minute_s;

constexpr std::uint32_t few_steps[] = {25, 100};
constexpr std::uint32_t usual_steps[] = {10, 50, 100};
constexpr std::uint32_t many_steps[] = {1, 10, 50, 100};

constexpr RiskLevel levels[] = {
    {"low", few_steps, 10 * minute_s, 10 * minute_s, Gate::automatic, Gate::automatic},
    {"medium", usual_steps, 4 * hour_s, hour_s, Gate::manual, Gate::automatic},
    {"high", many_steps, 24 * hour_s, 8 * hour_s, Gate::manual, Gate::manual},
};

}  // namespace

std::span<const RiskLevel> risk_levels() {
  return levels;
}

Gate gate_of(const RiskLevel& risk, std::size_t index, std::size_t count) {
  if (index + 1 == count) return Gate::automatic;
  return index == 0 ? risk.first_gate : risk.gate;
}

std::uint64_t soak_s_of(const RiskLevel& risk, std::size_t index) {
  return index == 0 ? risk.first_soak_s : risk.soak_s;
}

std::vector<Wave> waves_of_shares(std::span<const std::uint32_t> percentages) {
  std::vector<Wave> waves;
  for (const std::uint32_t percent : percentages) {
    Wave wave;
    const bool first_of_several = waves.empty() && percentages.size() > 1;
    wave.name = percent == 100 ? "all" : first_of_several ? "canary" : "percent-" + std::to_string(percent);
    wave.percent = percent;
    waves.push_back(std::move(wave));
  }
  return waves;
}

std::vector<Wave> waves_of_rings(std::string_view attribute, const std::vector<std::string>& ids) {
  std::vector<Wave> waves;
  for (const std::string& id : ids) {
    Wave wave;
    wave.name = id;
    // An id has no character that would end the text.
    wave.ring_text = "device." + std::string(attribute) + " == \"" + id + "\"";
    CompiledCondition compiled = compile_condition(wave.ring_text, target_vocabulary());
    assert(compiled.ok());
    wave.ring = std::move(compiled.program);
    waves.push_back(std::move(wave));
  }
  return waves;
}

}  // namespace muster::rules
