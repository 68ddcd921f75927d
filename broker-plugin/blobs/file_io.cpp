#include "broker-plugin/blobs/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace muster::broker {

File::File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

int write_all(int fd, ByteView data, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < data.size()) {
    const auto wrote = ::pwrite(fd, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return wrote == 0 ? ENOSPC : errno;
    done += static_cast<std::size_t>(wrote);
  }
  return 0;
}

int read_all(int fd, std::uint8_t* into, std::size_t length, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < length) {
    const auto got = ::pread(fd, into + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? EIO : errno;
    done += static_cast<std::size_t>(got);
  }
  return 0;
}

}  // namespace muster::broker
