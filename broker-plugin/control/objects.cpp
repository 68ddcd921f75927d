#include "broker-plugin/control/objects.h"

#include "broker-plugin/control/json_writer.h"
#include "broker-plugin/core/wire_digest.h"
#include "host/base64.h"
#include "schemas/health_summary_generated.h"

namespace muster::broker {
namespace {

void write_versions(JsonWriter& json, const std::vector<rules::VersionChoice>& versions) {
  json.key("versions").open('[');
  for (const auto& version : versions) {
    json.open('{').field("plane", rules::name_of(version.plane)).field("name", version.name);
    json.field("version", version.version).close('}');
  }
  json.close(']');
}

void write_waves(JsonWriter& json, const std::vector<rules::WaveStatus>& waves) {
  json.key("waves").open('[');
  for (const auto& wave : waves) {
    json.open('{').field("name", wave.name).field("state", rules::name_of(wave.state)).field("percent", wave.percent);
    json.field("gate", wave.gate == rules::Gate::manual ? "manual" : "auto").field("devices", wave.devices);
    json.field("done", wave.done).field("failed", wave.failed).field("unreachable", wave.unreachable);
    json.field("retrying", wave.retrying).field("holding", wave.holding).field("hold", rules::name_of(wave.hold));
    if (wave.first_devices != 0) json.field("first_devices", wave.first_devices);
    if (wave.rehearse) json.field("rehearse", true).field("rehearsing", wave.rehearsing);
    if (wave.line != 0) json.field("line", wave.line);
    json.field("opened_s", wave.opened_s).close('}');
  }
  json.close(']');
}

// Nothing at all for a rule without guardrails.
void write_guardrails(JsonWriter& json, const std::vector<rules::GuardrailStatus>& guardrails) {
  if (guardrails.empty()) return;
  json.key("guardrails").open('[');
  for (const auto& one : guardrails) {
    json.open('{').field("name", one.guardrail).field("segment", one.segment).field("verdict", name_of(one.verdict));
    json.field("voted", one.voted).field("exceeded", one.exceeded);
    json.field("awaited", one.awaited).field("observed", one.observed).field("frozen", one.frozen);
    if (one.line != 0) json.field("line", one.line);
    json.field("sentence", one.sentence).close('}');
  }
  json.close(']');
}

// Neither list nor count for a rollout that nobody was taken out of.
void write_exclusions(JsonWriter& json, const rules::RolloutStatus& status) {
  const auto act = [&](std::string_view key, const std::string& of, const auto& each) {
    json.open('{').field(key, of).field("mode", each.revert ? "revert" : "keep").field("who", each.who);
    json.field("why", each.why).field("since_s", each.since_s).close('}');
  };
  if (!status.stops.empty()) {
    json.field("stopped", status.stopped).key("stops").open('[');
    for (const auto& stop : status.stops) act("group", stop.group, stop);
    json.close(']');
  }
  if (status.cancelled_count != 0) {
    json.field("cancelled_count", status.cancelled_count).key("cancelled").open('[');
    for (const auto& cancelled : status.cancelled) act("device", cancelled.device, cancelled);
    json.close(']');
  }
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).open('[');
  for (const auto& text : texts) json.text(text);
  json.close(']');
}

void write_facts(JsonWriter& json, const rules::DeviceFacts& facts) {
  json.key("facts")
      .open('{')
      .field("class", facts.device_class)
      .field("region", facts.region)
      .field("site", facts.site);
  json.field("customer", facts.customer).field("os_version", facts.os_version).field("memory_mb", facts.memory_mb);
  json.field("memory_tier", facts.memory_tier);
  if (facts.utc_offset_min) json.key("utc_offset_min").number(std::int64_t{*facts.utc_offset_min});
  write_texts(json, "tags", facts.tags);
  write_texts(json, "accelerators", facts.accelerators);
  write_texts(json, "runtimes", facts.runtimes);
  json.field("agent_version", facts.agent_version).close('}');
}

void write_planes(JsonWriter& json, const rules::DeviceStatus& device, const ReleaseRegistry& releases) {
  json.key("planes").open('{');
  for (std::size_t i = 0; i < rules::plane_count; ++i) {
    const auto& active = device.active[i];
    const auto release = releases.by_manifest(active);
    json.key(rules::name_of(static_cast<rules::Plane>(i))).open('{').key("active");
    active.is_zero() ? json.raw("null") : json.text(to_hex(active));
    json.key("release");
    release == nullptr ? json.raw("null") : json.text(release->ref());
    json.close('}');
  }
  json.close('}');
}

// Nothing at all for a device that no operator has given a release of its own.
void write_overrides(JsonWriter& json, const std::vector<rules::DeviceOverride>& overrides) {
  if (overrides.empty()) return;
  json.key("overrides").open('[');
  for (const auto& each : overrides) {
    json.open('{').field("plane", rules::name_of(each.plane)).field("release", each.release);
    json.field("state", rules::name_of(each.state)).field("who", each.who).field("why", each.why);
    json.field("since_s", each.since_s).close('}');
  }
  json.close(']');
}

// A reading that the schema marks as "not measured" with a negative number.
void write_reading(JsonWriter& json, std::string_view name, double value, double least = 0) {
  json.key(name);
  value < least ? json.raw("null") : json.number(value);
}

std::string_view text(const flatbuffers::String* string) {
  return string == nullptr ? std::string_view() : std::string_view(string->c_str(), string->size());
}

void write_health(JsonWriter& json, ByteView bytes) {
  json.key("health");
  const AlignedBytes aligned(bytes);
  if (bytes.empty()) {
    json.raw("null");
    return;
  }
  const auto& health = *wire::GetHealthSummary(aligned.view().data());
  json.open('{')
      .field("seq", health.seq())
      .field("window_start_s", health.window_start_s())
      .field("window_s", health.window_s());
  json.field("state", wire::EnumNameDeviceState(health.state())).key("model_hash");
  const auto model = digest_of(health.model_hash());
  model.is_zero() ? json.raw("null") : json.text(to_hex(model));
  json.field("config_version", text(health.config_version())).field("runtime_version", text(health.runtime_version()));
  json.field("delegate_active", text(health.delegate_active()));
  write_reading(json, "load_time_ms", health.load_time_ms());
  write_reading(json, "p50_ms", health.p50_ms());
  write_reading(json, "p95_ms", health.p95_ms());
  write_reading(json, "p99_ms", health.p99_ms());
  write_reading(json, "peak_ram_mb", health.peak_ram_mb());
  write_reading(json, "dropped_frames", static_cast<double>(health.dropped_frames()));
  json.field("thermal", wire::EnumNameThermalState(health.thermal()));
  write_reading(json, "temperature_c", health.temperature_c(), -273.15);
  json.field("error_code", wire::EnumNameErrorCode(health.error_code())).field("inferences", health.inferences());
  json.field("crash_count", health.crash_count());
  write_reading(json, "missing_inputs", static_cast<double>(health.missing_inputs()));
  write_reading(json, "cpu_percent", health.cpu_percent());
  write_reading(json, "disk_free_mb", static_cast<double>(health.disk_free_mb()));
  json.field("last_recovery_action", wire::EnumNameRecoveryAction(health.last_recovery_action()));
  json.key("latency_buckets").open('[');
  if (health.latency_buckets() != nullptr) {
    for (const auto count : *health.latency_buckets()) json.number(count);
  }
  json.close(']').key("metrics").open('{');
  if (health.metrics() != nullptr) {
    for (const auto* metric : *health.metrics()) {
      json.key(text(metric->name())).open('{').field("count", metric->count()).field("sum", metric->sum());
      json.field("min", metric->min()).field("max", metric->max()).field("last", metric->last()).close('}');
    }
  }
  json.close('}').close('}');
}

void write_counts(JsonWriter& json, std::string_view name,
                  const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  json.key(name).open('{');
  for (const auto& [label, count] : counts) json.field(label, count);
  json.close('}');
}

}  // namespace

