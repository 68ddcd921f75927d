#include "schemas/envelope_generated.h"
#include "tests/fuzz/message_target.h"
#include "trust/envelope.h"

// Without a root nobody may sign anything, whatever the bytes.
FUZZ_TARGET(message_envelope) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* envelope =
      fuzz::checked_input<wire::Envelope>(copy, wire::EnvelopeIdentifier(), limits::envelope_len_max);
  const trust::TrustRoot nobody;
  ByteView payload;
  for (const auto kind : wire::EnumValuesPayloadKind()) {
    const auto fault = trust::open_envelope(copy.view(), kind, nobody, payload);
    FUZZ_REQUIRE(fault != trust::TrustFault::none && payload.data() == nullptr, "opened with an empty root");
  }
  if (envelope == nullptr) return;
  FUZZ_REQUIRE(ByteView(envelope->payload()->data(), envelope->payload()->size()).aligned(),
               "the payload is misaligned");
}
