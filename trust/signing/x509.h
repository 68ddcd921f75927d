// X.509 for the broker's TLS: a private CA, server, device and operator certificates (ECDSA P-256), written as PEM.
// Used by musterctl and by tests; single-threaded.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"

namespace muster::trust {

// Makes a self-signed CA: ca.key (0600) and ca.crt in `directory`. Fails when either exists.
[[nodiscard]] tl::expected<void, Error> make_ca(const std::string& directory, const std::string& common_name, std::uint32_t days);

struct CertificateRequest {
  std::string common_name;               // becomes the MQTT username: device id or operator
  bool server = false;                   // extended key usage: server or client
  std::vector<std::string> alt_names;    // server: DNS names and IP addresses
  std::uint32_t days = 365;
};

// Makes a key and a certificate signed by the CA in `ca_directory`; writes <stem>.key (0600) and <stem>.crt. Fails when either exists.
[[nodiscard]] tl::expected<void, Error> issue_certificate(const std::string& ca_directory, const CertificateRequest& request,
                                                          const std::string& stem);

}  // namespace muster::trust
