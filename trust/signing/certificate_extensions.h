// The X.509 extensions of our certificates, as DER. mbedTLS 2.28 has no helper for two of them and sets others not
// critical, so all are written here. For trust/signing/x509.cpp; any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::trust {

struct Extension {
  std::string_view oid;  // DER content bytes
  bool critical = false;
  Bytes value;
};

[[nodiscard]] Extension ca_constraints();    // a CA that may sign only end certificates
[[nodiscard]] Extension leaf_constraints();  // no CA
[[nodiscard]] Extension ca_key_usage();      // keyCertSign, cRLSign
[[nodiscard]] Extension leaf_key_usage();    // digitalSignature
[[nodiscard]] Extension extended_key_usage(bool server);

// DNS names and IPv4 and IPv6 addresses that a server is reached by; an error names the one that is neither.
[[nodiscard]] tl::expected<Extension, Error> alternative_names(const std::vector<std::string>& names);

}  // namespace muster::trust
