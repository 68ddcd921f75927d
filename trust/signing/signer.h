// Signing: keys in memory, and batches of payloads under one ECDSA P-256 signature. Linux only (allocates).
// A SigningKey belongs to one thread at a time: the broker's writer thread, or musterctl's only one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "schemas/bytes.h"
#include "schemas/envelope_generated.h"
#include "host/error.h"
#include "trust/root.h"

namespace muster::trust {

class SigningKey {
 public:
  // A new P-256 key from the system's random device.
  [[nodiscard]] static tl::expected<SigningKey, Error> generate();
  // Reads a PEM private key file (SEC1 or PKCS#8, P-256). Refuses one that group or others can read: the error says which
  // chmod mends it.
  [[nodiscard]] static tl::expected<SigningKey, Error> load(const std::string& path);

  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  // Writes PEM with mode 0600; fails when the file exists.
  [[nodiscard]] tl::expected<void, Error> save(const std::string& path) const;
  [[nodiscard]] const PublicPoint& point() const;
  [[nodiscard]] KeyIdBytes id() const { return key_id_of(point()); }
  // 64 bytes r || s over a SHA-256.
  [[nodiscard]] tl::expected<std::array<std::uint8_t, 64>, Error> sign(const Sha256& digest) const;

 private:
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One payload of a batch.
struct ToSign {
  wire::PayloadKind kind;
  ByteView payload;
};

// Signs all of `batch` at once with every key in `signers` and gives one envelope for each, in order.
// REQUIRES: 1 ≤ batch.size() ≤ 2^24, signers not empty. Cost: one signature a signer, 2 n hashes.
[[nodiscard]] tl::expected<std::vector<Bytes>, Error> seal(const std::vector<ToSign>& batch,
                                                           const std::vector<const SigningKey*>& signers);

// A root document from public keys, sealed by `signers` (the root keys' holders).
struct RoleSpec {
  wire::Role role;
  std::uint8_t threshold = 1;
  std::vector<PublicPoint> keys;
};
[[nodiscard]] tl::expected<Bytes, Error> seal_root(std::uint32_t version, std::uint64_t created_s, std::uint64_t expires_s,
                                                   const std::vector<RoleSpec>& roles,
                                                   const std::vector<const SigningKey*>& signers);

// What `trust/root` retains: the documents' envelopes, oldest first.
[[nodiscard]] Bytes make_root_chain(const std::vector<Bytes>& envelopes);

}  // namespace muster::trust
