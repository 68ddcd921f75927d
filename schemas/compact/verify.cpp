// The interpreter: one pass over the tables of a message. What FlatBuffers' verifier would refuse ends it at once; of
// the other faults the first is kept and the pass goes on, because a message that is malformed anywhere is called
// malformed. A rule therefore reads only what entries before it have checked. What is marked noinline the ARM compiler
// would otherwise copy to each of its uses.
#include "schemas/compact/verify.h"

#include <cstring>

#include "schemas/chunk_generated.h"
#include "schemas/compact/strings.h"
#include "schemas/compact/tables.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire_check.h"

namespace muster::compact {

namespace {

static_assert(FLATBUFFERS_LITTLEENDIAN, "fields are read as they lie there");

using Place = const std::uint8_t*;

template <class Number>
Number read(Place at) {
  Number value;
  std::memcpy(&value, __builtin_assume_aligned(at, alignof(Number)), sizeof value);
  return value;
}

[[gnu::noinline]] Place field(Place table, unsigned id) {
  const Place layout = table - read<std::int32_t>(table);
  const unsigned slot = 4 + 2 * id;
  if (slot >= read<std::uint16_t>(layout)) return nullptr;
  const unsigned offset = read<std::uint16_t>(layout + slot);
  return offset == 0 ? nullptr : table + offset;
}

// The list or string that a slot refers to.
Place follow(Place slot) {
  return slot + read<std::uint32_t>(slot);
}

// Of an envelope's payload. No device takes a move of a release, so it has no table; only its length is known here.
std::uint32_t payload_len_max(std::uint32_t kind) {
  const bool is_move = kind == static_cast<unsigned>(wire::PayloadKind::release_move);
  return is_move ? limits::release_move_len_max : messages[kind].len_max;
}

// What a table's fields hold, by id: small numbers themselves, for all else where in the buffer it lies; absent ones
// their default, or 0.
using Values = std::uint32_t[id_max + 1];

constexpr unsigned in_shadow = 1u << 31;  // of Walk::seen, above all that Rule::once sees

struct Walk {
  Place base;
  std::uint32_t size;
  std::uint32_t tables_left = wire_check::tables_max;
  unsigned seen = 0;  // by Rule::once, in a message's one list that uses it; Rule::shadow begins a second one
  WireFault fault = WireFault::none;

  void note(WireFault found) {
    if (fault == WireFault::none) fault = found;
  }

  // `len` bytes at `at` lie in the buffer, `at` being a multiple of `align`. As in FlatBuffers, they are never all of
  // it.
  [[nodiscard]] bool holds(std::uint32_t at, std::uint32_t len, std::uint32_t align) const;
  [[nodiscard]] std::uint32_t number_at(std::uint32_t at) const { return read<std::uint32_t>(base + at); }

  [[nodiscard]] bool table(unsigned index, std::uint32_t at);
  [[nodiscard]] bool reference(const Entry& entry, std::uint32_t target);
  [[nodiscard]] bool list(std::uint32_t at, std::uint32_t element_len, bool is_string) const;
  void check_count(const Entry& entry, std::uint32_t list);
  void check_aligned(std::uint32_t list);

