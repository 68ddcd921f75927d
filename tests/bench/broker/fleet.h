// A fleet as the broker gets to know it: each device connects, publishes its state report, waits for the
// acknowledgement and goes. A limited number at a time, because Debian's broker has a listen queue of 100. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "schemas/bytes.h"

namespace muster::bench {

struct Introduction {
  std::string device, topic;
  Bytes report;
};

// Calls `of(i)` for i in 0 … count-1 and lets each device introduce itself.
void introduce(std::uint16_t port, std::size_t count, const std::function<Introduction(std::size_t)>& of);

}  // namespace muster::bench
