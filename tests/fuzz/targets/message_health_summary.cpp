#include "schemas/health_summary_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_health_summary) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::HealthSummary>(copy, wire::HealthSummaryIdentifier(), limits::health_summary_len_max);
}
