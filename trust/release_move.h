// Opens the signed move of a release from one state to the next: between operators and the broker alone, hence apart
// from envelope.h, which devices compile too. C++17, no allocation, no exceptions; any thread.
#pragma once

#include "schemas/bytes.h"
#include "trust/envelope.h"

namespace muster::trust {

// As the openers of envelope.h: structure, signatures of the release role, expiry; and each signature has to hold, not
// only as many as the threshold asks for, because the record says who signed. Whether the release may make this move
// now is the caller's to say.
[[nodiscard]] TrustFault open_release_move(ByteView envelope, const OpenContext& context,
                                           const wire::ReleaseMove*& move);

}  // namespace muster::trust
