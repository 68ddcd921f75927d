#include "edge-client/shell/manifest_reader.h"

#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::edge {
namespace {

std::string text(const flatbuffers::String* string) {
  return string == nullptr ? std::string() : string->str();
}

Sha256 digest(const wire::Digest* from) {
  Sha256 to;
  if (from != nullptr) std::memcpy(to.bytes.data(), from->bytes()->data(), to.bytes.size());
  return to;
}

std::vector<std::string> texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* list) {
  std::vector<std::string> copy;
  if (list == nullptr) return copy;
  for (const auto* item : *list) copy.push_back(item->str());
  return copy;
}

void read_conditions(const wire::Manifest& manifest, ReleaseInfo& info) {
  if (const auto* compatible = manifest.compatible()) {
    info.classes = texts(compatible->classes());
    info.accelerators = texts(compatible->accelerators());
    info.memory_mb_min = compatible->memory_mb_min();
    info.runtime = text(compatible->runtime());
  }
  if (const auto* runtime = manifest.runtime()) info.pipeline_checksum = text(runtime->pipeline_checksum());
  if (const auto* needs = manifest.requirements()) {
    for (const auto* need : *needs) info.needs.push_back({need->plane(), text(need->min_version())});
  }
}

WaitCondition copy_condition(const wire::ReadingCondition* condition) {
  if (condition == nullptr) return {};
  return {Bytes(condition->program()->begin(), condition->program()->end()), text(condition->source())};
}

void read_probes_and_recovery(const wire::Manifest& manifest, ReleaseInfo& info) {
  if (const auto* probes = manifest.probes()) {
    for (const auto* probe : *probes) {
      info.probes.push_back({probe->kind(), text(probe->target()), probe->initial_delay_ms(), probe->timeout_ms(),
                             probe->attempts(), probe->interval_ms()});
    }
  }
  if (const auto* activation = manifest.activation()) {
    info.fetch_when = copy_condition(activation->fetch());
    info.swap_when = copy_condition(activation->swap());
    info.wait_max_s = activation->within_s();
  }
  if (const auto* rules = manifest.recovery()) {
    for (const auto* rule : *rules) {
      info.recovery.push_back(
          {Bytes(rule->program()->begin(), rule->program()->end()), rule->action(), text(rule->source())});
    }
  }
}

ReleaseManifest copy_out(const wire::Manifest& manifest, const Sha256& identity, ByteView envelope) {
  ReleaseManifest copy;
  auto& info = copy.info;
  info.manifest = identity;
  info.plane = manifest.plane();
  info.name = text(manifest.name());
  info.version = text(manifest.version());
  info.security_version = manifest.security_version();
  info.shadow = text(manifest.shadow());
  read_conditions(manifest, info);
  read_probes_and_recovery(manifest, info);
  for (const auto* file : *manifest.files()) {
    copy.files.push_back({text(file->name()), file->size(), digest(file->sha256())});
    info.bytes_total += file->size();
  }
  copy.envelope.assign(envelope.begin(), envelope.end());
  return copy;
}

}  // namespace

tl::expected<ReleaseManifest, Fault> open_release(ByteView envelope, const Sha256& manifest,
                                                  const trust::TrustRoot& root, std::uint64_t now_s) {
  const AlignedBytes copy(envelope);
  const wire::Manifest* opened = nullptr;
  Sha256 identity;
  const auto fault = trust::open_manifest(copy.view(), {&root, now_s}, opened, identity);
  if (fault != trust::TrustFault::none) {
    return tl::unexpected(Fault{trust::code_of(fault), "the manifest " + to_hex(manifest).substr(0, 12) +
                                                           " was refused: " + std::string(name_of(fault))});
  }
  if (identity != manifest) {
    return tl::unexpected(Fault{ErrorCode::digest_mismatch, "the manifest is " + to_hex(identity).substr(0, 12) +
                                                                ", assigned was " + to_hex(manifest).substr(0, 12)});
  }
  return copy_out(*opened, identity, envelope);
}

tl::expected<ReleaseManifest, Fault> read_slot_manifest(ByteView envelope, const Sha256& manifest) {
  const AlignedBytes copy(envelope);
  const wire::Envelope* outer = nullptr;
  const Fault damaged{ErrorCode::slot_damaged, "the slot's manifest is damaged"};
  if (verify(copy.view(), outer) != WireFault::none) return tl::unexpected(damaged);
  const ByteView payload(outer->payload()->data(), outer->payload()->size());
  if (trust::sha256(payload) != manifest) return tl::unexpected(damaged);
  const AlignedBytes inner(payload);
  const wire::Manifest* opened = nullptr;
  if (verify(inner.view(), opened) != WireFault::none) return tl::unexpected(damaged);
  return copy_out(*opened, manifest, envelope);
}

}  // namespace muster::edge
