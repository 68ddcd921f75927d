// Messages as a device would send them, built by hand so that a test can also build wrong ones. Tests only; pure, any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/bytes.h"

namespace muster::e2e {

struct Report {
  std::string device = {};
  std::uint64_t boot_id = 1, seq = 1;
  std::string region = "eu", device_class = "rk3566";
  Sha256 active_model = {};  // zero: the plane is empty
  std::uint64_t attempt_epoch = 0;
  std::uint8_t attempt_state = 0;  // wire::AttemptState
  std::uint8_t device_state = 0;   // wire::DeviceState; may be out of range
  std::size_t tag_count = 0;       // more than limits.h allows, if wanted
};
[[nodiscard]] Bytes state_report(const Report& report);

struct Health {
  std::string device = {};
  std::uint64_t boot_id = 1, seq = 1;
  double p95_ms = 20;
};
[[nodiscard]] Bytes health_summary(const Health& health);

[[nodiscard]] Bytes chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length);

struct ChunkAsked {
  bool valid = false;
  Sha256 digest;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};
[[nodiscard]] ChunkAsked read_chunk_get(const Bytes& payload);

struct EvidenceToSend {
  std::string device = {};
  Sha256 bundle = {};
  std::uint64_t offset = 0, total = 0;
  Bytes data = {};
};
[[nodiscard]] Bytes evidence_chunk(const EvidenceToSend& evidence);

// What came as an Ack.
struct AckSeen {
  bool valid = false;
  Sha256 bundle;
  std::uint64_t offset = 0;
};
[[nodiscard]] AckSeen read_ack(const Bytes& payload);

// An answer that holds the blob from `offset` on: all the rest of it, unless `total` says otherwise. Status 0 is ok.
[[nodiscard]] Bytes chunk(const Sha256& digest, std::uint64_t offset, const Bytes& data, std::uint64_t total = 0,
                          std::uint8_t status = 0);

// What came as a Chunk; status 255 when it is none.
struct ChunkSeen {
  std::uint8_t status = 255;
  std::uint64_t offset = 0, total = 0;
  Bytes data;
};
[[nodiscard]] ChunkSeen read_chunk(const Bytes& payload);

struct ReleaseToAssign {
  std::uint8_t plane = 1;  // wire::Plane; may be out of range
  Sha256 manifest = {}, envelope = {};
  std::uint32_t envelope_size = 0;
  std::string name = "m", version = "1";
};
struct AssignmentToSend {
  std::string device = {};
  std::uint64_t epoch = 1, issued_s = 0, expires_s = 0;
  std::vector<ReleaseToAssign> releases = {};
};
// The payload of an assignment, to be sealed by whatever key the test likes.
[[nodiscard]] Bytes assignment(const AssignmentToSend& assignment);

struct DirectiveToSend {
  std::string scope = {};
  std::uint64_t epoch = 1, issued_s = 0, expires_s = 0;
  std::uint8_t order = 0;  // wire::OrderKind: safe mode
  Sha256 release = {};     // of a freeze or rollback on the model plane
};
[[nodiscard]] Bytes directive(const DirectiveToSend& directive);

// What the broker retains for a device, opened without checking who signed it: tests of refusals check that elsewhere.
struct AssignmentSeen {
  bool valid = false;
  std::uint64_t epoch = 0;
  std::string rollout;
  std::vector<Sha256> manifests;
};
[[nodiscard]] AssignmentSeen read_assignment(const Bytes& envelope);

// The newest report a device retained.
struct ReportSeen {
  bool valid = false;
  std::uint64_t boot_id = 0, seq = 0;
  std::string state, attempt, error, last_recovery_action;
  std::uint64_t attempt_epoch = 0;
  std::array<std::string, 3> active;  // NAME@VERSION by wire::Plane; empty: there is none
};
[[nodiscard]] ReportSeen read_report(const Bytes& payload);

// By the system's clock, as signed messages carry it.
[[nodiscard]] std::uint64_t now_s();

}  // namespace muster::e2e
