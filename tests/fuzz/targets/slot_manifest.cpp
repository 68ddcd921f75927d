// A signed manifest as it lies in a slot or came in chunks: the agent's two ways to read it.
#include "edge-client/shell/manifest_reader.h"
#include "schemas/envelope_generated.h"
#include "schemas/file_name.h"
#include "schemas/wire.h"
#include "tests/fuzz/fixed_trust.h"
#include "tests/fuzz/target.h"
#include "trust/sha256.h"

FUZZ_TARGET(slot_manifest) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  Sha256 identity = trust::sha256(copy.view());
  const wire::Envelope* envelope = nullptr;
  if (verify(copy.view(), envelope) == WireFault::none) {
    identity = trust::sha256(ByteView(envelope->payload()->data(), envelope->payload()->size()));
  }
  const auto kept = edge::read_slot_manifest(copy.view(), identity);
  const auto fetched = edge::open_release(copy.view(), identity, fuzz::fixed_root(), 1790000000);
  if (!kept) {
    FUZZ_REQUIRE(!fetched, "fetched and signed, but the slot cannot be read");
    FUZZ_REQUIRE(!kept.error().detail.empty() && !fetched.error().detail.empty(), "a refusal without words");
    return;
  }
  FUZZ_REQUIRE(kept->info.manifest == identity, "another release than was asked for");
  std::uint64_t total = 0;
  for (const auto& file : kept->files) {
    FUZZ_REQUIRE(is_file_name(file.name), "a file name that is none: " + file.name);
    total += file.size;
  }
  FUZZ_REQUIRE(total == kept->info.bytes_total, "the sizes do not add up");
  Sha256 other = identity;
  other.bytes[0] ^= 1;
  FUZZ_REQUIRE(!edge::read_slot_manifest(copy.view(), other), "it passes for another release");
}
