#include "schemas/chunk_get_generated.h"
#include "tests/fuzz/message_target.h"

// A request that passed can be answered without looking at its numbers again.
FUZZ_TARGET(message_chunk_get) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* get = fuzz::checked_input<wire::ChunkGet>(copy, wire::ChunkGetIdentifier(), limits::chunk_get_len_max);
  if (get == nullptr) return;
  FUZZ_REQUIRE(get->length() >= 1 && get->length() <= limits::chunk_data_len_max, "a length beyond the limit");
  FUZZ_REQUIRE(get->offset() + get->length() > get->offset(), "offset and length overflow");
}
