// The checks of single values that all verifiers share. Each message's own rules are in wire_up.cpp (from devices),
// wire_down.cpp (to devices) and wire_manifest.cpp.
#include "schemas/wire.h"

#include "schemas/ids.h"
#include "schemas/wire_check.h"

namespace muster::wire_check {

bool is_zero(const wire::Digest* digest) {
  if (digest == nullptr) return true;
  for (const auto byte : *digest->bytes()) {
    if (byte != 0) return false;
  }
  return true;
}

void Checker::id(const flatbuffers::String* name) {
  require(is_id(view(name)), WireFault::bad_name);
}

void Checker::optional_id(const flatbuffers::String* name) {
  const auto text = view(name);
  require(text.empty() || is_id(text), WireFault::bad_name);
}

void Checker::optional_version(const flatbuffers::String* version) {
  const auto text = view(version);
  require(text.empty() || is_version(text), WireFault::bad_name);
}

void Checker::ids(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* names, std::size_t count_max) {
  count(names, count_max);
  if (names == nullptr) return;
  for (const auto* name : *names) id(name);
}

void Checker::required_text(const flatbuffers::String* chars, std::size_t len_max) {
  require(!view(chars).empty(), WireFault::bad_name);
  text(chars, len_max);
}

}  // namespace muster::wire_check
