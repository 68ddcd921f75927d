// What the broker's host keeps beside the engine: audit entries, the audit head, published releases.
#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/releases.h"
#include "schemas/file_name.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(store_records) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto bytes = copy.view().text();
  if (const auto entry = broker::decode_entry(bytes)) {
    FUZZ_REQUIRE(broker::encode_entry(*entry) == bytes, "an audit entry has two encodings");
    broker::AuditTail tail{entry->seq, entry->hash};
    auto next = *entry;
    broker::append_to_chain(tail, next);
    FUZZ_REQUIRE(tail.hash == broker::chain_hash(entry->hash, next) && tail.hash != entry->hash,
                 "the chain stands still");
  }
  if (const auto head = broker::decode_head(bytes)) {
    FUZZ_REQUIRE(broker::encode_head(*head) == bytes, "an audit head has two encodings");
  }
  const auto release = broker::decode_release(bytes);
  if (!release) return;
  const auto envelope = broker::envelope_in(bytes);
  FUZZ_REQUIRE(release->envelope_size == envelope.size(), "the envelope's size is not its size");
  FUZZ_REQUIRE(broker::encode_release(*release, envelope) == bytes, "a release has two encodings");
  for (const auto& file : release->files) FUZZ_REQUIRE(is_file_name(file.name), "a file name that is none");
}
