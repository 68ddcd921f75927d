#include "tests/unit/broker/fixtures.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "broker-plugin/core/wire_digest.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/manifest_generated.h"
#include "schemas/state_report_generated.h"
#include "trust/sha256.h"

namespace muster::broker::test {
namespace {

Bytes finished(const flatbuffers::FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "muster-broker-XXXXXX").string();
  const char* made = ::mkdtemp(pattern.data());
  path_ = made == nullptr ? "" : made;
  EXPECT_FALSE(path_.empty());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void RecordingPort::publish(const Publication& publication) {
  sent.push_back({publication.client, publication.topic, std::string(publication.payload.bytes().text()),
                  publication.qos, publication.retain});
}

void RecordingPort::log(host::LogLevel, const std::string& line) {
  lines.push_back(line);
}

std::string RecordingPort::retained(const std::string& topic) const {
  std::string payload;
  for (const auto& message : sent) {
    if (message.topic == topic && message.retain) payload = message.payload;
  }
  return payload;
}

std::size_t RecordingPort::count(const std::string& topic) const {
  std::size_t count = 0;
  for (const auto& message : sent) count += message.topic == topic ? 1u : 0u;
  return count;
}

bool RecordingPort::logged(std::string_view part) const {
  for (const auto& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

bool eventually(const std::function<bool()>& done, const std::function<void()>& step) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    if (step) step();
    std::this_thread::yield();
  }
  return true;
}

bool drain_until(Outbox& outbox, BrokerPort& port, const std::function<bool()>& done) {
  return eventually(done, [&] { outbox.drain(port); });
}

trust::SigningKey new_key() {
  auto key = trust::SigningKey::generate();
  if (!key) {
    ADD_FAILURE() << key.error().message;
    std::abort();
  }
  return std::move(*key);
}

Installation::Installation(std::string_view extra_yaml)
    : root_key(new_key()),
      release_key(new_key()),
      control_key(new_key()),
      config_path(folder / "broker.yaml"),
      data_dir(folder / "data") {
  const auto document = trust::seal_root(1, 1000, 0,
                                         {{wire::Role::root, 1, {root_key.point()}},
                                          {wire::Role::release, 1, {release_key.point()}},
                                          {wire::Role::control, 1, {control_key.point()}}},
                                         {&root_key});
  EXPECT_TRUE(document.has_value());
  const AlignedBytes aligned{ByteView(*document)};
  EXPECT_EQ(trust::pin_root(aligned.view(), root), trust::TrustFault::none);
  const auto chain = trust::make_root_chain({*document});
  write_text(folder / "root-chain.mrch", ByteView(chain).text());
  EXPECT_TRUE(control_key.save(folder / "control.key").has_value());
  write_text(config_path,
             "data_dir: data\ncontrol_key: control.key\nroot_chain: root-chain.mrch\n"
             "operators: { alice: [view, operate], bob: [approve], eve: [view] }\n" +
                 std::string(extra_yaml));
}

SignedRelease make_release(const trust::SigningKey& key, const std::string& name, const std::string& version,
                           std::string content, std::uint64_t expires_s) {
  SignedRelease release;
  release.content = std::move(content);
  release.file = trust::sha256(ByteView(std::string_view(release.content)));
  flatbuffers::FlatBufferBuilder builder;
  const auto file_digest = wire_digest(release.file);
  const auto file_name = builder.CreateString("weights.bin");
  const auto files = builder.CreateVector(
      std::vector{wire::CreateFileEntry(builder, file_name, release.content.size(), &file_digest)});
  const auto name_at = builder.CreateString(name);
  const auto version_at = builder.CreateString(version);
  wire::ManifestBuilder manifest(builder);
  manifest.add_name(name_at);
  manifest.add_version(version_at);
  manifest.add_plane(wire::Plane::model);
  manifest.add_security_version(1);
  manifest.add_files(files);
  manifest.add_expires_s(expires_s);
  wire::FinishManifestBuffer(builder, manifest.Finish());
  release.manifest = finished(builder);
  release.digest = trust::sha256(ByteView(release.manifest));
  auto envelopes = trust::seal({{wire::PayloadKind::manifest, ByteView(release.manifest)}}, {&key});
  EXPECT_TRUE(envelopes.has_value());
  release.envelope = std::move(envelopes->front());
  return release;
}

Bytes make_report(const ReportFields& fields) {
  flatbuffers::FlatBufferBuilder builder;
  const auto device_class = builder.CreateString(fields.device_class);
  const auto region = builder.CreateString(fields.region);
  wire::FactsBuilder facts_builder(builder);
  facts_builder.add_device_class(device_class);
  facts_builder.add_region(region);
  facts_builder.add_utc_offset_min(static_cast<std::int16_t>(fields.utc_offset_min));
  const auto facts = facts_builder.Finish();
  const auto active = wire_digest(fields.model);
  std::vector<flatbuffers::Offset<wire::PlaneState>> planes;
  planes.push_back(wire::CreatePlaneState(builder, wire::Plane::model, fields.model.is_zero() ? nullptr : &active));
  const auto list = builder.CreateVector(planes);
  const auto attempt =
      wire::CreateAttempt(builder, fields.attempt_epoch, fields.attempt, wire::Plane::model, fields.error);
  const auto device = builder.CreateString(fields.device);
  wire::FinishStateReportBuffer(
      builder, wire::CreateStateReport(builder, device, fields.seq, fields.boot_id, 1000, facts,
                                       wire::DeviceState::healthy, list, attempt, fields.attempt_epoch));
  return finished(builder);
}

Bytes make_health(const HealthFields& fields) {
  flatbuffers::FlatBufferBuilder builder;
  const auto id = builder.CreateString(fields.device);
  wire::HealthSummaryBuilder summary(builder);
  summary.add_device_id(id);
  summary.add_seq(fields.seq);
  summary.add_boot_id(fields.boot_id);
  summary.add_window_start_s(fields.window_start_s);
  summary.add_window_s(fields.window_s);
  summary.add_p95_ms(fields.p95_ms);
  wire::FinishHealthSummaryBuffer(builder, summary.Finish());
  return finished(builder);
}

Bytes make_health(const std::string& device, std::uint64_t seq, double p95_ms) {
  return make_health({.device = device, .seq = seq, .p95_ms = p95_ms});
}

Bytes make_evidence(const std::string& device, const Sha256& bundle, std::uint64_t offset, std::uint64_t total,
                    std::string_view data) {
  flatbuffers::FlatBufferBuilder builder;
  const auto id = builder.CreateString(device);
  const auto digest = wire_digest(bundle);
  builder.ForceVectorAlignment(data.size(), 1, 8);
  const auto bytes = builder.CreateVector(ByteView(data).data(), data.size());
  wire::FinishEvidenceChunkBuffer(builder, wire::CreateEvidenceChunk(builder, id, &digest, offset, total, bytes));
  return finished(builder);
}

Bytes make_chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
  flatbuffers::FlatBufferBuilder builder;
  const auto wanted = wire_digest(digest);
  wire::FinishChunkGetBuffer(builder, wire::CreateChunkGet(builder, &wanted, offset, length));
  return finished(builder);
}

}  // namespace muster::broker::test
