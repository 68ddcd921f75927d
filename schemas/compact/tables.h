// The tables that verify.cpp interprets: what each FlatBuffers table holds and which bound of schemas/limits.h each
// field has. For schemas/compact only. Freestanding C++17, constants only; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "schemas/compact/verify.h"

namespace muster::compact {

// What an entry checks, besides that the field lies in the buffer.
enum class Kind : std::uint8_t {
  u8,     // `arg` is its default
  known,  // a byte from the low to the high byte of `arg`; the low one is its default
  u32,    // `arg` is its default
  u64,
  structure,  // of `arg` bytes
  rule,       // no field: `id` is the Rule, called when every entry before it has been checked
  table,      // the one that `arg` names
  // lists, in the order in which verify.cpp asks for groups of them
  bytes,    // up to `arg` × bytes_unit
  blob,     // likewise, and on an 8-byte boundary: it holds a FlatBuffer
  exact,    // `arg` bytes
  digests,  // structures of 32 bytes, up to `arg`
  slots,    // offsets, up to `arg`, which a later entry follows
  strings,  // ids, up to `arg`
  tables,   // of the one that the high five bits of `arg` name, up to the rest of it
  // strings
  name,           // an id of up to `arg` characters
  optional_name,  // likewise, or empty
  file_name,
  scope,
  required_text,  // not empty, up to `arg` bytes
  text,           // up to `arg` bytes
};

// Rules between fields, see check_rule in verify.cpp.
enum class Rule : std::uint8_t {
  once,        // the enum of id 0 has a value that it had in no table of this list before
  shadow,      // the list of an assignment that follows is its shadow's
  payload,     // an envelope's payload has the length that its kind may have
  leaf,        // and its place is in its batch
  point,       // a key is an uncompressed point
  threshold,   // a role's threshold can be reached
  root,        // a root document has a version
  release,     // an assigned release can be fetched, or is nothing, which none of a shadow is
  order,       // an order that is about a release names one
  file,        // a file is not too large
  files,       // no two files of a manifest collide
  probe,       // a probe's target is of its kind, its times are bounded
  recovery,    // recovery rules stand in a config release
  activation,  // something is waited for, and not for ever
  chunk,       // a chunk lies in its blob
};

// One step of the check of one table, in the order in which wire_*.cpp names faults.
struct Entry {
  Kind kind = Kind::rule;
  std::uint8_t id = 0;  // the field's, and flags
  std::uint16_t arg = 0;
};
static_assert(sizeof(Entry) == 4);

inline constexpr std::uint8_t required = 0x80;   // an absent field is malformed
inline constexpr std::uint8_t not_empty = 0x40;  // so is an empty list
inline constexpr std::uint8_t last = 0x20;       // of its table
inline constexpr std::uint8_t id_mask = 0x1F;
inline constexpr unsigned id_max = 16;     // of a field
inline constexpr unsigned list_bits = 11;  // of `arg`, for the longest length of a list
inline constexpr unsigned list_mask = (1u << list_bits) - 1;
inline constexpr std::size_t bytes_unit = 64;

struct Message {
  char identifier[4];
  std::uint32_t len_max;
};

// By MessageKind, which is also the number of the message's root table.
extern const Message messages[message_kinds];

struct Tables {
  std::uint8_t firsts[26];  // the index in `entries` at which each table begins
  Entry entries[127];
};
extern const Tables tables;

}  // namespace muster::compact
