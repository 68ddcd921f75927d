// Uploads under way: begin, put piece by piece, end. An upload survives restarts of either side: its bytes so far are a
// file, and begin() says where to go on. Job thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <tl/expected.hpp>

#include "broker-plugin/blobs/blob_store.h"
#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::broker {

class Uploads {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Uploads(const BlobStore& blobs) : blobs_(blobs) {}

  // Where to go on; equal to `size` when the blob is already here. Errors: no_space when it cannot fit, refused when
  // `uploads_max` others are under way, invalid when its size is out of bounds.
  [[nodiscard]] tl::expected<std::uint64_t, Error> begin(const Sha256& digest, std::uint64_t size, Time now);

  // Appends and gives the next offset. A piece that is already here is fine. After an error nothing of it is kept.
  [[nodiscard]] tl::expected<std::uint64_t, Error> put(const Sha256& digest, std::uint64_t offset, ByteView data,
                                                       Time now);

  // Checks the digest, syncs and stores. Bytes that are not those of the digest are thrown away (invalid).
  [[nodiscard]] tl::expected<void, Error> end(const Sha256& digest, Time now);

  static constexpr std::size_t uploads_max = 16;
  // What an upload leaves free for the database: a broker that can not write its decisions down stops all rollouts.
  static constexpr std::uint64_t reserve_bytes = std::uint64_t{16} << 20;
  static constexpr std::chrono::minutes idle_max{10};  // then another may take its place; what it sent is kept

 private:
  struct Upload {
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
    Time touched{};
  };
  void forget_idle(Time now);
  // The upload, begun again from its file when only the size is unknown to us; an error when it was never begun.
  [[nodiscard]] tl::expected<Upload*, Error> find(const Sha256& digest);

  const BlobStore& blobs_;
  std::map<Sha256, Upload> uploads_;
};

}  // namespace muster::broker
