#include "schemas/chunk_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_chunk) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::Chunk>(copy, wire::ChunkIdentifier(), limits::chunk_len_max);
}
