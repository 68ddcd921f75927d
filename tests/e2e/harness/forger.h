// Signs what a test wants signed, with the installation's keys or a stranger's: for tests that play the broker. Tests
// only; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/messages.h"
#include "trust/envelope.h"
#include "trust/signing/signer.h"

namespace muster::e2e {

class Forger {
 public:
  // A key that cannot be loaded is a failed test.
  explicit Forger(const Keys& keys);

  [[nodiscard]] const trust::SigningKey& root() const { return keys_.at(0); }
  [[nodiscard]] const trust::SigningKey& release() const { return keys_.at(1); }
  [[nodiscard]] const trust::SigningKey& control() const { return keys_.at(2); }
  [[nodiscard]] const trust::SigningKey& stranger() const { return keys_.at(3); }  // nobody trusts it

  [[nodiscard]] static Bytes sealed(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key);
  // By the control key, as the broker does.
  [[nodiscard]] Bytes assignment(const AssignmentToSend& given) const;
  [[nodiscard]] Bytes directive(const DirectiveToSend& given) const;

  // An assignment, not expired, that makes a device ask for a blob at once; `marker` is the first byte of both digests.
  [[nodiscard]] static AssignmentToSend wish(const std::string& device, std::uint64_t epoch, std::uint8_t marker);
  // Likewise a directive for this scope: safe mode, or another order.
  [[nodiscard]] static DirectiveToSend order(const std::string& scope, std::uint64_t epoch, std::uint8_t kind = 0);

 private:
  std::vector<trust::SigningKey> keys_;
};

}  // namespace muster::e2e
