// What may stand in the strings of a message, as ids.h, file_name.h and text.h say it, in fewer bytes of code. For
// schemas/compact only. Freestanding C++17; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "schemas/compact/tables.h"

namespace muster::compact {

// A string in a message: its characters, behind which stands a NUL. There may be others among them.
struct Text {
  const char* from;
  const char* end;
};

// `list` is where the string's length lies.
[[nodiscard]] inline Text text_of(const std::uint8_t* list) {
  std::uint32_t len = 0;
  std::memcpy(&len, __builtin_assume_aligned(list, alignof(std::uint32_t)), sizeof len);
  const char* from = reinterpret_cast<const char*>(list + sizeof len);
  return {from, from + len};
}

// What is wrong with the string at `list`. REQUIRES: `kind` is one of a string.
[[nodiscard]] WireFault check_text(Kind kind, const std::uint8_t* list, std::ptrdiff_t len_max);

// The target of a probe of this wire::ProbeKind is one.
[[nodiscard]] bool is_probe_target(unsigned kind, const char* from, const char* end);

}  // namespace muster::compact
