// muster::verify of schemas/wire.h for devices, over the tables: a device's program has this file in the place of
// schemas/wire*.cpp. On other machines it is compiled, so that it stays fit, and linked by nobody.
#include "schemas/wire.h"

#include <cstring>

#include "schemas/compact/verify.h"

namespace muster {

namespace {

using compact::MessageKind;

// Any of the pointers that the functions below set: may_alias allows to write it as what it is not.
using AnyMessage [[gnu::may_alias]] = const void*;

[[gnu::noinline]] WireFault open(const std::uint8_t* data, std::size_t size, void* message, MessageKind kind) {
  const auto fault = compact::verify(kind, {data, size});
  if (fault != WireFault::none) return fault;
  std::uint32_t root = 0;
  std::memcpy(&root, data, sizeof root);
  *static_cast<AnyMessage*>(message) = data + root;
  return fault;
}

}  // namespace

WireFault verify(ByteView bytes, const wire::Chunk*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::chunk);
}

WireFault verify(ByteView bytes, const wire::Ack*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::ack);
}

WireFault verify(ByteView bytes, const wire::Envelope*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::envelope);
}

WireFault verify(ByteView bytes, const wire::RootDocument*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::root_document);
}

WireFault verify(ByteView bytes, const wire::RootChain*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::root_chain);
}

WireFault verify(ByteView bytes, const wire::Manifest*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::manifest);
}

WireFault verify(ByteView bytes, const wire::Assignment*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::assignment);
}

WireFault verify(ByteView bytes, const wire::Directive*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::directive);
}

WireFault verify(ByteView bytes, const wire::AuditHead*& message) {
  return open(bytes.data(), bytes.size(), &message, MessageKind::audit_head);
}

}  // namespace muster
