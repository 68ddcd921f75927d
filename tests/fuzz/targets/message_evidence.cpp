#include "schemas/evidence_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_evidence) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::EvidenceChunk>(copy, wire::EvidenceChunkIdentifier(), limits::evidence_chunk_len_max);
}
