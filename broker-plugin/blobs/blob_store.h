// Content-addressed files under data_dir/blobs: ab/<hex of the SHA-256>, immutable once there, and partial/<hex> for
// uploads under way. Any thread, but only one changes things: the job thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::broker {

class BlobStore {
 public:
  // Makes the folders where they are missing, and removes uploads that nobody has touched for a week.
  [[nodiscard]] static tl::expected<BlobStore, Error> open(const std::string& data_dir);

  [[nodiscard]] std::string path_of(const Sha256& digest) const;
  [[nodiscard]] std::string partial_path_of(const Sha256& digest) const;

  // The size of a stored blob; nothing when it is not here.
  [[nodiscard]] std::optional<std::uint64_t> size_of(const Sha256& digest) const;

  // True when the stored bytes are those of the digest; reads them all.
  [[nodiscard]] bool intact(const Sha256& digest) const;

  // Moves a complete, synced partial/<hex> to its place, durably.
  [[nodiscard]] tl::expected<void, Error> adopt(const Sha256& digest) const;

  // Stores a small blob at once, durably; fine when it is already here. REQUIRES: `digest` is that of `bytes`.
  [[nodiscard]] tl::expected<void, Error> put(const Sha256& digest, ByteView bytes) const;

  // Removes a stored blob, durably; fine when it is not here.
  [[nodiscard]] tl::expected<void, Error> remove(const Sha256& digest) const;

  // Bytes that may still be written to the disk below.
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  explicit BlobStore(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

// The error of a failed write or sync, with kind no_space when the disk, a quota or a file size limit stopped it.
[[nodiscard]] Error write_error(const std::string& what, int error_number);

}  // namespace muster::broker
