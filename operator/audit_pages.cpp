#include "operator/audit_pages.h"

#include "operator/decode.h"

namespace muster::ctl {

tl::expected<AuditPage, Error> fetch_audit_page(ControlClient& client, std::uint64_t after, std::uint64_t limit) {
  auto answer = client.call({"listAudit", {{"after", after}, {"limit", limit}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  return decode_audit(*answer);
}

}  // namespace muster::ctl
