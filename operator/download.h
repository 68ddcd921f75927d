// Fetches a blob that operators may read over the control API, piece by piece (docs/control-api.md: getEvidence,
// getReleaseEvidence). One thread.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "schemas/bytes.h"

namespace muster::ctl {

// All bytes of the blob that `request` names (offset and length are added), of at most `len_max`, checked against its
// digest.
[[nodiscard]] tl::expected<Bytes, Error> download(ControlClient& client, const Request& request, const Sha256& digest,
                                                  std::uint64_t len_max);

}  // namespace muster::ctl
