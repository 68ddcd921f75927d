#include "tests/fuzz/target.h"
#include "tests/unit/mcu/wire/twin.h"

// Both verifiers of what a device receives name the same fault. The first byte chooses the message's kind.
FUZZ_TARGET(compact_verify) {
  using namespace muster;
  fuzz::Choices choices(input);
  const auto kind = static_cast<compact::MessageKind>(choices.byte() % compact::message_kinds);
  const fuzz::ExactCopy copy(ByteView(choices.rest()));
  const auto expected = test::reference_verify(kind, copy.view());
  const auto found = compact::verify(kind, copy.view());
  FUZZ_REQUIRE(found == expected, std::string(name_of(found)) + " instead of " + std::string(name_of(expected)));
}
