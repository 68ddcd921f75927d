// Answers to questions that look at every known device: whom a rollout would reach and who could not run it, and what
// still names a release. As costly as there are devices: for operators' commands, never for reports. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/needs.h"

namespace muster::rules {

struct UnfitDevice {
  std::string device;
  Misfit misfit = Misfit::none;
  std::string why;
};

struct FleetFit {
  std::string fault;                                 // why such a rollout could not start now; empty: it could
  std::uint32_t targets = 0;                         // devices that it would take
  std::uint32_t without_site = 0;                    // of `targets`, which a limit per site leaves alone; 0: no limit
  std::uint32_t unfit = 0;                           // devices that match its targets and cannot run a release of it
  std::array<std::uint32_t, misfit_count> counts{};  // of `unfit`, by Misfit
  std::vector<UnfitDevice> devices;                  // of `unfit`, the first by id, at most unfit_shown_max
};
inline constexpr std::size_t unfit_shown_max = 50;

// "2 targets name no site, and per_site does not limit them"; empty when there are none.
[[nodiscard]] std::string describe_without_site(std::uint32_t count);
// "3 devices cannot run it (2 class, 1 memory)"; empty when all can.
[[nodiscard]] std::string describe_unfit(const FleetFit& fit);

struct ReleaseUses {
  std::vector<std::string> rollouts;   // that may still assign it; by start
  std::vector<std::string> returning;  // those at work that have others, and may take devices back to it
  std::vector<std::string> keeping;  // "line-2 until 2026-12-07 …": completed ones, whose rules keep it for a way back
  std::size_t device_count = 0;      // devices whose assignment names it
  std::vector<std::string> devices;  // the first of them by id, at most uses_shown_max

  [[nodiscard]] bool any() const {
    return !rollouts.empty() || !returning.empty() || !keeping.empty() || device_count != 0;
  }
};
inline constexpr std::size_t uses_shown_max = 10;

}  // namespace muster::rules
