// The JSON objects of docs/control-api.md: what is retained on rollout/{r} and metrics, and the data of replies.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/counters.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/core/writer.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "broker-plugin/lifecycle/release_states.h"
#include "rules/engine/failure_cause.h"
#include "rules/engine/fleet_fit.h"
#include "rules/engine/status.h"
#include "schemas/bytes.h"

namespace muster::broker {

[[nodiscard]] std::string status_json(const rules::RolloutStatus& status);
// The same, and who matches its targets and cannot run its releases.
[[nodiscard]] std::string status_json(const rules::RolloutStatus& status, const rules::FleetFit& unfit);

// With the envelope in base64 when `envelope` is not empty, and those of its moves when `moves` has them all.
[[nodiscard]] std::string release_json(const Release& release, const ReleaseLife& life, ByteView envelope = {},
                                       const std::vector<Bytes>& moves = {});

// What startRollout and checkRollout say of the fleet, without the closing brace: more may follow.
[[nodiscard]] std::string fit_json(const std::string& rollout, const rules::FleetFit& fit);

// `health`: the bytes of the last summary, which were verified when they came; empty: "health" is null.
// What the rollouts have to say about one device.
[[nodiscard]] std::string reasons_json(std::string_view device, const std::vector<rules::DeviceReason>& reasons);
[[nodiscard]] std::string device_json(const rules::DeviceStatus& device, const ReleaseRegistry& releases,
                                      ByteView health, bool with_health);

[[nodiscard]] std::string evidence_json(const EvidenceBundle& bundle);

// A part of a blob for an operator: of a bundle, or of a release's evidence.
[[nodiscard]] std::string part_json(std::uint64_t offset, std::uint64_t size, ByteView data);

struct AuditPage {
  std::vector<AuditEntry> entries;
  bool more = false;
  AuditHeadRecord head;
};
[[nodiscard]] std::string audit_json(const AuditPage& page);

struct Metrics {
  std::uint64_t time_s = 0;
  std::size_t devices_known = 0, devices_connected = 0;
  std::map<std::string, std::uint32_t> rollouts;  // by state
  rules::Troubles troubles;
  const Counters* counters = nullptr;
  ChunkNumbers chunks;
  EvidenceDesk::Numbers evidence;
  WriterNumbers writer;
  std::string stopped;  // why nothing is decided any more; empty while all is well
};
[[nodiscard]] std::string metrics_json(const Metrics& metrics);

// {"KEY": [item, item …]}, with "more" when it is given.
[[nodiscard]] std::string list_json(std::string_view key, const std::vector<std::string>& items,
                                    const bool* more = nullptr);

}  // namespace muster::broker
