#include "broker-plugin/core/releases.h"

#include <algorithm>
#include <utility>

#include "broker-plugin/core/big_endian.h"
#include "broker-plugin/core/wire_digest.h"
#include "schemas/envelope_generated.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::broker {

namespace {

std::vector<std::string> texts_of(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* strings) {
  std::vector<std::string> texts;
  if (strings == nullptr) return texts;
  for (const auto* string : *strings) texts.push_back(string->str());
  return texts;
}

rules::Needs needs_of(const wire::Manifest& manifest) {
  rules::Needs needs;
  if (const auto* compatible = manifest.compatible()) {
    needs.classes = texts_of(compatible->classes());
    needs.accelerators = texts_of(compatible->accelerators());
    needs.os_versions = texts_of(compatible->os_versions());
    needs.memory_mb_min = compatible->memory_mb_min();
    if (compatible->runtime() != nullptr) needs.runtime = compatible->runtime()->str();
  }
  if (manifest.requirements() != nullptr) {
    for (const auto* need : *manifest.requirements())
      needs.version_min[static_cast<std::size_t>(need->plane())] = need->min_version()->str();
  }
  return needs;
}

}  // namespace

Release release_from(const wire::Manifest& manifest, const Sha256& digest, ByteView envelope) {
  Release release;
  release.name = manifest.name()->str();
  release.version = manifest.version()->str();
  release.plane = static_cast<rules::Plane>(manifest.plane());
  release.manifest = digest;
  release.envelope = trust::sha256(envelope);
  release.envelope_size = static_cast<std::uint32_t>(envelope.size());
  release.security_version = manifest.security_version();
  release.expires_s = manifest.expires_s();
  for (const auto* file : *manifest.files()) {
    release.files.push_back({file->name()->str(), file->size(), digest_of(file->sha256())});
  }
  release.needs = needs_of(manifest);
  release.can_shadow = manifest.shadow() != nullptr;
  if (manifest.runtime() != nullptr && manifest.runtime()->delegate() != nullptr)
    release.delegate = manifest.runtime()->delegate()->str();
  if (const auto* readiness = manifest.readiness()) {
    release.readiness = {readiness->policy()->str(), readiness->policy_version(), digest_of(readiness->policy_sha256()),
                         digest_of(readiness->record_sha256())};
  }
  if (manifest.evidence() != nullptr) {
    for (const auto* file : *manifest.evidence())
      release.evidence.push_back({file->name()->str(), 0, digest_of(file->sha256())});
  }
  return release;
}

std::string encode_release(const Release& release, ByteView envelope) {
  std::string bytes;
  put_u64(bytes, release.published_s);
  put_u32(bytes, static_cast<std::uint32_t>(release.published_by.size()));
  bytes += release.published_by;
  bytes += envelope.text();
  return bytes;
}

namespace {

bool split_stored(std::string_view bytes, std::uint64_t& published_s, std::string_view& by,
                  std::string_view& envelope) {
  std::uint32_t by_len = 0;
  if (!take_u64(bytes, published_s) || !take_u32(bytes, by_len) || !take_text(bytes, by_len, by)) return false;
  envelope = bytes;
  return true;
}

}  // namespace

std::optional<Release> decode_release(std::string_view bytes) {
  std::uint64_t published_s = 0;
  std::string_view by, envelope_text;
  if (!split_stored(bytes, published_s, by, envelope_text)) return std::nullopt;
  const AlignedBytes envelope{ByteView(envelope_text)};
  const wire::Envelope* opened = nullptr;
  if (verify(envelope.view(), opened) != WireFault::none) return std::nullopt;
  const ByteView payload(opened->payload()->data(), opened->payload()->size());
  const wire::Manifest* manifest = nullptr;
  if (verify(payload, manifest) != WireFault::none) return std::nullopt;
  auto release = release_from(*manifest, trust::sha256(payload), envelope.view());
  release.published_s = published_s;
  release.published_by = by;
  return release;
}

ByteView envelope_in(std::string_view stored_release) {
  std::uint64_t published_s = 0;
  std::string_view by, envelope;
  return split_stored(stored_release, published_s, by, envelope) ? ByteView(envelope) : ByteView();
}

tl::expected<ReleasePtr, Error> ReleaseRegistry::add(Release release) {
  if (const auto known = by_ref_.find(release.ref()); known != by_ref_.end()) {
    if (known->second->manifest == release.manifest) return known->second;
    return tl::unexpected(Error{ErrorKind::exists, release.ref() + " is already published with another manifest (" +
                                                       to_hex(known->second->manifest).substr(0, 12) +
                                                       "…); give the changed release a new version"});
  }
  if (by_ref_.size() >= releases_max) {
    return tl::unexpected(
        Error{ErrorKind::refused, "the broker holds " + std::to_string(releases_max) + " releases, its limit"});
  }
  const auto added = std::make_shared<const Release>(std::move(release));
  by_ref_.emplace(added->ref(), added);
  by_manifest_.emplace(added->manifest, added);
  serve(*added);
  return added;
}

void ReleaseRegistry::serve(const Release& release) {
  served_.emplace(release.envelope, release.envelope_size);
  if (without_files_.contains(release.manifest)) return;
  for (const auto& file : release.files) served_.emplace(file.sha256, file.size);
}

void ReleaseRegistry::stop_serving_files(const Sha256& manifest) {
  if (!without_files_.insert(manifest).second) return;
  served_.clear();
  for (const auto& [ref, release] : by_ref_) serve(*release);
}

std::vector<Sha256> ReleaseRegistry::files_of_nobody_else(const Release& release) const {
  std::vector<Sha256> files;
  for (const auto& file : release.files) {
    const bool known = std::find(files.begin(), files.end(), file.sha256) != files.end();
    if (!known && !served_.contains(file.sha256)) files.push_back(file.sha256);
  }
  return files;
}

ReleasePtr ReleaseRegistry::find(std::string_view name, std::string_view version) const {
  const auto found = by_ref_.find(std::string(name) + "@" + std::string(version));
  return found == by_ref_.end() ? nullptr : found->second;
}

ReleasePtr ReleaseRegistry::by_manifest(const Sha256& manifest) const {
  const auto found = by_manifest_.find(manifest);
  return found == by_manifest_.end() ? nullptr : found->second;
}

std::vector<ReleasePtr> ReleaseRegistry::all() const {
  std::vector<ReleasePtr> releases;
  releases.reserve(by_ref_.size());
  for (const auto& [ref, release] : by_ref_) releases.push_back(release);
  return releases;
}

std::optional<std::uint64_t> ReleaseRegistry::served(const Sha256& digest) const {
  const auto found = served_.find(digest);
  return found == served_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace muster::broker
