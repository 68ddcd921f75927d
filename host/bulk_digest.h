// SHA-256 of bulk data on Linux, with libcrypto's accelerated code (1.7 GB/s here against mbedTLS 2.28's 0.3).
// Each object belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::host {

class BulkDigest {
 public:
  BulkDigest();
  ~BulkDigest();
  BulkDigest(BulkDigest&&) noexcept;
  BulkDigest& operator=(BulkDigest&&) noexcept;

  void update(ByteView bytes);
  // Ends the digest and starts a new one.
  [[nodiscard]] Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct FileDigest {
  Sha256 sha256;
  std::uint64_t size = 0;
};
// Reads the whole file in 256 KiB steps.
[[nodiscard]] tl::expected<FileDigest, Error> digest_file(const std::string& path);
// One after the other, as if they were one file: what `cat A B | sha256sum` says.
[[nodiscard]] tl::expected<FileDigest, Error> digest_files(const std::vector<std::string>& paths);

}  // namespace muster::host
