// The private halves of fixed_trust.h, for what signs: the seeds, and targets whose inputs are made of signed messages.
// Tests only; one thread.
#pragma once

#include "tests/fuzz/fixed_trust.h"
#include "trust/signing/signer.h"

namespace muster::fuzz {

// Signatures are deterministic, so that the same message is the same bytes in every run.
[[nodiscard]] trust::SigningKey fixed_key(FixedKey which);

}  // namespace muster::fuzz
