// The agent's durable state: nothing, or a state whose encoding is those very bytes.
#include "edge-client/agent/durable_state.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(agent_state) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto state = edge::decode(copy.view());
  if (!state) return;
  const auto bytes = edge::encode(*state);
  FUZZ_REQUIRE(ByteView(bytes).text() == copy.view().text(), "two encodings of one state");
  FUZZ_REQUIRE(state->scopes.size() <= limits::scopes_max, "more scopes than the limit");
  FUZZ_REQUIRE(state->attempt.swap_begun <= state->attempt.changes.size(), "more swaps than changes");
}
