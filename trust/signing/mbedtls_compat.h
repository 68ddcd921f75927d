// The one place that knows where mbedTLS 2.28 and 3.6 differ in what signing uses, and the random source all of it
// draws from. For trust/signing/*.cpp only; Linux.
#pragma once

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <string>

#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member  // 3.x hides struct members behind this name
#endif

namespace muster::trust::compat {

// The kernel's random device, as mbedTLS wants its generators: never seeded, forked or shared wrongly, because it has
// no state.
inline int system_random(void*, unsigned char* out, std::size_t len) {
  while (len > 0) {
    const auto got = ::getrandom(out, len, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return MBEDTLS_ERR_ECP_RANDOM_FAILED;
    out += got;
    len -= static_cast<std::size_t>(got);
  }
  return 0;
}

// What an mbedTLS error code means.
inline std::string reason(int code) {
  char text[160];
  mbedtls_strerror(code, text, sizeof text);
  return text;
}

// `text` is PEM and ends with its NUL, which `size` counts.
inline int parse_private_key(mbedtls_pk_context* key, const unsigned char* text, std::size_t size) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_parse_key(key, text, size, nullptr, 0, system_random, nullptr);
#else
  return mbedtls_pk_parse_key(key, text, size, nullptr, 0);
#endif
}

inline int check_pair(const mbedtls_pk_context* public_key, const mbedtls_pk_context* private_key) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_check_pair(public_key, private_key, system_random, nullptr);
#else
  return mbedtls_pk_check_pair(public_key, private_key);
#endif
}

inline int check_own_pair(const mbedtls_ecp_keypair* key) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_ecp_check_pub_priv(key, key, system_random, nullptr);
#else
  return mbedtls_ecp_check_pub_priv(key, key);
#endif
}

inline int set_serial(mbedtls_x509write_cert* certificate, unsigned char* bytes, std::size_t size) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_x509write_crt_set_serial_raw(certificate, bytes, size);
#else
  mbedtls_mpi serial;
  mbedtls_mpi_init(&serial);
  int code = mbedtls_mpi_read_binary(&serial, bytes, size);
  if (code == 0) code = mbedtls_x509write_crt_set_serial(certificate, &serial);
  mbedtls_mpi_free(&serial);
  return code;
#endif
}

}  // namespace muster::trust::compat
