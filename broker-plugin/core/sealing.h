// Turns assignments, directives and the audit record's end into signed envelopes, a whole batch under one signature.
// A Sealer belongs to the writer thread; the builders are pure.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/work.h"
#include "host/error.h"
#include "schemas/bytes.h"
#include "trust/signing/signer.h"

namespace muster::broker {

// The time an envelope was made and how long it is valid; 0: for ever.
struct Validity {
  std::uint64_t issued_s = 0;
  std::uint64_t valid_for_s = 0;
  [[nodiscard]] std::uint64_t expires_s() const { return valid_for_s == 0 ? 0 : issued_s + valid_for_s; }
};

// FlatBuffers of Assignment, Directive and AuditHead. A release this broker does not know is named by its digest alone:
// a device that still has it can go back to it, nobody can fetch it.
[[nodiscard]] Bytes build_assignment(const AssignWork& work, const Validity& validity);
// A directive of over limits::directive_len_texts bytes is made again without reason and name of its oldest orders, of
// as many as it takes: a microcontroller has little room, and obeys without them.
[[nodiscard]] Bytes build_directive(const rules::Direct& direct, const Validity& validity);
[[nodiscard]] Bytes build_audit_head(const AuditTail& tail, std::uint64_t time_s);

class Sealer {
 public:
  Sealer(trust::SigningKey key, std::uint64_t valid_for_s);

  struct Sealed {
    std::vector<Bytes> assignments;  // one for each given, in order
    std::vector<Bytes> directives;
    Bytes audit_head;  // empty when none was asked for
  };
  // Signs everything as one batch. `head` may be null.
  [[nodiscard]] tl::expected<Sealed, Error> seal(const std::vector<const AssignWork*>& assigns,
                                                 const std::vector<const rules::Direct*>& directs,
                                                 const AuditTail* head, std::uint64_t now_s) const;

 private:
  trust::SigningKey key_;
  std::uint64_t valid_for_s_;
};

}  // namespace muster::broker
