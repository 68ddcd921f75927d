// Audit entries as text. The reason is what people read them for, so it is never cut: on a narrow terminal it goes on
// lines of its own below its entry. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

[[nodiscard]] std::string audit_text(const std::vector<AuditEntry>& entries, std::size_t columns, const Style& style);

}  // namespace muster::ctl
