// The fleet that the engine's benches measure with: what its devices report, and the rollout over all of it. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rules/engine/engine.h"

namespace muster::bench {

// Heap in use; large blocks are counted apart by glibc.
[[nodiscard]] double heap_bytes();
[[nodiscard]] Sha256 digest_of(std::uint8_t n);
[[nodiscard]] std::string id_of(std::size_t i);
// One class, three regions, 500 sites.
[[nodiscard]] rules::DeviceReport report_of(std::size_t i, std::uint64_t seq);
// All of them, a canary of 10 %, model reader@2 with the digest 9.
[[nodiscard]] rules::StartRollout rollout_of(std::uint64_t seed);
[[nodiscard]] double per_device_us(double seconds, std::size_t devices);
// "1 000 000 devices"
[[nodiscard]] std::string size_text(std::size_t devices);

}  // namespace muster::bench
