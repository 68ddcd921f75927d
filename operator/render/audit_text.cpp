#include "operator/render/audit_text.h"

#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "operator/render/text_width.h"

namespace muster::ctl {

std::string audit_text(const std::vector<AuditEntry>& entries, std::size_t columns, const Style& style) {
  if (entries.empty()) return "no entries\n";
  Table table({{"seq", Align::right, 4},
               {"time", Align::left, 19},
               {"who", Align::left, 6},
               {"what", Align::left, 16},
               {"subject", Align::left, 8},
               {"why", Align::left, 12}});
  for (const auto& entry : entries) {
    table.add_row({std::to_string(entry.seq), moment_text(entry.time_s), harmless(entry.who), harmless(entry.what),
                   harmless(entry.subject), harmless(entry.why)});
  }
  return table.text_with_sentences(columns, style);
}

}  // namespace muster::ctl
