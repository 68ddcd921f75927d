#include "broker-plugin/core/report_translation.h"
#include "rules/engine/facts.h"
#include "schemas/ids.h"
#include "schemas/state_report_generated.h"
#include "schemas/text.h"
#include "tests/fuzz/message_target.h"

// What the engine is given of a report can be packed into its records and comes out as it went in.
FUZZ_TARGET(message_state_report) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* report =
      fuzz::checked_input<wire::StateReport>(copy, wire::StateReportIdentifier(), limits::state_report_len_max);
  if (report == nullptr) return;
  const auto event = broker::translate(*report);
  FUZZ_REQUIRE(is_id(event.device), "a device without a valid id");
  FUZZ_REQUIRE(is_text(event.attempt_detail) && event.attempt_detail.size() <= limits::text_len_max,
               "a detail that cannot be shown");
  rules::ByteWriter packed;
  rules::pack_facts(event.facts, packed);
  FUZZ_REQUIRE(rules::unpack_facts(packed.bytes()) == event.facts, "facts change on their way through a record");
}
