// A small file beside the database that says how many batches were made durable. RocksDB cannot tell a log that lost
// its last records from one whose last write never ended; this can: the mark is written after each synced batch, so the
// database must hold at least as many as it says. Two slots are written in turn, so that a torn write leaves the other.
// One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::broker {

class TailMark {
 public:
  // Opens `path`, or makes it, durably and with both slots readable: a torn write then never leaves none. `mark` below
  // is absent when there was no file.
  [[nodiscard]] static tl::expected<TailMark, Error> open(const std::string& path);
  TailMark(TailMark&& other) noexcept;
  TailMark& operator=(TailMark&&) = delete;
  ~TailMark();

  // The newest number written; nothing when the file is new. Both slots unreadable is an error of open().
  [[nodiscard]] std::optional<std::uint64_t> mark() const { return mark_; }

  // Not synced: it may fall behind the database, which is harmless, and never gets ahead of it.
  [[nodiscard]] tl::expected<void, Error> write(std::uint64_t batch_number);

 private:
  TailMark(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
  std::optional<std::uint64_t> mark_;
};

}  // namespace muster::broker
