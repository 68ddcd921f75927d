#include "mcu-client/src/wire/table_writer.h"

#include <cassert>
#include <cstring>

#include "mcu-client/include/error.h"
#include "mcu-client/include/layout.h"
#include "schemas/bytes.h"
#include "schemas/compact/text.h"
#include "schemas/limits.h"

namespace muster::mcu {

namespace {

// By Default, as the bits that lie in a struct. The third and the fourth are −1.0 and −1000.0.
constexpr std::uint64_t defaults[] = {0, ~std::uint64_t{0}, 0xBFF0000000000000u, 0xC08F400000000000u,
                                      limits::utc_offset_unsaid};

constexpr std::uint32_t exponent_mask = 0x7FF00000u;  // in a double's high word; all ones: infinite, or no number

template <class Value>
Value load(const char* from) {
  Value value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Value>
void store(std::uint8_t* to, Value value) {
  std::memcpy(to, &value, sizeof value);
}

void refer(std::uint8_t* slot, const std::uint8_t* target) {
  store(slot, static_cast<std::uint32_t>(target - slot));
}

// The length of what a field refers to: characters, elements or bytes. A table is never empty, what is not used always.
std::size_t count_of(const FieldLayout& field, const TableLayout* layouts, const char* value) {
  switch (field.kind) {
    case FieldKind::name:
    case FieldKind::text:
      return reinterpret_cast<const std::string_view*>(value)->size();
    case FieldKind::unused:
      return 0;
    case FieldKind::table:
      return 1;
    case FieldKind::array:
      return load<std::size_t>(value + plane_count * layouts[field.arg].struct_size);
    default:
      return load<std::size_t>(value + sizeof(void*));
  }
}

// A number of `len` bytes that a reader would not take for granted anyway.
bool is_news(const FieldLayout& field, const char* value, std::size_t len) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, value, len);
  if (field.kind == FieldKind::real && (~static_cast<std::uint32_t>(bits >> 32) & exponent_mask) == 0) return false;
  return bits != defaults[field.arg];
}

}  // namespace

int TableWriter::write(const char* identifier, const TableLayout& layout, const void* fields) {
  assert(ByteView(to_, capacity_).aligned());
  const Place head = take(8, 8);
  if (head == nullptr) return err_too_long;
  std::memcpy(head + 4, identifier, 4);
  const Place root = write_table(layout, static_cast<const char*>(fields));
  if (root == nullptr) return err_too_long;
  refer(head, root);
  return static_cast<int>(used_);
}

TableWriter::Place TableWriter::take(std::size_t len, std::size_t align) {
  const std::size_t padding = -used_ & (align - 1);
  const std::size_t left = capacity_ - used_;
  if (padding > left || len > left - padding) return nullptr;
  const Place from = to_ + used_;
  std::memset(from, 0, padding + len);
  used_ += padding + len;
  return from + padding;
}

TableWriter::Place TableWriter::write_table(const TableLayout& layout, const char* fields) {
  const std::size_t layout_len = 4 + std::size_t{2} * layout.field_count;
  const Place slots = take(layout_len, 2);
  const Place table = take(4, 8);
  if (slots == nullptr || table == nullptr) return nullptr;
  store(table, static_cast<std::int32_t>(table - slots));
  store(slots, static_cast<std::uint16_t>(layout_len));

  const FieldLayout* const end = layout.fields + layout.field_count;
  Place slot = slots + 4;
  for (const FieldLayout* field = layout.fields; field != end; ++field, slot += 2) {
    const char* value = fields + field->offset;
    std::size_t len = 4, align = 4;
    bool present = true;
    if (field->kind <= FieldKind::real) {
      len = align = field->kind >= FieldKind::u64 ? 8 : std::size_t{1} << static_cast<unsigned>(field->kind);
      present = is_news(*field, value, len);
    } else if (field->kind == FieldKind::digest) {
      value = load<const char*>(value);
      present = value != nullptr;
      len = sizeof(Sha256);
      align = 1;
    } else {
      present = field->required != 0 || count_of(*field, layouts_, value) != 0;
    }
    if (!present) continue;
    const Place place = take(len, align);
    if (place == nullptr) return nullptr;
    // A reference is filled in below.
    if (field->kind <= FieldKind::digest) std::memcpy(place, value, len);
    store(slot, static_cast<std::uint16_t>(place - table));
  }
  store(slots + 2, static_cast<std::uint16_t>(to_ + used_ - table));

  slot = slots + 4;
  for (const FieldLayout* field = layout.fields; field != end; ++field, slot += 2) {
    const auto offset = load<std::uint16_t>(reinterpret_cast<const char*>(slot));
    if (offset == 0 || field->kind <= FieldKind::digest) continue;
    const Place value = write_value(*field, fields + field->offset);
    if (value == nullptr) return nullptr;
    refer(table + offset, value);
  }
  return table;
}

TableWriter::Place TableWriter::write_value(const FieldLayout& field, const char* value) {
  if (field.kind == FieldKind::table) return write_table(layouts_[field.arg], value);
  if (field.kind <= FieldKind::text) {
    return write_text(*reinterpret_cast<const std::string_view*>(value), field.arg + 1u, field.kind == FieldKind::text);
  }
  const std::size_t count = count_of(field, layouts_, value);
  const char* items = field.kind == FieldKind::array ? value : load<const char*>(value);
  if (field.kind != FieldKind::numbers && field.kind != FieldKind::blob) return write_tables(field, items, count);

  std::size_t len = count;
  if (field.kind == FieldKind::numbers)
    len *= 4;
  else if (take(4, 8) == nullptr)
    return nullptr;  // then the bytes behind their length begin on an 8-byte boundary
  const Place list = take(4, 4);
  const Place bytes = take(len, 1);
  if (list == nullptr || bytes == nullptr) return nullptr;
  store(list, static_cast<std::uint32_t>(count));
  if (len != 0) std::memcpy(bytes, items, len);
  return list;
}

// A list of tables or names.
TableWriter::Place TableWriter::write_tables(const FieldLayout& field, const char* items, std::size_t count) {
  const Place list = take(4 + 4 * count, 4);
  if (list == nullptr) return nullptr;
  store(list, static_cast<std::uint32_t>(count));
  for (std::size_t i = 1; i <= count; ++i) {
    Place element;
    if (field.kind == FieldKind::names) {
      element = write_text(*reinterpret_cast<const std::string_view*>(items), 0, false);
      items += sizeof(std::string_view);
    } else {
      const TableLayout& layout = layouts_[field.arg];
      element = write_table(layout, items);
      items += layout.struct_size;
    }
    if (element == nullptr) return nullptr;
    refer(list + 4 * i, element);
  }
  return list;
}

TableWriter::Place TableWriter::write_text(const std::string_view& text, std::size_t len_max, bool clean) {
  const char* from = text.data();
  const char* const end = from + text.size();
  std::size_t room = text.size();
  if (clean && room > len_max) room = len_max;
  const Place string = take(4 + room + 1, 4);
  if (string == nullptr) return nullptr;
  // Cleaning changes no length, except that nothing of a character is written that does not fit as a whole.
  Place to = string + 4;
  Place const limit = to + room;
  while (to != limit) {
    std::size_t len = clean ? compact::text_character_len(from, end) : 1;
    const bool good = len != 0;
    if (!good) len = 1;
    if (len > static_cast<std::size_t>(limit - to)) break;
    for (; len != 0; --len, ++from) *to++ = good ? static_cast<std::uint8_t>(*from) : std::uint8_t{'?'};
  }
  store(string, static_cast<std::uint32_t>(to - string - 4));
  return string;
}

}  // namespace muster::mcu
