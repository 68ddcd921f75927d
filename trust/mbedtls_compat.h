// The one place that knows where mbedTLS 2.28 and 3.6 differ in what the trust core uses. For trust/*.cpp only; what
// signing uses beside it is in trust/signing/mbedtls_compat.h.
#pragma once

#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include <cstddef>

namespace muster::trust::compat {

#if MBEDTLS_VERSION_MAJOR >= 3
inline int sha256_starts(mbedtls_sha256_context* context) {
  return mbedtls_sha256_starts(context, 0);
}
inline int sha256_update(mbedtls_sha256_context* context, const unsigned char* data, std::size_t size) {
  return mbedtls_sha256_update(context, data, size);
}
inline int sha256_finish(mbedtls_sha256_context* context, unsigned char* digest) {
  return mbedtls_sha256_finish(context, digest);
}
#else
inline int sha256_starts(mbedtls_sha256_context* context) {
  return mbedtls_sha256_starts_ret(context, 0);
}
inline int sha256_update(mbedtls_sha256_context* context, const unsigned char* data, std::size_t size) {
  return mbedtls_sha256_update_ret(context, data, size);
}
inline int sha256_finish(mbedtls_sha256_context* context, unsigned char* digest) {
  return mbedtls_sha256_finish_ret(context, digest);
}
#endif

}  // namespace muster::trust::compat
