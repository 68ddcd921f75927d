// Writes a FlatBuffers message forwards into the caller's buffer: a plain struct and a description of it go in, the
// bytes come out. One function for all tables is what makes it small. For reports.cpp and tests. Freestanding C++17, no
// allocation; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::mcu {

// How a field of the struct looks, and what becomes of it. The first four are the logarithm of their size. What is left
// out reads as its default on the other side.
enum class FieldKind : std::uint8_t {
  u8 = 0,
  u16 = 1,
  u32 = 2,
  u64 = 3,  // also signed; left out when it equals its default
  real,     // double; likewise, and when it is infinite or no number
  digest,   // const Sha256*, left out when null
  // What stands behind the table, referred to by it; left out when empty, unless it is required.
  name,     // string_view, as it is
  text,     // string_view, cleaned and cut: docs/wire.md, "Names"
  names,    // const string_view* and, directly behind it, a size_t
  numbers,  // const uint32_t* and a size_t
  blob,     // const uint8_t* and a size_t; its bytes start on an 8-byte boundary
  tables,   // const STRUCT* and a size_t
  array,    // STRUCT[plane_count] and, directly behind it, a size_t
  table,    // STRUCT
  unused    // the schema has such a field and the struct does not
};

enum class Default : std::uint8_t { zero, minus_one, real_minus_one, real_minus_1000, utc_offset_unsaid };

// One field. They stand in the order of the schema's ids.
struct FieldLayout {
  FieldKind kind;
  std::uint8_t arg;           // Default; for a text its longest length less one; for tables an index into the layouts
  std::uint16_t offset : 15;  // of the field in the struct
  std::uint16_t required : 1;
};

struct TableLayout {
  const FieldLayout* fields = nullptr;
  std::uint8_t field_count = 0;
  std::uint8_t struct_size = 0;
};

class TableWriter {
 public:
  // REQUIRES: `to` is 8-aligned. `layouts` are those that FieldKind::table and its like name.
  TableWriter(const TableLayout* layouts, std::uint8_t* to, std::size_t capacity)
      : layouts_(layouts), to_(to), capacity_(capacity) {}

  // Writes the message whose root table `layout` and `fields` give. The bytes written, or err_too_long; bytes of the
  // buffer behind those may have been written to then, bytes beyond its capacity never.
  [[nodiscard]] int write(const char* identifier, const TableLayout& layout, const void* fields);

 private:
  using Place = std::uint8_t*;

  // All return null when the buffer is full.
  [[nodiscard]] Place take(std::size_t len, std::size_t align);  // zeroed, as is the padding before it
  [[nodiscard]] Place write_table(const TableLayout& layout, const char* fields);
  [[nodiscard]] Place write_value(const FieldLayout& field, const char* value);
  [[nodiscard]] Place write_text(const std::string_view& text, std::size_t len_max, bool clean);
  [[nodiscard]] Place write_tables(const FieldLayout& field, const char* items, std::size_t count);

  const TableLayout* layouts_;
  Place to_;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

}  // namespace muster::mcu
