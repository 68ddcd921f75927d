// The releases this broker knows: verified manifests, and with them the blobs that devices may fetch. Broker thread
// only; single Release objects are immutable and shared with other threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host/error.h"
#include "rules/engine/needs.h"
#include "schemas/bytes.h"

namespace muster::wire {
struct Manifest;
}

namespace muster::broker {

struct ReleaseFile {
  std::string name;
  std::uint64_t size = 0;
  Sha256 sha256;
};

// The readiness policy that the release passed before it was signed; an empty name: none.
struct Readiness {
  std::string policy;
  std::uint32_t version = 0;
  Sha256 policy_sha256, record_sha256;
};

struct Release {
  std::string name, version;
  rules::Plane plane = rules::Plane::model;
  Sha256 manifest;  // identity: digest of the manifest's bytes
  Sha256 envelope;  // the blob that devices fetch: the signed manifest
  std::uint32_t envelope_size = 0;
  std::uint32_t security_version = 0;
  std::uint64_t expires_s = 0;  // 0: never
  std::vector<ReleaseFile> files;
  rules::Needs needs;       // of devices
  std::string delegate;     // what is meant to run it: "npu"; empty: it does not say
  bool can_shadow = false;  // it names what runs it beside the active one
  Readiness readiness;
  std::vector<ReleaseFile> evidence;  // that the manifest lists itself, sizes 0; with readiness the record does
  std::uint64_t published_s = 0;
  std::string published_by;

  [[nodiscard]] std::string ref() const { return name + "@" + version; }
};
using ReleasePtr = std::shared_ptr<const Release>;

// What `manifest`, whose digest is `digest`, says, with its envelope's digest and size.
[[nodiscard]] Release release_from(const wire::Manifest& manifest, const Sha256& digest, ByteView envelope);

// As stored: when and by whom it was published, then the envelope. Decoding checks the structure of both, not the
// signature: that was checked before it was stored, and devices check it themselves.
[[nodiscard]] std::string encode_release(const Release& release, ByteView envelope);
[[nodiscard]] std::optional<Release> decode_release(std::string_view bytes);
// The envelope in a stored release; empty when the bytes are not one.
[[nodiscard]] ByteView envelope_in(std::string_view stored_release);

struct DigestHash {
  std::size_t operator()(const Sha256& digest) const {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value = (value << 8) | digest.bytes[i];
    return value;
  }
};

class ReleaseRegistry {
 public:
  // Publishing the same manifest again is fine and gives the release as it was first published; another manifest under
  // a known name@version is refused (exists).
  [[nodiscard]] tl::expected<ReleasePtr, Error> add(Release release);

  // Null when there is none.
  [[nodiscard]] ReleasePtr find(std::string_view name, std::string_view version) const;
  [[nodiscard]] ReleasePtr by_manifest(const Sha256& manifest) const;
  // Sorted by name@version.
  [[nodiscard]] std::vector<ReleasePtr> all() const;
  [[nodiscard]] std::size_t size() const { return by_ref_.size(); }

  // The size of a blob that belongs to a published release: what a device may fetch.
  [[nodiscard]] std::optional<std::uint64_t> served(const Sha256& digest) const;

  // From now on no device may fetch its files, but for those that another release has; its manifest they may.
  void stop_serving_files(const Sha256& manifest);
  // Its files that no release has whose files are served; each once.
  [[nodiscard]] std::vector<Sha256> files_of_nobody_else(const Release& release) const;

  static constexpr std::size_t releases_max = 10000;

 private:
  void serve(const Release& release);

  std::map<std::string, ReleasePtr, std::less<>> by_ref_;
  std::unordered_map<Sha256, ReleasePtr, DigestHash> by_manifest_;
  std::unordered_map<Sha256, std::uint64_t, DigestHash> served_;
  std::unordered_set<Sha256, DigestHash> without_files_;  // manifests
};

}  // namespace muster::broker