  [[nodiscard]] bool is_zero(std::uint32_t digest) const;
  [[nodiscard]] std::uint64_t large(std::uint32_t at) const { return at == 0 ? 0 : read<std::uint64_t>(base + at); }
  [[nodiscard]] WireFault check_rule(Rule rule, const Values& values);
  [[nodiscard]] WireFault check_release(const Values& release) const;
  [[nodiscard]] WireFault check_chunk(const Values& chunk) const;
  [[nodiscard]] WireFault check_probe(const Values& probe) const;
};

[[gnu::noinline]] bool Walk::holds(std::uint32_t at, std::uint32_t len, std::uint32_t align) const {
  return (at & (align - 1)) == 0 && len < size && at <= size - len;
}

bool Walk::list(std::uint32_t at, std::uint32_t element_len, bool is_string) const {
  if (!holds(at, 4, 4)) return false;
  const std::uint32_t count = number_at(at);
  if (count >= size) return false;  // and so the product below does not overflow
  const std::uint32_t len = 4 + count * element_len;
  return holds(at, len, 1) && (!is_string || (holds(at + len, 1, 1) && base[at + len] == 0));
}

std::uint32_t len_of(Kind kind) {
  return kind <= Kind::known ? 1 : kind == Kind::u64 ? 8 : 4;
}

bool Walk::table(unsigned index, std::uint32_t at) {
  if (tables_left-- == 0 || !holds(at, 4, 4)) return false;
  const std::uint32_t layout = at - number_at(at);
  if (!holds(layout, 2, 2)) return false;
  const std::uint32_t layout_len = read<std::uint16_t>(base + layout);
  if (!holds(layout, layout_len, 1) || (layout_len & 1) != 0) return false;

  Values values;
  const Entry* entry = tables.entries + tables.firsts[index];
  for (bool more = true; more; ++entry) {
    more = (entry->id & last) == 0;
    const unsigned id = entry->id & id_mask;
    if (entry->kind == Kind::rule) {
      if (fault == WireFault::none) fault = check_rule(static_cast<Rule>(id), values);
      continue;
    }
    const Place found = field(base + at, id);
    if (found == nullptr) {
      if ((entry->id & required) != 0) return false;
      values[id] = entry->kind == Kind::u32 ? entry->arg : entry->kind <= Kind::known ? entry->arg & 0xFF : 0;
      continue;
    }
    const bool is_structure = entry->kind == Kind::structure;
    const std::uint32_t len = is_structure ? entry->arg : len_of(entry->kind);
    auto place = static_cast<std::uint32_t>(found - base);
    if (!holds(place, len, is_structure ? 1 : len)) return false;
    if (entry->kind <= Kind::known) {
      place = *found;
      if (entry->kind == Kind::known && (place < (entry->arg & 0xFF) || place > entry->arg >> 8))
        note(WireFault::unknown_value);
    } else if (len == 4) {
      const auto number = read<std::uint32_t>(found);
      if (entry->kind == Kind::u32) {
        place = number;
      } else {
        place += number;
        // A field may not refer to itself.
        if (number - 1 >= size || !reference(*entry, place)) return false;
      }
    }
    values[id] = place;
  }
  return true;
}

// What a field refers to.
bool Walk::reference(const Entry& entry, std::uint32_t target) {
  if (entry.kind == Kind::table) return table(entry.arg, target);

  const bool is_string = entry.kind >= Kind::name;
  const bool is_slots = entry.kind >= Kind::slots && !is_string;
  const std::uint32_t element_len = is_slots ? 4 : entry.kind == Kind::digests ? 32 : 1;
  if (!list(target, element_len, is_string)) return false;
  if (fault == WireFault::none) {
    if (is_string)
      fault = check_text(entry.kind, base + target, entry.arg);
    else
      check_count(entry, target);
  }
  if (!is_slots || entry.kind == Kind::slots) return true;

  const std::uint32_t end = target + 4 + 4 * number_at(target);
  for (std::uint32_t slot = target + 4; slot != end; slot += 4) {
    const std::uint32_t element = number_at(slot);
    if (element >= size) return false;
    if (entry.kind == Kind::tables) {
      if (!table(entry.arg >> list_bits, slot + element)) return false;
      continue;
    }
    if (!list(slot + element, 1, true)) return false;
    if (fault == WireFault::none) fault = check_text(Kind::name, base + slot + element, limits::id_len_max);
  }
  return true;
}

// An empty list may lie anywhere: FlatBuffers' builder aligns none.
void Walk::check_aligned(std::uint32_t list) {
  if ((list & 7) != 4 && number_at(list) != 0) fault = WireFault::misaligned;
}

void Walk::check_count(const Entry& entry, std::uint32_t list) {
  const std::uint32_t count = number_at(list);
  std::uint32_t count_max = entry.arg & list_mask;
  if (entry.kind <= Kind::blob) count_max *= bytes_unit;
  // No fault was there before.
  if (entry.kind == Kind::exact ? count != count_max : count == 0 && (entry.id & not_empty) != 0)
    fault = WireFault::malformed;
  else if (count > count_max)
    fault = WireFault::over_limit;
  else if (entry.kind == Kind::blob)
    check_aligned(list);
}

[[gnu::noinline]] bool Walk::is_zero(std::uint32_t digest) const {
  if (digest == 0) return true;
  for (const std::uint32_t end = digest + 32; digest != end; ++digest) {
    if (base[digest] != 0) return false;
  }
  return true;
}

// The name of a file, whose place in the list of files is `slot`.
[[gnu::noinline]] const char* file_name(Place slot) {
  return text_of(follow(field(follow(slot), 0))).from;
}

// file_names_collide of file_name.h, for names that are valid: a NUL is behind them and not in them.
bool do_collide(const char* a, const char* b) {
  while (*a == *b && *a != '\0') ++a, ++b;
  const int next = *a | *b;  // of the longer name, when the other has ended
  return (*a == '\0' || *b == '\0') && (next == '\0' || next == '/');
}

WireFault check_files(Place list) {
  for (std::uint32_t later = read<std::uint32_t>(list); later > 1; --later) {
    for (std::uint32_t file = later - 1; file != 0; --file) {
      if (do_collide(file_name(list + 4 * later), file_name(list + 4 * file))) return WireFault::bad_name;
    }
  }
  return WireFault::none;
}

WireFault Walk::check_probe(const Values& probe) const {
  const auto [from, end] = text_of(base + probe[1]);
  if (!is_probe_target(probe[0], from, end)) return WireFault::bad_name;
  constexpr auto time_ms_max = limits::probe_time_ms_max;
  if (probe[4] != 0 && probe[3] - 1 < time_ms_max && probe[2] <= time_ms_max && probe[5] <= time_ms_max) {
    return WireFault::none;
  }
  return WireFault::over_limit;
}

// Whether an assigned release can be fetched. A manifest without an envelope is one that the broker can not serve.
WireFault Walk::check_release(const Values& release) const {
  if (is_zero(release[2])) return release[3] == 0 && seen < in_shadow ? WireFault::none : WireFault::malformed;
  if (is_zero(release[1]) || release[3] == 0) return WireFault::malformed;
  return release[3] <= limits::envelope_len_max ? WireFault::none : WireFault::over_limit;
}

WireFault Walk::check_chunk(const Values& chunk) const {
  const std::uint32_t len = chunk[4] == 0 ? 0 : number_at(chunk[4]);
  if (chunk[3] == static_cast<unsigned>(wire::ChunkStatus::ok)) {
    const std::uint64_t offset = large(chunk[1]), total = large(chunk[2]);
    if (offset <= total && len <= total - offset) return WireFault::none;
  } else if (len == 0) {
    return WireFault::none;
  }
  return WireFault::malformed;
}

// REQUIRES: there was no fault so far, and every entry before the rule's is checked.
[[gnu::noinline]] WireFault Walk::check_rule(Rule rule, const Values& values) {
  bool good = true;
  switch (rule) {
    case Rule::once:
      good = (seen & 1u << values[0]) == 0;
      seen |= 1u << values[0];
      break;
    case Rule::shadow:
      seen = in_shadow;
      break;
    case Rule::payload:
      if (number_at(values[1]) > payload_len_max(values[0])) return WireFault::over_limit;
      check_aligned(values[1]);
      return number_at(values[1]) == 0 ? WireFault::malformed : fault;
    case Rule::leaf:
      if (values[3] > limits::batch_max) return WireFault::over_limit;
      good = values[2] < values[3];
      break;
    case Rule::point:
      good = base[values[1] + 4] == 0x04;
      break;
    case Rule::threshold:
      if (values[1] - 1 >= number_at(values[2])) return WireFault::over_limit;
      break;
    case Rule::root:
      good = values[0] != 0;
      break;
    case Rule::release:
      return check_release(values);
    case Rule::order:
      if (values[0] == static_cast<unsigned>(wire::OrderKind::rollback) ||
          values[0] == static_cast<unsigned>(wire::OrderKind::freeze)) {
        good = !is_zero(values[3]);
      }
      break;
    case Rule::file:
      if (large(values[1]) > limits::file_size_max) return WireFault::over_limit;
      break;
    case Rule::files:
      return check_files(base + values[4]);
    case Rule::probe:
      return check_probe(values);
    case Rule::recovery: {
      const Place plane = field(follow(base), 2);
      good = plane != nullptr && *plane == static_cast<unsigned>(wire::Plane::config);
      break;
    }
    case Rule::activation:
      if ((values[0] | values[1]) != 0 && values[2] - 1 >= limits::activation_within_s_max)
        return WireFault::over_limit;
      good = (values[0] | values[1]) != 0;
      break;
    case Rule::chunk:
      return check_chunk(values);
  }
  return good ? WireFault::none : WireFault::malformed;
}

}  // namespace

WireFault verify(MessageKind kind, ByteView bytes) {
  const auto index = static_cast<unsigned>(kind);
  const Message& message = messages[index];
  if (bytes.size() > message.len_max) return WireFault::too_long;
  if (bytes.size() < 8) return WireFault::malformed;
  if (!bytes.aligned()) return WireFault::misaligned;
  if (std::memcmp(bytes.data() + 4, message.identifier, sizeof message.identifier) != 0) return WireFault::wrong_kind;
  Walk walk{bytes.data(), static_cast<std::uint32_t>(bytes.size())};
  const std::uint32_t start = walk.number_at(0);
  // A root that refers to itself or out of the buffer does not lie in it either.
  if (start == 0 || !walk.table(index, start)) return WireFault::malformed;
  return walk.fault;
}

}  // namespace muster::compact
