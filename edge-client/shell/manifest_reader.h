// A verified manifest as the agent and the slot store need it. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "edge-client/agent/types.h"
#include "schemas/manifest_generated.h"
#include "trust/envelope.h"

namespace muster::edge {

struct ReleaseFile {
  std::string name;  // relative, plain segments
  std::uint64_t size = 0;
  Sha256 sha256;
};

struct ReleaseManifest {
  ReleaseInfo info;
  std::vector<ReleaseFile> files;
  Bytes envelope;  // as it is kept in the slot
};

// Opens a signed manifest whose digest must be `manifest`: signature, structure, expiry. With `now_s` 0 expiry is not
// looked at: a release that is here already may be gone back to after its expiry.
[[nodiscard]] tl::expected<ReleaseManifest, Fault> open_release(ByteView envelope, const Sha256& manifest,
                                                                const trust::TrustRoot& root, std::uint64_t now_s);

// Reads the manifest of a slot whose digest the journal vouches for: only integrity, so that a slot outlives the key
// that signed it.
[[nodiscard]] tl::expected<ReleaseManifest, Fault> read_slot_manifest(ByteView envelope, const Sha256& manifest);

}  // namespace muster::edge
