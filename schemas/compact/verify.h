// The verifiers of schemas/wire.h once more, for machines where code size counts: one small interpreter over the tables
// of tables.h instead of FlatBuffers' inlined templates. Only the messages that a device receives. For a device's
// messages call muster::verify (wire.cpp here defines it for devices); this entry is for that file and for the tests
// that hold both implementations side by side. Freestanding C++17, no allocation, no exceptions; any thread.
#pragma once

#include <cstdint>

#include "schemas/wire.h"

namespace muster::compact {

// The signed kinds have the numbers of wire::PayloadKind.
enum class MessageKind : std::uint8_t {
  envelope = 0,
  root_document = 1,
  manifest = 2,
  assignment = 3,
  directive = 4,
  audit_head = 5,
  chunk = 6,
  ack = 7,
  root_chain = 8
};

inline constexpr unsigned message_kinds = 9;

// What muster::verify for the message of this kind says of the same bytes.
[[nodiscard]] WireFault verify(MessageKind kind, ByteView bytes);

}  // namespace muster::compact
