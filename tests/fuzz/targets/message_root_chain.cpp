#include "schemas/root_chain_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_root_chain) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::RootChain>(copy, wire::RootChainIdentifier(), limits::root_chain_len_max);
}
