#include "operator/audit_chain.h"

#include <algorithm>
#include <charconv>

#include "trust/sha256.h"

namespace muster::ctl {
namespace {

void append_number(Bytes& bytes, std::uint64_t number, int byte_count) {
  for (int shift = (byte_count - 1) * 8; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

void append_text(Bytes& bytes, const std::string& text) {
  append_number(bytes, text.size(), 4);
  bytes.insert(bytes.end(), text.begin(), text.end());
}

}  // namespace

Sha256 audit_hash(const Sha256& previous, const AuditEntry& entry) {
  Bytes bytes(previous.bytes.begin(), previous.bytes.end());
  append_number(bytes, entry.seq, 8);
  append_number(bytes, entry.time_s, 8);
  for (const auto* text : {&entry.who, &entry.what, &entry.subject, &entry.why}) append_text(bytes, *text);
  return trust::sha256(bytes);
}

std::optional<std::string> AuditChain::add(const AuditEntry& entry) {
  const auto expected = seq() + 1;
  if (entry.seq > expected) {
    return (entry.seq == expected + 1
                ? "entry " + std::to_string(expected) + " is missing"
                : "entries " + std::to_string(expected) + " to " + std::to_string(entry.seq - 1) + " are missing");
  }
  if (entry.seq < expected)
    return "entry " + std::to_string(entry.seq) + " stands where entry " + std::to_string(expected) + " should";
  const auto hash = audit_hash(head(), entry);
  if (hash != entry.hash) {
    return "entry " + std::to_string(entry.seq) + " (" + entry.what + " by " + entry.who +
           ") does not have the hash of its contents and of the entry before it: one of the two was changed";
  }
  hashes_.push_back(hash);
  return std::nullopt;
}

std::optional<Sha256> AuditChain::hash_at(std::uint64_t seq) const {
  if (seq == 0 || seq > hashes_.size()) return std::nullopt;
  return hashes_[static_cast<std::size_t>(seq - 1)];
}

bool AuditChain::holds(const Sha256& hash) const {
  return std::find(hashes_.begin(), hashes_.end(), hash) != hashes_.end();
}

std::optional<ExpectedHead> parse_expected_head(const std::string& text) {
  ExpectedHead head;
  auto hash = text;
  if (const auto colon = text.find(':'); colon != std::string::npos) {
    const auto* end = text.data() + colon;
    const auto parsed = std::from_chars(text.data(), end, head.seq);
    if (parsed.ec != std::errc() || parsed.ptr != end || head.seq == 0) return std::nullopt;
    hash = text.substr(colon + 1);
  }
  if (!parse_hex(hash, head.hash)) return std::nullopt;
  return head;
}

std::optional<std::string> check_heads(const AuditChain& chain, std::uint64_t signed_seq, const Sha256& signed_hash,
                                       const std::optional<ExpectedHead>& expected) {
  if (signed_seq > chain.seq()) {
    return "the record was cut: its signed head is entry " + std::to_string(signed_seq) +
           " and the last one there is " + std::to_string(chain.seq());
  }
  if (signed_seq != 0 && chain.hash_at(signed_seq) != signed_hash) {
    return "entry " + std::to_string(signed_seq) +
           " is not the one that the signed head names: the record was written anew from somewhere before it";
  }
  if (!expected) return std::nullopt;
  if (expected->seq == 0 && chain.holds(expected->hash)) return std::nullopt;
  if (expected->seq == 0)
    return "no entry has the expected hash " + to_hex(expected->hash) +
           ": the record was written anew or cut since then";
  const auto found = chain.hash_at(expected->seq);
  if (!found)
    return "the record was cut: it had entry " + std::to_string(expected->seq) + " and now ends at " +
           std::to_string(chain.seq());
  if (*found != expected->hash)
    return "entry " + std::to_string(expected->seq) +
           " is not the one expected: the record was written anew from somewhere before it";
  return std::nullopt;
}

}  // namespace muster::ctl
