// Messages as plain structs that tests change before they build them: every default is a good message. For tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/bytes.h"

namespace muster::test {

struct PlaneSpec {
  unsigned plane = 1;
  std::string name = "reader-deu";
  std::string version = "2.1.0";
};
struct StateReportSpec {
  std::string device_id = "gw-17";
  std::string device_class = "rk3566";
  std::string region = "eu";
  std::vector<std::string> tags = {"lab", "night"};
  std::vector<std::string> accelerators = {"npu"};
  std::vector<std::string> runtimes = {"rknn-2.0"};
  int utc_offset_min = 60;
  unsigned state = 1;
  std::vector<PlaneSpec> planes = {{0, "fw", "1"}, {1, "reader-deu", "2.1.0"}, {2, "sorter", "14"}};
  unsigned attempt_state = 8;
  unsigned error = 40;
  std::string detail = "probe golden-replay ended with 1: größer als erlaubt";
  unsigned recovery_action = 4;
};
[[nodiscard]] Bytes build(const StateReportSpec& spec);

struct HealthSummarySpec {
  std::string device_id = "gw-17";
  unsigned state = 0;
  unsigned thermal = 2;
  unsigned error = 0;
  double p95_ms = 41.25;
  std::string config_version = "sorter@14";
  std::vector<std::uint32_t> latency_buckets = {0, 3, 9, 27};
  std::vector<std::string> metrics = {"edit_distance", "camera_drop_rate"};
  double metric_sum = 12.5;
};
[[nodiscard]] Bytes build(const HealthSummarySpec& spec);

struct ChunkGetSpec {
  std::uint64_t offset = 65536;
  std::uint32_t length = 65536;
};
[[nodiscard]] Bytes build(const ChunkGetSpec& spec);

struct ChunkSpec {
  std::uint64_t offset = 100;
  std::uint64_t total = 400;
  unsigned status = 0;
  std::size_t data_len = 300;
  bool aligned = true;
};
[[nodiscard]] Bytes build(const ChunkSpec& spec);

struct EvidenceChunkSpec {
  std::string device_id = "gw-17";
  std::uint64_t offset = 8;
  std::uint64_t total = 40;
  std::size_t data_len = 32;
};
[[nodiscard]] Bytes build(const EvidenceChunkSpec& spec);

struct AckSpec {};
[[nodiscard]] Bytes build(const AckSpec& spec);

struct EnvelopeSpec {
  unsigned kind = 3;
  std::size_t payload_len = 100;
  bool aligned = true;
  std::uint32_t leaf_index = 2;
  std::uint32_t leaf_count = 5;
  std::size_t path_len = 3;
  std::size_t signatures = 2;
  std::size_t signature_len = 64;
};
[[nodiscard]] Bytes build(const EnvelopeSpec& spec);

struct RoleKeysSpec {
  unsigned role = 0;
  unsigned threshold = 1;
  std::size_t keys = 2;
  std::size_t point_len = 65;
  std::uint8_t point_form = 0x04;
};
struct RootDocumentSpec {
  std::uint32_t version = 1;
  std::vector<RoleKeysSpec> roles = {{0, 2, 3}, {1, 1, 2}, {2, 1, 1}};
};
[[nodiscard]] Bytes build(const RootDocumentSpec& spec);

struct RootChainSpec {
  std::size_t documents = 3;
  std::size_t document_len = 50;
  bool aligned = true;
};
[[nodiscard]] Bytes build(const RootChainSpec& spec);

struct FileSpec {
  std::string name;
  std::uint64_t size = 10;
};
struct ProbeSpec {
  unsigned kind = 0;
  std::string target = "golden-replay";
  std::uint32_t timeout_ms = 30000;
  unsigned attempts = 3;
};
struct ManifestSpec {
  std::string name = "sorter";
  std::string version = "15";
  unsigned plane = 2;
  std::vector<FileSpec> files = {{"thresholds.json", 120}, {"lang/labels.txt", 7}};
  std::vector<unsigned> requirement_planes = {0, 1};
  std::string min_version = "1.4.0";
  std::vector<std::string> classes = {"rk3566"};
  std::vector<std::string> os_versions = {"12"};
  std::string tokenizer = "bpe-32k";
  std::vector<ProbeSpec> probes = {
      {0, "golden-replay", 30000, 3}, {1, "http://127.0.0.1:8500/healthz", 2000, 5}, {2, "/run/ready", 500, 1}};
  std::size_t recovery_rules = 2;
  std::size_t program_len = 20;
  unsigned action = 4;
  std::string source = "crash_loop_count > 3";
  std::vector<std::string> provenance = {"training_data"};
  std::string provenance_value = "snapshot 2026-10-01";
  std::vector<std::string> evidence = {"benchmark.json"};
  bool readiness = true;
  std::string policy = "readiness";
  std::string shadow = "replay-camera";
  bool activation = true;
  std::size_t fetch_program_len = 5, swap_program_len = 9;  // 0: there is no such condition
  std::string wait_source = "battery_percent >= 40";
  std::uint32_t within_s = 86400;
};
[[nodiscard]] Bytes build(const ManifestSpec& spec);

struct AssignedReleaseSpec {
  unsigned plane = 1;
  bool manifest = true;
  bool envelope = true;
  std::uint32_t envelope_size = 900;
  std::string name = "reader-deu";
};
struct AssignmentSpec {
  std::string device_id = "gw-17";
  std::string rollout = "reader-3";
  std::vector<AssignedReleaseSpec> releases = {{1}, {2}, {0, false, false, 0, ""}};
  std::uint64_t epoch = 7;
  std::uint64_t expires_s = 2000000000;
  std::uint32_t soak_s = 60;
  unsigned hold = 2;
  std::vector<AssignedReleaseSpec> shadow = {{1}, {2}};
};
[[nodiscard]] Bytes build(const AssignmentSpec& spec);

struct OrderSpec {
  unsigned kind = 0;
  unsigned plane = 1;
  bool release = false;
  std::string reason = "hall B runs hot";
  std::string by = "alice";
};
struct DirectiveSpec {
  std::string scope = "group/region=de";
  std::vector<OrderSpec> orders = {{0}, {3, 1, true, "", ""}};
  std::uint64_t expires_s = 0;
};
[[nodiscard]] Bytes build(const DirectiveSpec& spec);

struct AuditHeadSpec {};
[[nodiscard]] Bytes build(const AuditHeadSpec& spec);

struct ReleaseMoveSpec {
  std::string release = "reader-deu@2.1.0";
  bool manifest = true;
  unsigned from = 1, to = 2;
  std::uint64_t expires_s = 0;
  std::string reason = "two weeks in the lab";
};
[[nodiscard]] Bytes build(const ReleaseMoveSpec& spec);

}  // namespace muster::test
