// What libFuzzer calls: the one target that this program has.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  muster::fuzz::targets().front().run(muster::ByteView(data, size));
  return 0;
}
