// Reads every byte of a message through its generated accessors, so that a sanitizer sees any read that a verifier
// should have prevented. For tests; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <flatbuffers/flatbuffers.h>
#include "schemas/common_generated.h"

namespace muster::test {

template <class Value>
std::size_t walk(const Value& value);

inline std::size_t walk_one(const flatbuffers::String& text) {
  std::size_t sum = text.size();
  for (const char c : text) sum += static_cast<unsigned char>(c);
  return sum + static_cast<std::size_t>(text.c_str()[text.size()]);
}
inline std::size_t walk_one(const wire::Digest& digest) {
  std::size_t sum = 0;
  for (const auto byte : *digest.bytes()) sum += byte;
  return sum;
}
inline std::size_t walk_one(const wire::KeyId& id) {
  std::size_t sum = 0;
  for (const auto byte : *id.bytes()) sum += byte;
  return sum;
}
template <class Element>
std::size_t walk_one(const flatbuffers::Vector<Element>& list) {
  std::size_t sum = list.size();
  for (flatbuffers::uoffset_t i = 0; i < list.size(); ++i) sum += walk(list.Get(i));
  return sum;
}
template <class Table, std::size_t... index>
std::size_t walk_fields(const Table& table, std::index_sequence<index...>) {
  return (std::size_t{0} + ... + walk(table.template get_field<index>()));
}
template <class Table, std::size_t count = Table::Traits::fields_number>
std::size_t walk_one(const Table& table) {
  return walk_fields(table, std::make_index_sequence<count>());
}

// A number that depends on everything in `value`: a scalar, an enum, or a pointer to anything of a message.
template <class Value>
std::size_t walk(const Value& value) {
  if constexpr (std::is_pointer_v<Value>) {
    return value == nullptr ? 0 : walk_one(*value);
  } else if constexpr (std::is_floating_point_v<Value>) {
    return value > 0 ? 1 : 0;
  } else {
    return static_cast<std::size_t>(value);
  }
}

}  // namespace muster::test