std::string status_json(const rules::RolloutStatus& status) {
  JsonWriter json;
  json.open('{').field("rollout", status.rollout).field("state", rules::name_of(status.state));
  json.field("waiting_for", status.waiting_for).field("priority", status.priority).field("shadow", status.shadow);
  write_versions(json, status.versions);
  json.field("started_s", status.started_s).field("ended_s", status.ended_s).field("started_by", status.started_by);
  if (status.previous_kept_until_s != 0) json.field("previous_kept_until_s", status.previous_kept_until_s);
  json.field("targets", status.targets).field("reached", status.reached).field("done", status.done);
  json.field("failed", status.failed).field("rolled_back", status.rolled_back).field("unreachable", status.unreachable);
  json.field("unacknowledged", status.unacknowledged);
  json.field("reverted", status.reverted).field("retrying", status.retrying);
  json.field("holding", status.holding).field("held_by_other", status.held_by_other);
  if (status.rehearsing != 0) json.field("rehearsing", status.rehearsing);
  json.field("awaiting_window", status.awaiting_window).field("wave", status.wave);
  write_waves(json, status.waves);
  json.key("failures").open('[');
  for (const auto& failure : status.failures) {
    json.open('{').field("device", failure.device).field("error", failure.error).field("detail", failure.detail);
    json.field("acknowledged", failure.acknowledged).close('}');
  }
  json.close(']');
  write_guardrails(json, status.guardrails);
  write_exclusions(json, status);
  return json.close('}').take();
}

