// What happens to a message on the way to a verifier: every single field that a reader trusts changed, and chance.
// Tests only; one thread.
#pragma once

#include <functional>
#include <random>
#include <vector>

#include "schemas/bytes.h"

namespace muster::test {

// Calls `take` with `message` cut to every length, and with each aligned 16- and 32-bit word exchanged for values that
// break or move offsets, table layouts, counts and lengths. `message` is given back as it was.
void each_structured_damage(Bytes& message, const std::function<void(const Bytes&)>& take);

// One message with up to eight things wrong: bits flipped, words changed, stretches moved, copied in from `others`,
// cut.
[[nodiscard]] Bytes random_damage(const Bytes& message, const std::vector<Bytes>& others, std::mt19937_64& random);

}  // namespace muster::test
