// Verifies what devices send: state reports, health summaries, chunk requests, evidence.
#include "schemas/chunk_get_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"
#include "schemas/wire_check.h"

namespace muster {

using wire_check::Checker;

namespace {

// ErrorCode has gaps between its groups, so a range says too little; unused codes have an empty name.
void check_error_code(Checker& check, wire::ErrorCode code) {
  check.require(*wire::EnumNameErrorCode(code) != '\0', WireFault::unknown_value);
}

void check_facts(Checker& check, const wire::Facts& facts) {
  check.id(facts.device_class());
  check.optional_id(facts.region());
  check.optional_id(facts.site());
  check.optional_id(facts.customer());
  check.optional_id(facts.os_version());
  check.optional_id(facts.memory_tier());
  check.ids(facts.tags(), limits::tags_max);
  check.ids(facts.accelerators(), limits::accelerators_max);
  check.ids(facts.runtimes(), limits::runtimes_max);
  check.text(facts.agent_version(), limits::attribute_len_max);
  const int offset_min = facts.utc_offset_min();
  const bool on_earth = offset_min >= limits::utc_offset_min_least && offset_min <= limits::utc_offset_min_most;
  check.require(on_earth || offset_min == limits::utc_offset_unsaid, WireFault::unknown_value);
}

void check_planes(Checker& check, const wire::StateReport& report) {
  check.count(report.planes(), limits::planes_max);
  unsigned seen = 0;
  for (const auto* plane : *report.planes()) {
    check.plane_once(plane->plane(), seen);
    check.optional_id(plane->active_name());
    check.optional_version(plane->active_version());
  }
}

void check_attempt(Checker& check, const wire::Attempt& attempt) {
  check.known(attempt.state());
  check.known(attempt.plane());
  check_error_code(check, attempt.error());
  check.text(attempt.detail(), limits::text_len_max);
}

void check_metrics(Checker& check, const wire::HealthSummary& summary) {
  const auto* metrics = summary.metrics();
  check.count(metrics, limits::metrics_max);
  if (metrics == nullptr || !check.ok()) return;
  for (flatbuffers::uoffset_t i = 0; i < metrics->size(); ++i) {
    const auto* metric = metrics->Get(i);
    check.id(metric->name());
    for (const double value : {metric->sum(), metric->min(), metric->max(), metric->last()}) check.finite(value);
    for (flatbuffers::uoffset_t k = 0; k < i; ++k) {
      check.require(wire_check::view(metrics->Get(k)->name()) != wire_check::view(metric->name()), WireFault::bad_name);
    }
  }
}

}  // namespace

WireFault verify(ByteView bytes, const wire::StateReport*& message) {
  const wire::StateReport* report = nullptr;
  const auto fault = wire_check::open(bytes, limits::state_report_len_max, wire::StateReportIdentifier(), report);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.id(report->device_id());
  check_facts(check, *report->facts());
  check.known(report->state());
  check_planes(check, *report);
  if (report->attempt() != nullptr) check_attempt(check, *report->attempt());
  check.known(report->last_recovery_action());
  return wire_check::accept(check, report, message);
}

// The message that comes most often. Flattened, FlatBuffers' checks of 26 fields look up the table's layout once
// instead of at each field, which halves the time.
[[gnu::flatten]] WireFault verify(ByteView bytes, const wire::HealthSummary*& message) {
  const wire::HealthSummary* summary = nullptr;
  const auto fault = wire_check::open(bytes, limits::health_summary_len_max, wire::HealthSummaryIdentifier(), summary);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.id(summary->device_id());
  check.known(summary->state());
  check.text(summary->config_version(), limits::release_ref_len_max);
  check.text(summary->runtime_version(), limits::attribute_len_max);
  check.text(summary->delegate_active(), limits::attribute_len_max);
  for (const double value : {summary->load_time_ms(), summary->p50_ms(), summary->p95_ms(), summary->p99_ms(),
                             summary->peak_ram_mb(), summary->temperature_c(), summary->cpu_percent()}) {
    check.finite(value);
  }
  check.known(summary->thermal());
  check_error_code(check, summary->error_code());
  check.count(summary->latency_buckets(), limits::latency_buckets_max);
  check_metrics(check, *summary);
  check.known(summary->last_recovery_action());
  return wire_check::accept(check, summary, message);
}

WireFault verify(ByteView bytes, const wire::ChunkGet*& message) {
  const wire::ChunkGet* request = nullptr;
  const auto fault = wire_check::open(bytes, limits::chunk_get_len_max, wire::ChunkGetIdentifier(), request);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.require(request->length() >= 1 && request->length() <= limits::chunk_data_len_max, WireFault::over_limit);
  check.require(request->offset() <= limits::file_size_max, WireFault::over_limit);
  return wire_check::accept(check, request, message);
}

WireFault verify(ByteView bytes, const wire::EvidenceChunk*& message) {
  const wire::EvidenceChunk* chunk = nullptr;
  const auto fault = wire_check::open(bytes, limits::evidence_chunk_len_max, wire::EvidenceChunkIdentifier(), chunk);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.id(chunk->device_id());
  check.data(chunk->data(), limits::evidence_chunk_len_max);
  check.require(chunk->total() <= limits::evidence_bundle_len_max, WireFault::over_limit);
  check.require(chunk->data()->size() > 0, WireFault::malformed);
  check.require(chunk->offset() <= chunk->total() && chunk->data()->size() <= chunk->total() - chunk->offset(),
                WireFault::malformed);
  return wire_check::accept(check, chunk, message);
}

}  // namespace muster