namespace {

void write_life(JsonWriter& json, const ReleaseLife& life, const std::vector<Bytes>& envelopes) {
  json.field("state", wire::EnumNameReleaseState(life.state)).field("files_removed_s", life.removed_s);
  json.key("moves").open('[');
  for (std::size_t i = 0; i < life.moves.size(); ++i) {
    const auto& taken = life.moves[i];
    json.open('{').field("from", wire::EnumNameReleaseState(taken.move.from));
    json.field("to", wire::EnumNameReleaseState(taken.move.to)).field("made_s", taken.move.made_s);
    json.field("taken_s", taken.taken_s).field("by", taken.by).field("reason", taken.move.reason);
    write_texts(json, "key_ids", taken.move.key_ids);
    if (envelopes.size() == life.moves.size()) json.field("envelope", host::to_base64(envelopes[i]));
    json.close('}');
  }
  json.close(']');
}

}  // namespace

namespace {

void write_ineligible(JsonWriter& json, const rules::FleetFit& fit) {
  json.key("ineligible").open('{').field("devices", fit.unfit).key("reasons").open('{');
  for (std::size_t misfit = 1; misfit < rules::misfit_count; ++misfit) {
    if (fit.counts[misfit] != 0) json.field(name_of(static_cast<rules::Misfit>(misfit)), fit.counts[misfit]);
  }
  json.close('}').key("first").open('[');
  for (const auto& one : fit.devices) {
    json.open('{').field("device", one.device).field("reason", name_of(one.misfit)).field("why", one.why).close('}');
  }
  json.close(']').close('}');
}

}  // namespace

std::string fit_json(const std::string& rollout, const rules::FleetFit& fit) {
  JsonWriter json;
  json.open('{').field("rollout", rollout).field("targets", fit.targets);
  if (fit.without_site != 0) json.field("without_site", fit.without_site);
  write_ineligible(json, fit);
  return json.take();
}

std::string status_json(const rules::RolloutStatus& status, const rules::FleetFit& unfit) {
  auto text = status_json(status);
  text.pop_back();  // the closing brace
  JsonWriter json;
  json.open('{');
  write_ineligible(json, unfit);
  return text + "," + json.close('}').take().substr(1);
}

std::string release_json(const Release& release, const ReleaseLife& life, ByteView envelope,
                         const std::vector<Bytes>& moves) {
  JsonWriter json;
  json.open('{')
      .field("name", release.name)
      .field("version", release.version)
      .field("plane", rules::name_of(release.plane));
  json.field("manifest", to_hex(release.manifest)).field("envelope_digest", to_hex(release.envelope));
  json.field("envelope_size", release.envelope_size).field("security_version", release.security_version);
  json.field("expires_s", release.expires_s).key("files").open('[');
  for (const auto& file : release.files) {
    json.open('{').field("name", file.name).field("size", file.size).field("sha256", to_hex(file.sha256)).close('}');
  }
  json.close(']').key("readiness");
  if (const auto& carried = release.readiness; !carried.policy.empty()) {
    json.open('{').field("policy", carried.policy).field("version", carried.version);
    json.field("policy_sha256", to_hex(carried.policy_sha256)).field("record_sha256", to_hex(carried.record_sha256));
    json.close('}');
  } else {
    json.raw("null");
  }
  json.field("published_s", release.published_s).field("published_by", release.published_by);
  write_life(json, life, moves);
  if (!envelope.empty()) json.field("envelope", host::to_base64(envelope));
  return json.close('}').take();
}

