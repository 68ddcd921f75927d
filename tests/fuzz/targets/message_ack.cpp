#include "schemas/ack_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_ack) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::Ack>(copy, wire::AckIdentifier(), limits::ack_len_max);
}
