// `musterctl evidence …`: what devices keep of their last events, asked for, listed, fetched and read. One thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

[[nodiscard]] Outcome evidence_request(const Connection& connection, const std::string& device,
                                       const std::string& reason, const Terminal& terminal);

// Of one device, or with an empty name of all.
[[nodiscard]] Outcome evidence_list(const Connection& connection, const std::string& device, const Terminal& terminal);

struct EvidenceGetOptions {
  std::string device, bundle;  // the bundle's digest or the first digits of it
  std::string out;             // a file that must not exist yet
};
[[nodiscard]] Outcome evidence_get(const Connection& connection, const EvidenceGetOptions& options,
                                   const Terminal& terminal);

struct EvidenceShowOptions {
  std::string what;    // a file, or a device
  std::string bundle;  // of the device, as above; empty: its newest
};
[[nodiscard]] Outcome evidence_show(const Connection& connection, const EvidenceShowOptions& options,
                                    const Terminal& terminal);

}  // namespace muster::ctl
