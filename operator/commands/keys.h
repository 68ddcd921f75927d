// `musterctl keys …` and `musterctl cert …`: files only, no broker. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/commands/terminal.h"

namespace muster::ctl {

struct KeysInitOptions {
  std::string folder;
  std::uint32_t days = 3650;
  std::string ca_name = "Muster private CA";
};
[[nodiscard]] Outcome keys_init(const KeysInitOptions& options, const Terminal& terminal);

struct CertCaOptions {
  std::string folder;
  std::uint32_t days = 3650;
  std::string ca_name = "Muster private CA";
};
[[nodiscard]] Outcome cert_ca(const CertCaOptions& options, const Terminal& terminal);

struct CertOptions {
  enum class Holder : unsigned char { server, device, operator_ };
  Holder holder = Holder::device;
  std::string name;  // a host name for a server, an id for the others
  std::string ca_folder, stem;
  std::vector<std::string> alt_names;  // servers only; the name itself is always one
  std::uint32_t days = 365;
};
[[nodiscard]] Outcome cert_issue(const CertOptions& options, const Terminal& terminal);

// Says whether a certificate would be taken: valid now, signed by the CA, its key its own and private.
struct CertCheckOptions {
  std::string cert, ca, key;  // no key: not looked at
};
[[nodiscard]] Outcome cert_check(const CertCheckOptions& options, const Terminal& terminal);

}  // namespace muster::ctl
