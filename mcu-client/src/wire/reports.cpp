#include "mcu-client/src/wire/reports.h"

#include <cassert>
#include <iterator>

#include "mcu-client/src/wire/table_writer.h"

namespace muster::mcu {

namespace {

using Kind = FieldKind;

enum : std::uint8_t { l_facts, l_plane, l_attempt, l_metric };

// Being no constant expression, it keeps what a description has no room for from compiling.
inline void has_no_room() {}

constexpr std::uint8_t text_len(std::size_t len_max) {
  if (len_max == 0 || len_max > 0x100) has_no_room();
  return static_cast<std::uint8_t>(len_max - 1);
}

struct ChunkGetFields {
  const Sha256* blob;
  std::uint64_t offset;
  std::uint32_t length;
};

struct EvidenceFields {
  std::string_view device_id;
  const Sha256* bundle;
  std::uint64_t offset, total;
  const std::uint8_t* data;
  std::size_t data_len;
};

constexpr FieldLayout field(Kind kind, std::size_t offset, std::uint8_t arg = 0, bool required = false) {
  if (offset >= 0x8000) has_no_room();
  return {kind, arg, static_cast<std::uint16_t>(offset & 0x7FFF), required};
}
constexpr FieldLayout number(Kind kind, std::size_t offset, Default otherwise = Default::zero) {
  return field(kind, offset, static_cast<std::uint8_t>(otherwise));
}
constexpr FieldLayout text(std::size_t offset, std::size_t len_max) {
  return field(Kind::text, offset, text_len(len_max));
}
constexpr FieldLayout needed(Kind kind, std::size_t offset, std::uint8_t arg = 0) {
  return field(kind, offset, arg, true);
}
constexpr FieldLayout unused = field(Kind::unused, 0);

using Facts = FactsFields;
constexpr FieldLayout facts[] = {needed(Kind::name, offsetof(Facts, device_class)),
                                 field(Kind::name, offsetof(Facts, region)),
                                 field(Kind::name, offsetof(Facts, site)),
                                 field(Kind::name, offsetof(Facts, customer)),
                                 field(Kind::name, offsetof(Facts, os_version)),
                                 number(Kind::u32, offsetof(Facts, memory_mb)),
                                 field(Kind::name, offsetof(Facts, memory_tier)),
                                 field(Kind::names, offsetof(Facts, tags)),
                                 unused,  // accelerators
                                 text(offsetof(Facts, agent_version), limits::attribute_len_max),
                                 unused,  // runtimes
                                 number(Kind::u16, offsetof(Facts, utc_offset_min), Default::utc_offset_unsaid)};

using Plane = PlaneFields;
constexpr FieldLayout plane[] = {
    number(Kind::u8, offsetof(Plane, plane)),          field(Kind::digest, offsetof(Plane, active)),
    field(Kind::digest, offsetof(Plane, downloaded)),  field(Kind::digest, offsetof(Plane, previous)),
    field(Kind::name, offsetof(Plane, active_name)),   field(Kind::name, offsetof(Plane, active_version)),
    number(Kind::u32, offsetof(Plane, security_floor))};

using Attempt = AttemptFields;
constexpr FieldLayout attempt[] = {number(Kind::u64, offsetof(Attempt, epoch)),
                                   number(Kind::u8, offsetof(Attempt, state)),
                                   number(Kind::u8, offsetof(Attempt, plane)),
                                   number(Kind::u16, offsetof(Attempt, error)),
                                   text(offsetof(Attempt, detail), limits::text_len_max),
                                   number(Kind::u64, offsetof(Attempt, bytes_done)),
                                   number(Kind::u64, offsetof(Attempt, bytes_total))};

using Metric = MetricFields;
constexpr FieldLayout metric[] = {
    needed(Kind::name, offsetof(Metric, name)), number(Kind::u64, offsetof(Metric, count)),
    number(Kind::real, offsetof(Metric, sum)),  number(Kind::real, offsetof(Metric, min)),
    number(Kind::real, offsetof(Metric, max)),  number(Kind::real, offsetof(Metric, last))};

using State = StateReportFields;
constexpr FieldLayout state_report[] = {needed(Kind::name, offsetof(State, device_id)),
                                        number(Kind::u64, offsetof(State, seq)),
                                        number(Kind::u64, offsetof(State, boot_id)),
                                        number(Kind::u64, offsetof(State, reported_s)),
                                        needed(Kind::table, offsetof(State, facts), l_facts),
                                        number(Kind::u8, offsetof(State, state)),
                                        needed(Kind::array, offsetof(State, planes), l_plane),
                                        field(Kind::table, offsetof(State, attempt), l_attempt),
                                        number(Kind::u64, offsetof(State, assignment_epoch)),
                                        number(Kind::u64, offsetof(State, directive_epoch)),
                                        number(Kind::u8, offsetof(State, last_recovery_action)),
                                        number(Kind::u8, offsetof(State, updates_paused))};

using Health = HealthFields;
constexpr FieldLayout health_summary[] = {needed(Kind::name, offsetof(Health, device_id)),
                                          number(Kind::u64, offsetof(Health, seq)),
                                          number(Kind::u64, offsetof(Health, boot_id)),
                                          number(Kind::u64, offsetof(Health, window_start_s)),
                                          number(Kind::u32, offsetof(Health, window_s)),
                                          number(Kind::u8, offsetof(Health, state)),
                                          field(Kind::digest, offsetof(Health, model_hash)),
                                          text(offsetof(Health, config_version), limits::release_ref_len_max),
                                          text(offsetof(Health, runtime_version), limits::attribute_len_max),
                                          text(offsetof(Health, delegate_active), limits::attribute_len_max),
                                          number(Kind::real, offsetof(Health, load_time_ms), Default::real_minus_one),
                                          number(Kind::real, offsetof(Health, p50_ms), Default::real_minus_one),
                                          number(Kind::real, offsetof(Health, p95_ms), Default::real_minus_one),
                                          number(Kind::real, offsetof(Health, p99_ms), Default::real_minus_one),
                                          number(Kind::real, offsetof(Health, peak_ram_mb), Default::real_minus_one),
                                          number(Kind::u64, offsetof(Health, dropped_frames), Default::minus_one),
                                          unused,  // thermal
                                          number(Kind::real, offsetof(Health, temperature_c), Default::real_minus_1000),
                                          number(Kind::u16, offsetof(Health, error_code)),
                                          number(Kind::u64, offsetof(Health, inferences)),
                                          number(Kind::u32, offsetof(Health, crash_count)),
                                          number(Kind::real, offsetof(Health, cpu_percent), Default::real_minus_one),
                                          unused,  // disk_free_mb
                                          field(Kind::numbers, offsetof(Health, latency_buckets)),
                                          field(Kind::tables, offsetof(Health, metrics), l_metric),
                                          number(Kind::u8, offsetof(Health, last_recovery_action)),
                                          number(Kind::u64, offsetof(Health, missing_inputs), Default::minus_one)};

constexpr FieldLayout chunk_get[] = {needed(Kind::digest, offsetof(ChunkGetFields, blob)),
                                     number(Kind::u64, offsetof(ChunkGetFields, offset)),
                                     number(Kind::u32, offsetof(ChunkGetFields, length))};

using Evidence = EvidenceFields;
constexpr FieldLayout evidence_chunk[] = {
    needed(Kind::name, offsetof(Evidence, device_id)), field(Kind::digest, offsetof(Evidence, bundle)),
    number(Kind::u64, offsetof(Evidence, offset)), number(Kind::u64, offsetof(Evidence, total)),
    needed(Kind::blob, offsetof(Evidence, data))};

template <class Struct, std::size_t count>
constexpr TableLayout layout_of(const FieldLayout (&fields)[count]) {
  static_assert(count <= 0xFF);
  return {fields, count, static_cast<std::uint8_t>(sizeof(Struct))};
}
template <class Struct, std::size_t count>
constexpr TableLayout element_of(const FieldLayout (&fields)[count]) {
  static_assert(sizeof(Struct) <= 0xFF, "a list's elements are found by their size");
  return layout_of<Struct>(fields);
}

// What FieldKind::array and the kinds with a count take for granted about the structs of reports.h.
static_assert(offsetof(State, plane_fields_count) == offsetof(State, planes) + plane_count * sizeof(Plane));
static_assert(offsetof(Facts, tag_count) == offsetof(Facts, tags) + sizeof(void*));
static_assert(offsetof(Health, latency_bucket_count) == offsetof(Health, latency_buckets) + sizeof(void*));
static_assert(offsetof(Health, metric_count) == offsetof(Health, metrics) + sizeof(void*));
static_assert(offsetof(Evidence, data_len) == offsetof(Evidence, data) + sizeof(void*));
static_assert(sizeof(bool) == 1 && sizeof(wire::ErrorCode) == 2 && sizeof(wire::Plane) == 1);

// By l_facts and so on.
constexpr TableLayout layouts[] = {element_of<Facts>(facts), element_of<Plane>(plane), element_of<Attempt>(attempt),
                                   element_of<Metric>(metric)};

struct Message {
  char identifier[5];
  TableLayout root;
  std::size_t len_max;
};
constexpr Message messages[] = {
    {"MSTA", layout_of<State>(state_report), limits::state_report_len_max},
    {"MHLT", layout_of<Health>(health_summary), limits::health_summary_len_max},
    {"MCGT", layout_of<ChunkGetFields>(chunk_get), limits::chunk_get_len_max},
    {"MEVI", layout_of<Evidence>(evidence_chunk), limits::evidence_chunk_len_max},
};

// What is longer than a receiver takes is too long, however large the buffer.
int write_message(unsigned index, const void* fields, std::uint8_t* to, std::size_t capacity) {
  const Message& message = messages[index];
  TableWriter writer(layouts, to, capacity < message.len_max ? capacity : message.len_max);
  return writer.write(message.identifier, message.root, fields);
}

}  // namespace

int write_state_report(const StateReportFields& fields, std::uint8_t* to, std::size_t capacity) {
  assert(fields.plane_fields_count <= plane_count && fields.facts.tag_count <= limits::tags_max);
  return write_message(0, &fields, to, capacity);
}

int write_health_summary(const HealthFields& fields, std::uint8_t* to, std::size_t capacity) {
  assert(fields.latency_bucket_count <= limits::latency_buckets_max && fields.metric_count <= limits::metrics_max);
  return write_message(1, &fields, to, capacity);
}

int write_chunk_get(const Sha256& blob, std::uint64_t offset, std::uint32_t length, std::uint8_t* to,
                    std::size_t capacity) {
  const ChunkGetFields fields{&blob, offset, length};
  return write_message(2, &fields, to, capacity);
}

int write_evidence_chunk(std::string_view device_id, const Sha256& bundle, std::uint64_t offset, std::uint64_t total,
                         ByteView data, std::uint8_t* to, std::size_t capacity) {
  const EvidenceFields fields{device_id, &bundle, offset, total, data.data(), data.size()};
  return write_message(3, &fields, to, capacity);
}

}  // namespace muster::mcu
