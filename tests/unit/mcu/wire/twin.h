// Both implementations of schemas/wire.h over the same bytes. Tests and fuzzers only; any thread.
#pragma once

#include "schemas/compact/verify.h"
#include "schemas/wire.h"

namespace muster::test {

template <class Message>
WireFault reference_of(ByteView bytes) {
  const Message* message = nullptr;
  return verify(bytes, message);
}

// What schemas/wire*.cpp say of `bytes` as a message of that kind.
[[nodiscard]] inline WireFault reference_verify(compact::MessageKind kind, ByteView bytes) {
  using compact::MessageKind;
  switch (kind) {
    case MessageKind::envelope:
      return reference_of<wire::Envelope>(bytes);
    case MessageKind::root_document:
      return reference_of<wire::RootDocument>(bytes);
    case MessageKind::manifest:
      return reference_of<wire::Manifest>(bytes);
    case MessageKind::assignment:
      return reference_of<wire::Assignment>(bytes);
    case MessageKind::directive:
      return reference_of<wire::Directive>(bytes);
    case MessageKind::audit_head:
      return reference_of<wire::AuditHead>(bytes);
    case MessageKind::chunk:
      return reference_of<wire::Chunk>(bytes);
    case MessageKind::ack:
      return reference_of<wire::Ack>(bytes);
    case MessageKind::root_chain:
      return reference_of<wire::RootChain>(bytes);
  }
  return WireFault::malformed;
}

}  // namespace muster::test
