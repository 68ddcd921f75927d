// What schemas/text.h says about single characters, as one function that is not inlined at each use. For the verifier
// here and for whoever cleans a text before sending it. Freestanding C++17; any thread.
#pragma once

#include <cstddef>

namespace muster::compact {

// The length in bytes of the character at `from`, as is_text allows it; 0 when there is none before `end`.
// REQUIRES: from < end.
[[nodiscard]] std::size_t text_character_len(const char* from, const char* end);

}  // namespace muster::compact
