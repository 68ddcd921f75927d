// The agent's durable state: nothing, or a state whose encoding is those very bytes; of the format before, one whose
// encoding is the same state.
#include "edge-client/agent/durable_state.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(agent_state) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto state = edge::decode(copy.view());
  if (!state) return;
  const auto bytes = edge::encode(*state);
  if (copy.view().data()[0] == bytes.front()) {
    FUZZ_REQUIRE(ByteView(bytes).text() == copy.view().text(), "two encodings of one state");
  } else {
    const auto again = edge::decode(bytes);
    FUZZ_REQUIRE(again.has_value() && edge::encode(*again) == bytes, "a state that does not come across");
  }
  FUZZ_REQUIRE(state->scopes.size() <= limits::scopes_max, "more scopes than the limit");
  FUZZ_REQUIRE(state->attempt.swap_begun <= state->attempt.changes.size(), "more swaps than changes");
}
