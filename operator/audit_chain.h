// Recomputes the audit record's hash chain (docs/control-api.md, "Audit entry"). Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/views.h"
#include "schemas/bytes.h"

namespace muster::ctl {

// The hash that `entry` must have when it follows one with hash `previous` (zero before the first).
[[nodiscard]] Sha256 audit_hash(const Sha256& previous, const AuditEntry& entry);

class AuditChain {
 public:
  // Takes the next entry. Nothing, or what is wrong with it in a sentence that names it; the chain then stays where it
  // was.
  [[nodiscard]] std::optional<std::string> add(const AuditEntry& entry);

  [[nodiscard]] std::uint64_t seq() const { return hashes_.size(); }  // of the last entry; the first has 1
  [[nodiscard]] Sha256 head() const { return hashes_.empty() ? Sha256{} : hashes_.back(); }
  // The hash of entry `seq`; nothing when the record has none.
  [[nodiscard]] std::optional<Sha256> hash_at(std::uint64_t seq) const;
  // Whether any entry has this hash.
  [[nodiscard]] bool holds(const Sha256& hash) const;

 private:
  std::vector<Sha256> hashes_;
};

// An earlier head that somebody kept: "SEQ:HASH" or "HASH" alone. Nothing when the text is neither.
struct ExpectedHead {
  std::uint64_t seq = 0;  // 0: any entry
  Sha256 hash;
};
[[nodiscard]] std::optional<ExpectedHead> parse_expected_head(const std::string& text);

// Compares the complete chain with the head that the broker signed and with one kept from earlier; what is wrong, in a
// sentence.
[[nodiscard]] std::optional<std::string> check_heads(const AuditChain& chain, std::uint64_t signed_seq,
                                                     const Sha256& signed_hash,
                                                     const std::optional<ExpectedHead>& expected);

}  // namespace muster::ctl
