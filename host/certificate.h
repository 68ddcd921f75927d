// What is wrong with a certificate and its key, in one sentence for people: TLS libraries and peers only say that a
// handshake failed, and the peer that refuses says it on its own machine. Looks at files; Linux; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace muster::host {

struct CertificateFiles {
  std::string cert;  // PEM, those between it and the CA after it
  std::string key;   // PEM; empty: not looked at
  std::string ca;    // PEM, one certificate or more; empty: not looked at
};

// Empty when the certificate is valid at `now_s`, was signed by the CA, and the key is its own and private. The first
// of these that is not so, else, and what to do.
[[nodiscard]] std::string certificate_trouble(const CertificateFiles& files, std::uint64_t now_s);

// Empty when nobody but the owner and the group can read or write the private key in `path`, or when there is no such
// file: whoever reads it says that.
[[nodiscard]] std::string private_key_trouble(const std::string& path);

}  // namespace muster::host
