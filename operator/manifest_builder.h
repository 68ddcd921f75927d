// A validated release file and the digests of its files → the manifest's bytes. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/digested_file.h"
#include "rules/config/load_release.h"
#include "schemas/bytes.h"

namespace muster::ctl {

// The policy that the release passed, and the record of that.
struct ReadinessFacts {
  std::string policy;
  std::uint32_t policy_version = 0;
  Sha256 policy_sha256, record_sha256;
};

// Everything a manifest says that is not in the release file itself.
struct ManifestFacts {
  std::vector<DigestedFile> files;     // one for each of spec.files, in order
  std::vector<DigestedFile> evidence;  // one for each of spec.evidence, in order; in the manifest without readiness
  std::optional<ReadinessFacts> readiness;
  std::uint64_t created_s = 0;
};

// The same spec and facts give the same bytes, and so the same release. What comes back has passed the wire verifier,
// so every device accepts its structure; an error says which limit the release is over.
[[nodiscard]] tl::expected<Bytes, Error> build_manifest(const rules::ReleaseSpec& spec, const ManifestFacts& facts);

}  // namespace muster::ctl
