#include "schemas/release_move_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_release_move) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::ReleaseMove>(copy, wire::ReleaseMoveIdentifier(), limits::release_move_len_max);
}