std::string device_json(const rules::DeviceStatus& device, const ReleaseRegistry& releases, ByteView health,
                        bool with_health) {
  JsonWriter json;
  json.open('{').field("device", device.device).field("connected", device.connected).field("reported", device.reported);
  json.field("last_seen_s", device.last_seen_s);
  write_facts(json, device.facts);
  json.field("state", rules::name_of(device.state));
  write_planes(json, device, releases);
  json.field("assigned_epoch", device.assigned_epoch).key("attempt").open('{').field("epoch", device.attempt_epoch);
  json.field("state", rules::name_of(device.attempt)).field("error", device.attempt_error);
  json.field("detail", device.attempt_detail).field("waits", device.attempt_waits).close('}').key("rollouts").open('[');
  for (const auto& standing : device.rollouts) {
    json.open('{').field("rollout", standing.rollout).field("standing", rules::name_of(standing.standing));
    json.field("wave", standing.wave).close('}');
  }
  json.close(']');
  write_overrides(json, device.overrides);
  if (with_health) write_health(json, health);
  return json.close('}').take();
}

std::string reasons_json(std::string_view device, const std::vector<rules::DeviceReason>& reasons) {
  JsonWriter json;
  json.open('{').field("device", device).key("rollouts").open('[');
  for (const auto& reason : reasons) {
    json.open('{').field("rollout", reason.rollout).key("standing");
    json.raw(reason.member ? json_quoted(rules::name_of(reason.standing)) : "null");
    json.field("why", reason.text).close('}');
  }
  return json.close(']').close('}').take();
}

std::string evidence_json(const EvidenceBundle& bundle) {
  JsonWriter json;
  json.open('{').field("device", bundle.id.device).field("bundle", to_hex(bundle.id.bundle));
  json.field("size", bundle.total).field("received", bundle.received).field("complete", bundle.complete);
  return json.field("time_s", bundle.time_s).close('}').take();
}

std::string part_json(std::uint64_t offset, std::uint64_t size, ByteView data) {
  JsonWriter json;
  return json.open('{')
      .field("offset", offset)
      .field("size", size)
      .field("data", host::to_base64(data))
      .close('}')
      .take();
}

std::string audit_json(const AuditPage& page) {
  JsonWriter json;
  json.open('{').key("entries").open('[');
  for (const auto& entry : page.entries) {
    json.open('{')
        .field("seq", entry.seq)
        .field("time_s", entry.time_s)
        .field("who", entry.who)
        .field("what", entry.what);
    json.field("subject", entry.subject).field("why", entry.why).field("hash", to_hex(entry.hash)).close('}');
  }
  json.close(']').field("more", page.more).key("head").open('{').field("seq", page.head.tail.seq);
  json.field("hash", to_hex(page.head.tail.hash)).field("envelope", host::to_base64(page.head.envelope));
  return json.close('}').close('}').take();
}

std::string metrics_json(const Metrics& metrics) {
  JsonWriter json;
  json.open('{').field("time_s", metrics.time_s).key("devices").open('{').field("known", metrics.devices_known);
  json.field("connected", metrics.devices_connected).close('}').key("rollouts").open('{');
  for (const auto& [state, count] : metrics.rollouts) json.field(state, count);
  json.close('}').key("failures").open('{');
  for (std::size_t i = 0; i < rules::failure_cause_count; ++i)
    json.field(rules::name_of(static_cast<rules::FailureCause>(i)), metrics.troubles.failures[i]);
  json.close('}').field("guardrails_failed", metrics.troubles.guardrails_failed);
  write_counts(json, "messages", metrics.counters->accepted());
  write_counts(json, "refused", metrics.counters->refused());
  json.key("chunks").open('{').field("served", metrics.chunks.served).field("bytes", metrics.chunks.bytes);
  json.field("refused", metrics.chunks.refused).close('}').key("evidence").open('{');
  json.field("bundles", metrics.evidence.bundles).field("unfinished", metrics.evidence.unfinished);
  json.field("bytes", metrics.evidence.bytes).field("received", metrics.evidence.received).close('}');
  json.key("store").open('{').field("batches", metrics.writer.batches);
  json.field("records", metrics.writer.records).field("queue_depth", metrics.writer.queue_depth);
  json.field("queue_max", metrics.writer.queue_max).field("last_sync_us", metrics.writer.last_sync_us).close('}');
  json.field("audit_seq", metrics.writer.audit_seq).key("stopped");
  metrics.stopped.empty() ? json.raw("null") : json.text(metrics.stopped);
  return json.close('}').take();
}

std::string list_json(std::string_view key, const std::vector<std::string>& items, const bool* more) {
  JsonWriter json;
  json.open('{').key(key).open('[');
  for (const auto& item : items) json.raw(item);
  json.close(']');
  if (more != nullptr) json.field("more", *more);
  return json.close('}').take();
}

}  // namespace muster::broker
