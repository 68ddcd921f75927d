// A release as a folder on the operator's machine (docs/files.md): built from a release file, signed, read again.
//   OUT/NAME@VERSION/manifest.mman  manifest.menv (once signed)  files/<sha256>  evidence/<sha256>
// One process at a time works on one folder; a failure leaves no half-made one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "rules/config/load_release.h"
#include "schemas/bytes.h"
#include "schemas/manifest_generated.h"

namespace muster::ctl {

struct ReleaseFile {
  std::string text;
  rules::ReleaseSpec spec;
};
// An error in the file has kind invalid, and every diagnostic on a line of its own after the first.
[[nodiscard]] tl::expected<ReleaseFile, Error> read_release_file(const std::string& file);

struct BuiltRelease {
  std::string folder;   // OUT/NAME@VERSION
  std::string release;  // NAME@VERSION
  Sha256 manifest;      // the release's identity
  std::size_t file_count = 0;
  std::uint64_t bytes = 0;
  std::string policy;                 // name and version of the readiness policy that it passed; empty: none
  std::vector<std::string> warnings;  // what is allowed and seldom meant, a sentence each
};

// Reads and checks `file`, copies and digests what it names (relative to it) and writes the folder under `out`. An
// error in the file has kind invalid, and every diagnostic on a line of its own after the first. A folder that is
// already there is left alone unless `replace`, which a signed one never is. `created_s` goes into the manifest. A
// release that names a policy and does not pass it is not built: kind refused, a line for all that is wrong.
[[nodiscard]] tl::expected<BuiltRelease, Error> build_release(const std::string& file, const std::string& out,
                                                              std::uint64_t created_s, bool replace);

// A release read back from its folder.
class LocalRelease {
 public:
  // Reads manifest.menv when the folder is signed, else manifest.mman, and checks their structure (no signature).
  [[nodiscard]] static tl::expected<LocalRelease, Error> open(const std::string& folder);
  // The manifest inside `envelope`, as the broker keeps it.
  [[nodiscard]] static tl::expected<LocalRelease, Error> from_envelope(Bytes envelope);

  [[nodiscard]] const wire::Manifest& manifest() const { return *manifest_; }
  [[nodiscard]] ByteView manifest_bytes() const { return manifest_copy_->view(); }
  [[nodiscard]] const Bytes& envelope() const { return envelope_; }  // empty: not signed yet
  [[nodiscard]] std::string name_at_version() const;
  [[nodiscard]] Sha256 digest() const;
  // The ids of the keys that signed it, in hexadecimal; unchecked.
  [[nodiscard]] std::vector<std::string> signer_ids() const;

 private:
  [[nodiscard]] tl::expected<void, Error> take_manifest(ByteView bytes);

  Bytes envelope_;
  std::unique_ptr<AlignedBytes> manifest_copy_;
  const wire::Manifest* manifest_ = nullptr;
};

// The path of a file's bytes inside `folder`.
[[nodiscard]] std::string blob_path(const std::string& folder, const Sha256& digest);

// Digests every file of the folder again and compares it with the manifest: what is signed is what is there.
[[nodiscard]] tl::expected<void, Error> check_files(const std::string& folder, const LocalRelease& release);

// Signs the folder's manifest with all of `key_files` and writes manifest.menv, after checking that files and evidence
// are what it says, and that evidence judged again by the policy gives what it says too and passes at `now_s` (Unix
// time) as well. One that is signed already is left alone unless `again`. Gives the signed release.
[[nodiscard]] tl::expected<LocalRelease, Error> sign_release(const std::string& folder,
                                                             const std::vector<std::string>& key_files,
                                                             std::uint64_t now_s, bool again);

}  // namespace muster::ctl
