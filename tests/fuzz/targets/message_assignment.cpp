#include "schemas/assignment_generated.h"
#include "tests/fuzz/message_target.h"

// At most one release a plane, so that the order of activation is all there is to decide.
FUZZ_TARGET(message_assignment) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* assignment =
      fuzz::checked_input<wire::Assignment>(copy, wire::AssignmentIdentifier(), limits::assignment_len_max);
  if (assignment == nullptr) return;
  FUZZ_REQUIRE(assignment->releases()->size() <= limits::planes_max, "more releases than planes");
  unsigned seen = 0;
  for (const auto* release : *assignment->releases()) {
    const unsigned bit = 1u << static_cast<unsigned>(release->plane());
    FUZZ_REQUIRE((seen & bit) == 0, "two releases on one plane");
    seen |= bit;
  }
}
