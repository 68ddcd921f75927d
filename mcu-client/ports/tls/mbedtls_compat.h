// The one place that knows where mbedTLS 2.28 and 3.6 differ in what the ports' TLS uses. For ports/tls/*.cpp only; the
// trust core has its own, trust/mbedtls_compat.h.
#pragma once

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "schemas/bytes.h"

namespace muster::mcu::compat {

inline int parse_key(mbedtls_pk_context& key, ByteView der, mbedtls_ctr_drbg_context& random) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_parse_key(&key, der.data(), der.size(), nullptr, 0, mbedtls_ctr_drbg_random, &random);
#else
  (void)random;
  return mbedtls_pk_parse_key(&key, der.data(), der.size(), nullptr, 0);
#endif
}

inline bool handshake_over(mbedtls_ssl_context& ssl) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_ssl_is_handshake_over(&ssl) != 0;
#else
  return ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER;
#endif
}

inline void only_tls_1_2(mbedtls_ssl_config& config) {
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
  mbedtls_ssl_conf_min_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
  mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

}  // namespace muster::mcu::compat
