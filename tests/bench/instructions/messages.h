// Messages as a device in the field sends them, always the same bytes: what is counted must not change by chance. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "schemas/bytes.h"

namespace muster::instructions {

// `attempt` is a wire::AttemptState.
[[nodiscard]] Bytes state_report(const std::string& device, std::uint64_t seq, std::uint8_t attempt,
                                 std::uint64_t epoch);
[[nodiscard]] Bytes health_summary(const std::string& device, std::uint64_t seq);

}  // namespace muster::instructions
