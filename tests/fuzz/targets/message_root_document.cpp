#include "schemas/root_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_root_document) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::RootDocument>(copy, wire::RootDocumentIdentifier(), limits::root_document_len_max);
}
