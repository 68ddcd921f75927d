// Builds a message again from what its accessors say, field by field, for any table of the wire contract: by
// FlatBuffers' static reflection, so that a new field is covered without a word here. Tests only; any thread.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "schemas/bytes.h"
#include "schemas/common_generated.h"

namespace muster::fuzz {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

template <class Table>
Offset<Table> copy_table(FlatBufferBuilder& builder, const Table& table);

inline Offset<flatbuffers::String> copy_one(FlatBufferBuilder& builder, const flatbuffers::String& text) {
  return builder.CreateString(text.c_str(), text.size());
}
template <class Table, class = typename Table::Traits>
Offset<Table> copy_one(FlatBufferBuilder& builder, const Table& table) {
  return copy_table(builder, table);
}
template <class Number>
std::enable_if_t<std::is_arithmetic_v<Number>, Offset<flatbuffers::Vector<Number>>> copy_one(
    FlatBufferBuilder& builder, const flatbuffers::Vector<Number>& numbers) {
  // What is aligned to 8 in some message may be so in all of them.
  builder.ForceVectorAlignment(numbers.size(), sizeof(Number), 8);
  return builder.CreateVector(numbers.data(), numbers.size());
}
template <class Struct>
Offset<flatbuffers::Vector<const Struct*>> copy_one(FlatBufferBuilder& builder,
                                                    const flatbuffers::Vector<const Struct*>& structs) {
  std::vector<Struct> copies;
  for (const auto* each : structs) copies.push_back(*each);
  return builder.CreateVectorOfStructs(copies);
}
template <class Element>
Offset<flatbuffers::Vector<Offset<Element>>> copy_one(FlatBufferBuilder& builder,
                                                      const flatbuffers::Vector<Offset<Element>>& elements) {
  std::vector<Offset<Element>> copies;
  for (flatbuffers::uoffset_t i = 0; i < elements.size(); ++i) copies.push_back(copy_one(builder, *elements.Get(i)));
  return builder.CreateVector(copies);
}

// A field as the generated Create function takes it.
template <class Field>
auto copy_field(FlatBufferBuilder& builder, Field field) {
  using Pointee = std::remove_const_t<std::remove_pointer_t<Field>>;
  if constexpr (!std::is_pointer_v<Field> || std::is_same_v<Pointee, wire::Digest> ||
                std::is_same_v<Pointee, wire::KeyId>) {
    return field;
  } else {
    return field == nullptr ? decltype(copy_one(builder, *field))(0) : copy_one(builder, *field);
  }
}

template <class Table, std::size_t... index>
Offset<Table> copy_fields(FlatBufferBuilder& builder, const Table& table, std::index_sequence<index...>) {
  // Braces fix the order in which the parts are built.
  const std::tuple fields{copy_field(builder, table.template get_field<index>())...};
  return std::apply([&](const auto&... field) { return Table::Traits::Create(builder, field...); }, fields);
}

template <class Table>
Offset<Table> copy_table(FlatBufferBuilder& builder, const Table& table) {
  return copy_fields(builder, table, std::make_index_sequence<Table::Traits::fields_number>());
}

template <class Message>
[[nodiscard]] Bytes re_encode(const Message& message, const char* identifier) {
  FlatBufferBuilder builder(1024);
  builder.Finish(copy_table(builder, message), identifier);
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace muster::fuzz
