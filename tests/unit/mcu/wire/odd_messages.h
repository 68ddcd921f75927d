// Messages whose structure is right and whose contents break rules, several at a time: they show in which order a
// verifier names faults. Tests only; one thread.
#pragma once

#include <random>

#include "schemas/bytes.h"
#include "schemas/compact/verify.h"

namespace muster::test {

// A good message of the kind, as tests/unit/schemas/samples.h has it.
[[nodiscard]] Bytes good_message(compact::MessageKind kind);

// One with up to four of its fields at or beyond their bounds.
[[nodiscard]] Bytes odd_message(compact::MessageKind kind, std::mt19937_64& random);

}  // namespace muster::test
