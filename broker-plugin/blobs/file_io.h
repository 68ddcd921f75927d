// Whole reads and writes at an offset, for blobs and evidence. Any thread but the broker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "schemas/bytes.h"

namespace muster::broker {

// An open file that is closed when this goes; fd() is negative, with errno set, when it could not be opened.
class File {
 public:
  File(const std::string& path, int flags);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// Writes all of it at `offset`; 0 or the error number.
[[nodiscard]] int write_all(int fd, ByteView data, std::uint64_t offset);

// Reads exactly `length` bytes; 0, or the error number (EIO for a file that ends too early).
[[nodiscard]] int read_all(int fd, std::uint8_t* into, std::size_t length, std::uint64_t offset);

}  // namespace muster::broker
