// The audit record as the control API gives it: in pages. One thread: that of the client.
#pragma once

#include <cstdint>

#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "operator/views.h"

namespace muster::ctl {

inline constexpr std::uint64_t audit_page_max = 500;

// The entries behind number `after`, at most `limit` (1–audit_page_max) of them.
[[nodiscard]] tl::expected<AuditPage, Error> fetch_audit_page(ControlClient& client, std::uint64_t after,
                                                              std::uint64_t limit);

}  // namespace muster::ctl
