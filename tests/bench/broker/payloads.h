// The messages that the broker benches send: as devices send them, every field filled. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "tests/bench/lib/load.h"

namespace muster::bench {

// A HealthSummary with all standard keys, a latency histogram of 12 octaves and two task metrics, as muster-edge fills
// it.
[[nodiscard]] Bytes full_health(const std::string& device, std::uint64_t seq);

// A device that sends its health summary for ever; the number that grows is the summary's seq.
[[nodiscard]] Sender health_sender(const std::string& device);

// `count` of them, named by the prefix and a number.
[[nodiscard]] std::vector<Sender> health_senders(std::size_t count, const std::string& prefix = "load-");

}  // namespace muster::bench
