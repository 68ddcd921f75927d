#include "trust/sha256.h"

#include <cstdlib>
#include <new>

#include "trust/mbedtls_compat.h"

namespace muster::trust {

namespace {

mbedtls_sha256_context* context_in(unsigned char* state) {
  return std::launder(reinterpret_cast<mbedtls_sha256_context*>(state));
}

// The software SHA-256 never fails; a hardware one that does leaves nothing that could be trusted, so there is no going
// on.
void must(int code) {
  if (code != 0) std::abort();
}

}  // namespace

Sha256Stream::Sha256Stream() {
  static_assert(sizeof(mbedtls_sha256_context) <= sizeof(state_) && alignof(mbedtls_sha256_context) <= 8);
  auto* context = ::new (static_cast<void*>(state_)) mbedtls_sha256_context;
  mbedtls_sha256_init(context);
  must(compat::sha256_starts(context));
}

Sha256Stream::~Sha256Stream() {
  mbedtls_sha256_free(context_in(state_));
}

void Sha256Stream::update(ByteView bytes) {
  if (!bytes.empty()) must(compat::sha256_update(context_in(state_), bytes.data(), bytes.size()));
}

Sha256 Sha256Stream::finish() {
  Sha256 digest;
  must(compat::sha256_finish(context_in(state_), digest.bytes.data()));
  return digest;
}

Sha256 sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

}  // namespace muster::trust
