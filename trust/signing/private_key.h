// A P-256 key pair in memory and in PEM files, for signing and for X.509. For trust/signing/*.cpp only; each object
// belongs to one thread at a time. Linux (allocates).
#pragma once

#include <mbedtls/pk.h>

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "trust/root.h"

namespace muster::trust {

class PrivateKey {
 public:
  // A new key from the system's random device.
  [[nodiscard]] static tl::expected<PrivateKey, Error> generate();
  // Reads PEM (SEC1 or PKCS#8). Refuses a file that group or others may read or write, another curve, a damaged pair.
  [[nodiscard]] static tl::expected<PrivateKey, Error> load(const std::string& path);

  PrivateKey(PrivateKey&& other) noexcept;
  PrivateKey& operator=(PrivateKey&& other) noexcept;
  ~PrivateKey();

  // Writes PEM (SEC1) with mode 0600 into a file that must not exist yet.
  [[nodiscard]] tl::expected<void, Error> save(const std::string& path) const;
  [[nodiscard]] PublicPoint point() const;
  // mbedTLS reads and caches through it, hence not const.
  [[nodiscard]] mbedtls_pk_context* get() const { return &context_; }
  [[nodiscard]] mbedtls_ecp_keypair* pair() const { return mbedtls_pk_ec(context_); }

 private:
  PrivateKey();

  mutable mbedtls_pk_context context_;
};

}  // namespace muster::trust
