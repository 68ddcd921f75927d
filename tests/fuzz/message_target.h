// What holds for every message type: whatever passed the verifier can be read to its last byte, built again and read
// again, says the same then, and lies within its limit; whatever did not has a reason. Tests only; any thread.
#pragma once

#include <cstring>
#include <string>

#include "schemas/limits.h"
#include "schemas/wire.h"
#include "tests/fuzz/re_encode.h"
#include "tests/fuzz/target.h"
#include "tests/unit/schemas/walk.h"

namespace muster::fuzz {

// The message when `bytes` are one, else null. `bytes` must outlive it.
template <class Message>
const Message* checked_message(ByteView bytes, const char* identifier, std::size_t len_max) {
  const Message* message = nullptr;
  const auto fault = verify(bytes, message);
  if (fault != WireFault::none) {
    FUZZ_REQUIRE(message == nullptr, "a refused message was given out");
    FUZZ_REQUIRE(!name_of(fault).empty() && name_of(fault) != "none", "a refusal without a reason");
    FUZZ_REQUIRE((bytes.size() > len_max) == (fault == WireFault::too_long), "the limit does not decide about length");
    return nullptr;
  }
  FUZZ_REQUIRE(bytes.size() <= len_max, "accepted beyond the limit");
  const auto sum = test::walk(message);

  const Bytes built = re_encode(*message, identifier);
  const ExactCopy copy(built);
  const Message* again = nullptr;
  const auto second = verify(copy.view(), again);
  // Parts that the original shared are there twice in the copy.
  if (second == WireFault::too_long && built.size() > len_max) return message;
  FUZZ_REQUIRE(second == WireFault::none, "built again it is refused: " + std::string(name_of(second)));
  FUZZ_REQUIRE(test::walk(again) == sum, "built again it says something else");
  FUZZ_REQUIRE(re_encode(*again, identifier) == built, "building it is no fixed point");
  return message;
}

// The whole input is one message, also at an address that is not aligned, where it must be refused.
template <class Message>
const Message* checked_input(const ExactCopy& copy, const char* identifier, std::size_t len_max) {
  const auto* message = checked_message<Message>(copy.view(), identifier, len_max);
  const auto size = copy.view().size();
  const std::unique_ptr<std::uint8_t[]> shifted(new std::uint8_t[size + 1]);
  if (size != 0) std::memcpy(shifted.get() + 1, copy.view().data(), size);
  const Message* unaligned = nullptr;
  FUZZ_REQUIRE(verify(ByteView(shifted.get() + 1, size), unaligned) != WireFault::none, "accepted at an odd address");
  return message;
}

}  // namespace muster::fuzz
