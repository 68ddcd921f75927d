// SHA-256 over mbedTLS for what is small: payloads, leaves, names. Bulk files on Linux use host/bulk_digest.h.
// C++17, no allocation; each object belongs to one thread.
#pragma once

#include <cstddef>

#include "schemas/bytes.h"

namespace muster::trust {

[[nodiscard]] Sha256 sha256(ByteView bytes);

// Incremental form. update() any number of times, then finish() once.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void update(ByteView bytes);
  [[nodiscard]] Sha256 finish();

 private:
  alignas(8) unsigned char state_[128];  // mbedtls_sha256_context, checked by static_assert in the source
};

}  // namespace muster::trust
