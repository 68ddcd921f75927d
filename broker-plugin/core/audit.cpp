#include "broker-plugin/core/audit.h"

#include <algorithm>

#include "broker-plugin/core/big_endian.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

bool take_digest(std::string_view& rest, Sha256& digest) {
  std::string_view bytes;
  if (!take_text(rest, digest.bytes.size(), bytes)) return false;
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return true;
}

void put_digest(std::string& buffer, const Sha256& digest) {
  buffer.append(ByteView(digest.bytes.data(), digest.bytes.size()).text());
}

}  // namespace

Bytes canonical_bytes(const AuditEntry& entry) {
  Bytes bytes;
  bytes.reserve(32 + entry.who.size() + entry.what.size() + entry.subject.size() + entry.why.size());
  put_u64(bytes, entry.seq);
  put_u64(bytes, entry.time_s);
  for (const auto* text : {&entry.who, &entry.what, &entry.subject, &entry.why}) {
    put_u32(bytes, static_cast<std::uint32_t>(text->size()));
    bytes.insert(bytes.end(), text->begin(), text->end());
  }
  return bytes;
}

Sha256 chain_hash(const Sha256& previous, const AuditEntry& entry) {
  trust::Sha256Stream stream;
  stream.update(ByteView(previous.bytes.data(), previous.bytes.size()));
  stream.update(ByteView(canonical_bytes(entry)));
  return stream.finish();
}

void append_to_chain(AuditTail& tail, AuditEntry& entry) {
  entry.seq = tail.seq + 1;
  entry.hash = chain_hash(tail.hash, entry);
  tail = {entry.seq, entry.hash};
}

std::string encode_entry(const AuditEntry& entry) {
  const auto canonical = canonical_bytes(entry);
  std::string bytes(canonical.begin(), canonical.end());
  put_digest(bytes, entry.hash);
  return bytes;
}

std::optional<AuditEntry> decode_entry(std::string_view bytes) {
  AuditEntry entry;
  if (!take_u64(bytes, entry.seq) || !take_u64(bytes, entry.time_s)) return std::nullopt;
  for (auto* text : {&entry.who, &entry.what, &entry.subject, &entry.why}) {
    std::uint32_t size = 0;
    std::string_view found;
    if (!take_u32(bytes, size) || !take_text(bytes, size, found)) return std::nullopt;
    text->assign(found);
  }
  if (!take_digest(bytes, entry.hash) || !bytes.empty()) return std::nullopt;
  return entry;
}

std::string encode_head(const AuditHeadRecord& head) {
  std::string bytes;
  put_u64(bytes, head.tail.seq);
  put_digest(bytes, head.tail.hash);
  bytes.append(ByteView(head.envelope).text());
  return bytes;
}

std::optional<AuditHeadRecord> decode_head(std::string_view bytes) {
  AuditHeadRecord head;
  if (!take_u64(bytes, head.tail.seq) || !take_digest(bytes, head.tail.hash)) return std::nullopt;
  head.envelope.assign(bytes.begin(), bytes.end());
  return head;
}

}  // namespace muster::broker
