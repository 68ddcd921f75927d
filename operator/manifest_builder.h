// A validated release file and the digests of its files → the manifest's bytes. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "rules/config/load_release.h"
#include "schemas/bytes.h"

namespace muster::ctl {

struct DigestedFile {
  std::string name;  // as the release file names it
  Sha256 sha256;
  std::uint64_t size = 0;  // bytes
};

// Everything a manifest says that is not in the release file itself.
struct ManifestFacts {
  std::vector<DigestedFile> files;     // one for each of spec.files, in order
  std::vector<DigestedFile> evidence;  // one for each of spec.evidence, in order
  std::uint64_t created_s = 0;
};

// The same spec and facts give the same bytes, and so the same release. What comes back has passed the wire verifier,
// so every device accepts its structure; an error says which limit the release is over.
[[nodiscard]] tl::expected<Bytes, Error> build_manifest(const rules::ReleaseSpec& spec, const ManifestFacts& facts);

}  // namespace muster::ctl
