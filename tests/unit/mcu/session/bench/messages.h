// What a broker sends to the MCU client, made by hand and signed with the real signing: releases, assignments,
// directives, chains of roots, chunks, acknowledgements. Every default is a good message. Tests only; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mcu-client/src/update/types.h"
#include "schemas/bytes.h"
#include "schemas/chunk_generated.h"
#include "schemas/envelope_generated.h"
#include "trust/signing/signer.h"

namespace muster::mcu::sim {

struct Keys {
  trust::SigningKey root, release, control;
  static Keys generated();
};

[[nodiscard]] Bytes sealed(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key);

// The root document of this version, by and for these keys.
[[nodiscard]] Bytes root_document(const Keys& keys, std::uint32_t version, std::uint64_t expires_s = 0);

struct ReleaseSpec {
  Plane plane = Plane::model;
  std::string name = "release", version = "1";
  std::vector<std::pair<std::string, Bytes>> files = {};
  std::uint32_t security_version = 1;
  std::vector<std::string> checks = {};                      // exec probes
  std::vector<std::pair<Bytes, RecoveryAction>> rules = {};  // programs, of a config
  std::size_t padding = 0;                                   // bytes that make the manifest longer
};

struct Release {
  AssignedRelease assigned;
  std::string name, version;
  Bytes manifest, envelope;
  std::vector<std::pair<std::string, Bytes>> files;
  std::uint32_t security_version = 0;
  // What is fetched for it: the envelope and the files.
  [[nodiscard]] std::map<Sha256, Bytes> blobs() const;
};
[[nodiscard]] Release make_release(const ReleaseSpec& spec, const trust::SigningKey& key);

struct AssignmentSpec {
  std::string device_id = "mcu-0";
  std::uint64_t epoch = 1, issued_s = 1000, expires_s = 0;
  std::string rollout = "by-hand";
  std::uint32_t soak_s = 0;
  std::vector<const Release*> releases;
  std::vector<Plane> emptied;  // planes that are to be empty
  wire::Hold hold = wire::Hold::none;
  std::vector<const Release*> shadow;
};
[[nodiscard]] Bytes assignment(const AssignmentSpec& spec);

struct OrderSpec {
  OrderKind kind = OrderKind::safe_mode;
  std::uint64_t epoch = 1;
  Plane plane = Plane::firmware;
  Sha256 release = {};
  std::string reason = {}, by = {};
};
struct DirectiveSpec {
  std::string scope = "device/mcu-0";
  std::uint64_t epoch = 1, issued_s = 1000, expires_s = 0;
  std::vector<OrderSpec> orders;
};
[[nodiscard]] Bytes directive(const DirectiveSpec& spec);

struct ChunkAnswer {
  Sha256 digest;
  std::uint64_t offset = 0, total = 0;
  wire::ChunkStatus status = wire::ChunkStatus::ok;
  Bytes data;
  unsigned copies = 1;  // 0: none
  std::uint64_t delay_ms = 0;
};
[[nodiscard]] Bytes chunk(const ChunkAnswer& answer);
[[nodiscard]] Bytes ack(const Sha256& bundle, std::uint64_t offset);

// Bytes that differ from salt to salt.
[[nodiscard]] Bytes some_bytes(std::size_t size, std::uint32_t salt);

}  // namespace muster::mcu::sim
