// Opens signed envelopes: checks structure, Merkle path and signatures against the role that may sign that kind, and gives
// the payload. root ← root keys, manifest and move of a release ← release keys, assignment,
// directive and audit head ← control keys.
// There is no way to open one without a check. C++17, no allocation, no exceptions; any thread.
// Hashing is RFC 6962, section 2.1: leaf = SHA-256(0x00 || kind || payload), node = SHA-256(0x01 || left || right).
// What is signed: SHA-256("muster-batch-v1" || 0x00 || leaf_count as 4 bytes big-endian || Merkle root).
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/bytes.h"
#include "schemas/envelope_generated.h"
#include "schemas/wire.h"
#include "trust/fault.h"
#include "trust/root.h"

namespace muster::trust {

// Checks `envelope` (8-aligned, else malformed) and points `payload` into it. The payload is aligned, but its own
// structure is still unverified: pass it to muster::verify next, or use the typed openers below.
[[nodiscard]] TrustFault open_envelope(ByteView envelope, wire::PayloadKind kind, const TrustRoot& root, ByteView& payload);

// What a device holds against replay and for expiry. `now_s` is the device's clock or, without one, the newest signed time.
struct OpenContext {
  const TrustRoot* root = nullptr;
  std::uint64_t now_s = 0;
};

// Open, verify the payload's structure, and check expiry (an expiry of 0 never ends).
[[nodiscard]] TrustFault open_manifest(ByteView envelope, const OpenContext& context, const wire::Manifest*& manifest, Sha256& digest);
// Also checks that the assignment names `device_id`. Epochs are the caller's to compare.
[[nodiscard]] TrustFault open_assignment(ByteView envelope, const OpenContext& context, std::string_view device_id,
                                         const wire::Assignment*& assignment);
// Also checks that the directive's scope is `scope` ("device/ID", "group/a=v", "fleet").
[[nodiscard]] TrustFault open_directive(ByteView envelope, const OpenContext& context, std::string_view scope,
                                        const wire::Directive*& directive);
[[nodiscard]] TrustFault open_audit_head(ByteView envelope, const OpenContext& context, const wire::AuditHead*& head);

}  // namespace muster::trust
