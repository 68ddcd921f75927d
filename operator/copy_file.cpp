#include "operator/copy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

namespace muster::ctl {
namespace {

constexpr std::size_t step = 256 * 1024;

Error io_error(const std::string& what, int code) {
  const auto kind = code == ENOSPC || code == EDQUOT ? ErrorKind::no_space
                    : code == ENOENT                 ? ErrorKind::not_found
                                                     : ErrorKind::io;
  return {kind, what + ": " + std::system_category().message(code)};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, const std::uint8_t* data, std::size_t size) {
  while (size > 0) {
    const auto written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// Copies until the end of the source; the digest is of what was written.
tl::expected<host::FileDigest, Error> pump(int from, int to, const std::string& source, const std::string& target) {
  host::BulkDigest digest;
  host::FileDigest result;
  std::vector<std::uint8_t> buffer(step);
  for (;;) {
    const auto got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(io_error("cannot read " + source, errno));
    if (got == 0) break;
    const auto size = static_cast<std::size_t>(got);
    digest.update({buffer.data(), size});
    result.size += size;
    if (!write_all(to, buffer.data(), size)) return tl::make_unexpected(io_error("cannot write " + target, errno));
  }
  if (::fsync(to) != 0) return tl::make_unexpected(io_error("cannot write " + target, errno));
  result.sha256 = digest.finish();
  return result;
}

}  // namespace

tl::expected<host::FileDigest, Error> copy_under_digest(const std::string& source, const std::string& folder) {
  const Descriptor from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return tl::make_unexpected(io_error("cannot read " + source, errno));
  struct stat info {};
  if (::fstat(from.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return tl::make_unexpected(Error{ErrorKind::invalid, source + " is no regular file: a release holds files only"});
  }
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return tl::make_unexpected(io_error("cannot make the folder " + folder, failure.value()));
  const auto partial = folder + "/.partial";
  tl::expected<host::FileDigest, Error> copied;
  {
    const Descriptor to(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (to.get() < 0) return tl::make_unexpected(io_error("cannot write " + partial, errno));
    copied = pump(from.get(), to.get(), source, partial);
  }
  if (copied && ::rename(partial.c_str(), (folder + "/" + to_hex(copied->sha256)).c_str()) != 0) {
    copied = tl::make_unexpected(io_error("cannot write " + folder, errno));
  }
  if (!copied) ::unlink(partial.c_str());
  return copied;
}

}  // namespace muster::ctl
