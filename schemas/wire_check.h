// What the verifiers of wire_*.cpp share: opening a buffer, and a checker that keeps the first fault. For those files
// only. C++17, no allocation, no exceptions; a Checker lives on one stack.
#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>

#include <flatbuffers/flatbuffers.h>
#include "schemas/common_generated.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "schemas/wire.h"
#include "schemas/wire_text.h"

namespace muster::wire_check {

// No message nests deeper than a list of tables in a table. More tables than the limits allow are let through here, so
// that they are called over_limit and not malformed, but not so many that verifying shared ones takes long.
inline constexpr flatbuffers::uoffset_t depth_max = 4;
inline constexpr flatbuffers::uoffset_t tables_max = 1024;

// The checks that come before any field can be read, in this order: length, alignment, kind, structure.
template <class Message>
[[nodiscard]] WireFault open(ByteView bytes, std::size_t len_max, const char* identifier, const Message*& message) {
  if (bytes.size() > len_max) return WireFault::too_long;
  if (bytes.size() < sizeof(flatbuffers::uoffset_t) + flatbuffers::kFileIdentifierLength) return WireFault::malformed;
  if (!bytes.aligned()) return WireFault::misaligned;
  if (!flatbuffers::BufferHasIdentifier(bytes.data(), identifier)) return WireFault::wrong_kind;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<Message>(nullptr)) return WireFault::malformed;
  message = flatbuffers::GetRoot<Message>(bytes.data());
  return WireFault::none;
}

using wire::view;

[[nodiscard]] bool is_zero(const wire::Digest* digest);  // also when absent

// Collects checks; the first that fails decides. Later checks still run, so a loop that is quadratic asks ok() first.
class Checker {
 public:
  [[nodiscard]] bool ok() const { return fault_ == WireFault::none; }
  [[nodiscard]] WireFault fault() const { return fault_; }

  void require(bool holds, WireFault otherwise) {
    if (!holds && fault_ == WireFault::none) fault_ = otherwise;
  }

  void id(const flatbuffers::String* name);                   // required
  void optional_id(const flatbuffers::String* name);          // absent and empty are fine
  void optional_version(const flatbuffers::String* version);  // likewise
  void ids(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* names, std::size_t count_max);
  void text(const flatbuffers::String* text, std::size_t len_max) {  // absent and empty are fine
    const auto chars = view(text);
    require(chars.size() <= len_max, WireFault::over_limit);
    require(is_text(chars), WireFault::malformed);
  }
  void required_text(const flatbuffers::String* text, std::size_t len_max);
  void finite(double value) { require(std::isfinite(value), WireFault::unknown_value); }

  // The value is one of the enum's. REQUIRES: the enum has no gaps (ErrorCode has: see wire_up.cpp).
  template <class Enum>
  void known(Enum value) {
    const auto raw = static_cast<unsigned>(value);
    require(raw >= static_cast<unsigned>(Enum::MIN) && raw <= static_cast<unsigned>(Enum::MAX),
            WireFault::unknown_value);
  }

  // The list is absent or not longer than `count_max`.
  template <class Vector>
  void count(const Vector* list, std::size_t count_max) {
    require(list == nullptr || list->size() <= count_max, WireFault::over_limit);
  }

  // The bytes are absent or no more than `len_max`, and start on an 8-byte boundary (force_align, unchecked by
  // FlatBuffers, whose builder aligns no empty list).
  void data(const flatbuffers::Vector<std::uint8_t>* bytes, std::size_t len_max) {
    count(bytes, len_max);
    const bool any = bytes != nullptr && bytes->size() != 0;
    require(!any || ByteView(bytes->data(), bytes->size()).aligned(), WireFault::misaligned);
  }

  // A plane that is known and was not given to this function with the same `seen` before.
  void plane_once(wire::Plane plane, unsigned& seen) {
    known(plane);
    if (!ok()) return;
    const unsigned bit = 1u << static_cast<unsigned>(plane);
    require((seen & bit) == 0, WireFault::malformed);
    seen |= bit;
  }

 private:
  WireFault fault_ = WireFault::none;
};

// Gives a message that opened and passed its checks to the caller.
template <class Message>
[[nodiscard]] WireFault accept(const Checker& check, const Message* found, const Message*& message) {
  if (check.ok()) message = found;
  return check.fault();
}

}  // namespace muster::wire_check
