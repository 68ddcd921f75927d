// The audit record: an append-only list of who did what to what, when and why, each entry chained to the one before by
// SHA-256. docs/control-api.md gives the bytes that are hashed. The chain's end belongs to the writer thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::broker {

struct AuditEntry {
  std::uint64_t seq = 0;  // from 1, without gaps
  std::uint64_t time_s = 0;
  std::string who, what, subject, why;
  Sha256 hash;
};

// Where the chain ends: the last entry's number and hash; all zero before the first.
struct AuditTail {
  std::uint64_t seq = 0;
  Sha256 hash;
};

// The bytes of an entry that go into its hash (everything but the hash itself).
[[nodiscard]] Bytes canonical_bytes(const AuditEntry& entry);

// SHA-256(previous || canonical bytes).
[[nodiscard]] Sha256 chain_hash(const Sha256& previous, const AuditEntry& entry);

// Gives `entry` its number and hash and moves the tail to it.
void append_to_chain(AuditTail& tail, AuditEntry& entry);

// As stored: canonical bytes, then the hash.
[[nodiscard]] std::string encode_entry(const AuditEntry& entry);
[[nodiscard]] std::optional<AuditEntry> decode_entry(std::string_view bytes);

// The chain's signed end, as stored: number, hash, envelope of the AuditHead.
struct AuditHeadRecord {
  AuditTail tail;
  Bytes envelope;
};
[[nodiscard]] std::string encode_head(const AuditHeadRecord& head);
[[nodiscard]] std::optional<AuditHeadRecord> decode_head(std::string_view bytes);

}  // namespace muster::broker
