#include "schemas/compact/tables.h"

#include <cstddef>

#include "schemas/chunk_generated.h"
#include "schemas/common_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "schemas/root_generated.h"
#include "schemas/wire_check.h"

namespace muster::compact {

namespace {

enum Table : std::uint8_t {
  t_envelope,
  t_root_document,
  t_manifest,
  t_assignment,
  t_directive,
  t_audit_head,
  t_chunk,
  t_ack,
  t_root_chain,
  t_signature,
  t_role_keys,
  t_public_key,
  t_envelope_bytes,
  t_assigned_release,
  t_order,
  t_file_entry,
  t_requirement,
  t_compatibility,
  t_runtime,
  t_probe,
  t_recovery_rule,
  t_key_value,
  t_named_digest,
  t_readiness,
  t_activation,
  t_reading_condition,
  table_count
};

// --- words of the description below ---

// Being no constant expression, it keeps a limit for which an entry has no room from compiling.
inline void has_no_room() {}

constexpr std::uint16_t narrow(std::size_t value) {
  if (value > 0xFFFF) has_no_room();
  return static_cast<std::uint16_t>(value);
}
constexpr Entry field(unsigned id, Kind kind, std::size_t arg = 0) {
  return {kind, static_cast<std::uint8_t>(id), narrow(arg)};
}
constexpr Entry needed(unsigned id, Kind kind, std::size_t arg = 0) {
  return field(id | required, kind, arg);
}
constexpr Entry u8(unsigned id, std::size_t otherwise) {
  return field(id, Kind::u8, otherwise);
}
constexpr Entry u32(unsigned id, std::size_t otherwise = 0) {
  return field(id, Kind::u32, otherwise);
}
constexpr Entry u64(unsigned id) {
  return field(id, Kind::u64);
}
constexpr Entry digest(unsigned id) {
  return field(id, Kind::structure, 32);
}
constexpr Entry key_id(unsigned id) {
  return field(id, Kind::structure, 16);
}
constexpr Entry rule(Rule rule) {
  return {Kind::rule, static_cast<std::uint8_t>(rule), 0};
}
template <class Enum>
constexpr Entry known(unsigned id) {
  return field(id, Kind::known, static_cast<unsigned>(Enum::MIN) | static_cast<unsigned>(Enum::MAX) << 8);
}
constexpr std::size_t tables_of(Table table, std::size_t count_max) {
  return count_max < (1u << list_bits) ? static_cast<std::size_t>(table) << list_bits | count_max : ~std::size_t{0};
}
constexpr std::size_t units(std::size_t len_max) {
  return len_max % bytes_unit == 0 && len_max / bytes_unit <= list_mask ? len_max / bytes_unit : ~std::size_t{0};
}

// The last entry of a table.
constexpr Entry end(Entry entry) {
  return {entry.kind, static_cast<std::uint8_t>(entry.id | last), entry.arg};
}

struct Described {
  Table table;
  Entry entry;
};

// In the order of Table; within a table, in the order in which faults are named.
constexpr Described description[] = {
    {t_envelope, known<wire::PayloadKind>(0)},
    {t_envelope, needed(1, Kind::bytes, units(limits::envelope_len_max))},
    {t_envelope, rule(Rule::payload)},
    {t_envelope, u32(2)},
    {t_envelope, u32(3, 1)},
    {t_envelope, rule(Rule::leaf)},
    {t_envelope, field(4, Kind::digests, limits::merkle_depth_max)},
    {t_envelope, end(needed(5 | not_empty, Kind::tables, tables_of(t_signature, limits::signatures_max)))},

    {t_root_document, u32(0)},
    {t_root_document, rule(Rule::root)},
    {t_root_document, u64(1)},
    {t_root_document, u64(2)},
    {t_root_document,
     end(needed(3, Kind::tables, tables_of(t_role_keys, static_cast<std::size_t>(wire::Role::MAX) + 1)))},

    {t_manifest, needed(0, Kind::name, limits::id_len_max)},
    {t_manifest, needed(1, Kind::name, limits::version_len_max)},
    {t_manifest, known<wire::Plane>(2)},
    {t_manifest, u32(3)},
    {t_manifest, needed(4, Kind::tables, tables_of(t_file_entry, limits::files_max))},
    {t_manifest, rule(Rule::files)},
    {t_manifest, field(5, Kind::tables, tables_of(t_requirement, limits::requirements_max))},
    {t_manifest, field(6, Kind::table, t_compatibility)},
    {t_manifest, field(7, Kind::table, t_runtime)},
    {t_manifest, field(8, Kind::tables, tables_of(t_probe, limits::probes_max))},
    {t_manifest, field(15, Kind::optional_name, limits::id_len_max)},
    {t_manifest, field(16, Kind::table, t_activation)},
    {t_manifest, field(9, Kind::tables, tables_of(t_recovery_rule, limits::recovery_rules_max))},
    {t_manifest, u64(10)},
    {t_manifest, u64(11)},
    {t_manifest, field(12, Kind::tables, tables_of(t_key_value, limits::key_values_max))},
    {t_manifest, field(13, Kind::tables, tables_of(t_named_digest, limits::evidence_files_max))},
    {t_manifest, end(field(14, Kind::table, t_readiness))},

    {t_assignment, needed(0, Kind::name, limits::id_len_max)},
    {t_assignment, u64(1)},
    {t_assignment, u64(2)},
    {t_assignment, u64(3)},
    {t_assignment, field(4, Kind::optional_name, limits::id_len_max)},
    {t_assignment, needed(5, Kind::tables, tables_of(t_assigned_release, limits::planes_max))},
    {t_assignment, u32(6)},
    {t_assignment, known<wire::Hold>(7)},
    {t_assignment, rule(Rule::shadow)},
    {t_assignment, end(field(8, Kind::tables, tables_of(t_assigned_release, limits::planes_max)))},

    {t_directive, needed(0, Kind::scope)},
    {t_directive, u64(1)},
    {t_directive, u64(2)},
    {t_directive, u64(3)},
    {t_directive, end(needed(4, Kind::tables, tables_of(t_order, limits::orders_max)))},

    {t_audit_head, u64(0)},
    {t_audit_head, needed(1, Kind::structure, 32)},
    {t_audit_head, end(u64(2))},

    {t_chunk, needed(0, Kind::structure, 32)},
    {t_chunk, u64(1)},
    {t_chunk, u64(2)},
    {t_chunk, known<wire::ChunkStatus>(3)},
    {t_chunk, field(4, Kind::blob, units(limits::chunk_data_len_max))},
    {t_chunk, end(rule(Rule::chunk))},

    {t_ack, needed(0, Kind::structure, 32)},
    {t_ack, end(u64(1))},

    {t_root_chain, end(needed(0, Kind::tables, tables_of(t_envelope_bytes, limits::root_documents_max)))},

    {t_signature, needed(0, Kind::structure, 16)},
    {t_signature, end(needed(1, Kind::exact, 64))},

    {t_role_keys, known<wire::Role>(0)},
    {t_role_keys, u8(1, 1)},
    {t_role_keys, needed(2, Kind::slots, limits::root_keys_max)},
    {t_role_keys, rule(Rule::threshold)},
    {t_role_keys, field(2, Kind::tables, tables_of(t_public_key, limits::root_keys_max))},
    {t_role_keys, end(rule(Rule::once))},

    {t_public_key, needed(0, Kind::structure, 16)},
    {t_public_key, needed(1, Kind::exact, 65)},
    {t_public_key, end(rule(Rule::point))},

    {t_envelope_bytes, end(needed(0, Kind::blob, units(limits::envelope_len_max)))},

    {t_assigned_release, known<wire::Plane>(0)},
    {t_assigned_release, rule(Rule::once)},
    {t_assigned_release, needed(1, Kind::structure, 32)},
    {t_assigned_release, needed(2, Kind::structure, 32)},
    {t_assigned_release, u32(3)},
    {t_assigned_release, rule(Rule::release)},
    {t_assigned_release, field(4, Kind::optional_name, limits::id_len_max)},
    {t_assigned_release, end(field(5, Kind::optional_name, limits::version_len_max))},

    {t_order, known<wire::OrderKind>(0)},
    {t_order, u64(1)},
    {t_order, known<wire::Plane>(2)},
    {t_order, digest(3)},
    {t_order, rule(Rule::order)},
    {t_order, field(4, Kind::text, limits::text_len_max)},
    {t_order, end(field(5, Kind::text, limits::id_len_max))},

    {t_file_entry, needed(0, Kind::file_name)},
    {t_file_entry, u64(1)},
    {t_file_entry, needed(2, Kind::structure, 32)},
    {t_file_entry, end(rule(Rule::file))},

    {t_requirement, known<wire::Plane>(0)},
    {t_requirement, rule(Rule::once)},
    {t_requirement, end(needed(1, Kind::name, limits::version_len_max))},

    {t_compatibility, field(0, Kind::strings, limits::classes_max)},
    {t_compatibility, u32(1)},
    {t_compatibility, field(2, Kind::strings, limits::accelerators_max)},
    {t_compatibility, field(3, Kind::text, limits::attribute_len_max)},
    {t_compatibility, end(field(4, Kind::strings, limits::classes_max))},

    {t_runtime, field(0, Kind::text, limits::text_len_max)},
    {t_runtime, field(1, Kind::text, limits::text_len_max)},
    {t_runtime, field(2, Kind::text, limits::text_len_max)},
    {t_runtime, field(3, Kind::text, limits::text_len_max)},
    {t_runtime, end(field(4, Kind::text, limits::text_len_max))},

    {t_probe, known<wire::ProbeKind>(0)},
    {t_probe, needed(1, Kind::required_text, limits::text_len_max)},
    {t_probe, u32(2)},
    {t_probe, u32(3, 10000)},
    {t_probe, u8(4, 1)},
    {t_probe, u32(5, 1000)},
    {t_probe, end(rule(Rule::probe))},

    {t_recovery_rule, rule(Rule::recovery)},
    {t_recovery_rule, known<wire::RecoveryAction>(1)},
    {t_recovery_rule, needed(0 | not_empty, Kind::bytes, units(limits::program_len_max))},
    {t_recovery_rule, end(needed(2, Kind::required_text, limits::condition_text_len_max))},

    {t_key_value, needed(0, Kind::name, limits::id_len_max)},
    {t_key_value, end(needed(1, Kind::text, limits::text_len_max))},

    {t_named_digest, needed(0, Kind::file_name)},
    {t_named_digest, end(needed(1, Kind::structure, 32))},

    {t_readiness, needed(0, Kind::name, limits::id_len_max)},
    {t_readiness, u32(1)},
    {t_readiness, needed(2, Kind::structure, 32)},
    {t_readiness, end(needed(3, Kind::structure, 32))},

    {t_activation, field(0, Kind::table, t_reading_condition)},
    {t_activation, field(1, Kind::table, t_reading_condition)},
    {t_activation, u32(2)},
    {t_activation, end(rule(Rule::activation))},

    {t_reading_condition, needed(0 | not_empty, Kind::bytes, units(limits::program_len_max))},
    {t_reading_condition, end(needed(1, Kind::required_text, limits::condition_text_len_max))},
};

constexpr std::size_t entry_count = sizeof description / sizeof *description;

constexpr std::size_t first_of(std::size_t table) {
  std::size_t at = 0;
  while (at < entry_count && description[at].table != table) ++at;
  return at;
}

// Every table is there, in its place, and ends once: with its last entry.
constexpr bool is_well_formed() {
  unsigned next = 0;
  for (std::size_t at = 0; at < entry_count; ++at) {
    const bool begins = at == 0 || (description[at - 1].entry.id & last) != 0;
    if (begins != (at == 0 || description[at].table != description[at - 1].table)) return false;
    if (begins && description[at].table != next++) return false;
  }
  return next == table_count && (description[entry_count - 1].entry.id & last) != 0;
}
static_assert(is_well_formed());

// Nothing nests deeper than FlatBuffers' verifier is told to allow, so the interpreter need not count.
constexpr unsigned depth_of(unsigned table) {
  unsigned deepest = 0;
  for (std::size_t at = first_of(table); at < entry_count && description[at].table == table; ++at) {
    const auto& entry = description[at].entry;
    unsigned below = 0;
    if (entry.kind == Kind::table) below = depth_of(entry.arg);
    if (entry.kind == Kind::tables) below = depth_of(static_cast<unsigned>(entry.arg >> list_bits));
    if (below > deepest) deepest = below;
  }
  return deepest + 1;
}
constexpr bool is_shallow() {
  for (unsigned table = 0; table < message_kinds; ++table) {
    if (depth_of(table) > wire_check::depth_max) return false;
  }
  return true;
}
static_assert(is_shallow());
static_assert(entry_count < 256, "an entry is named by one byte");
static_assert(t_envelope == static_cast<unsigned>(MessageKind::envelope) &&
                  t_root_document == static_cast<unsigned>(wire::PayloadKind::root) &&
                  t_manifest == static_cast<unsigned>(wire::PayloadKind::manifest) &&
                  t_assignment == static_cast<unsigned>(wire::PayloadKind::assignment) &&
                  t_directive == static_cast<unsigned>(wire::PayloadKind::directive) &&
                  t_audit_head == static_cast<unsigned>(wire::PayloadKind::audit_head) &&
                  t_root_chain == static_cast<unsigned>(MessageKind::root_chain) && t_signature == message_kinds,
              "messages, payload kinds and root tables share their numbers");

constexpr Tables pack() {
  Tables packed{};
  for (std::size_t at = 0; at < entry_count; ++at) packed.entries[at] = description[at].entry;
  for (unsigned table = 0; table < table_count; ++table) {
    packed.firsts[table] = static_cast<std::uint8_t>(first_of(table));
  }
  return packed;
}
static_assert(entry_count == sizeof Tables::entries / sizeof(Entry) && table_count == sizeof Tables::firsts);

}  // namespace

extern constexpr Tables tables = pack();

extern constexpr Message messages[message_kinds] = {
    {{'M', 'E', 'N', 'V'}, limits::envelope_len_max},   {{'M', 'R', 'O', 'T'}, limits::root_document_len_max},
    {{'M', 'M', 'A', 'N'}, limits::manifest_len_max},   {{'M', 'A', 'S', 'N'}, limits::assignment_len_max},
    {{'M', 'D', 'I', 'R'}, limits::directive_len_max},  {{'M', 'A', 'U', 'D'}, limits::audit_head_len_max},
    {{'M', 'C', 'H', 'K'}, limits::chunk_len_max},      {{'M', 'A', 'C', 'K'}, limits::ack_len_max},
    {{'M', 'R', 'C', 'H'}, limits::root_chain_len_max},
};

}  // namespace muster::compact
