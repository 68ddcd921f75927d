// Base64 of the control API: exactly what to_base64 gives is taken back.
#include "host/base64.h"

#include "tests/fuzz/target.h"

FUZZ_TARGET(base64) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto bytes = host::from_base64(copy.view().text());
  if (bytes) FUZZ_REQUIRE(host::to_base64(*bytes) == copy.view().text(), "two texts for the same bytes");
  const auto round = host::from_base64(host::to_base64(copy.view()));
  FUZZ_REQUIRE(round && ByteView(*round).text() == copy.view().text(), "the bytes come back changed");
}
