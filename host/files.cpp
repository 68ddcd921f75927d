#include "host/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace muster::host {

namespace {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { (void)close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] bool good() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }
  // Zero, or -1 with errno: on some file systems a full disk is first heard of here.
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 ? 0 : ::close(fd);
  }

 private:
  int fd_;
};

ErrorKind kind_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::not_found;
    case EEXIST:
      return ErrorKind::exists;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::no_space;
    default:
      return ErrorKind::io;
  }
}

// "cannot open /x: No such file or directory", from errno.
tl::unexpected<Error> failure(std::string_view doing, const std::string& path) {
  const int error = errno;
  return tl::unexpected(
      Error{kind_of(error), std::string("cannot ").append(doing) + " " + path + ": " + std::strerror(error)});
}

int open_retrying(const std::string& path, int flags, unsigned mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// The folder that holds `path`.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int fd, ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  return true;
}

// Writes, sets the mode whatever the umask says, and syncs. The name is removed again when any of it fails.
tl::expected<void, Error> fill(Descriptor& file, const std::string& path, ByteView bytes, unsigned mode) {
  const bool done = ::fchmod(file.get(), static_cast<mode_t>(mode)) == 0 && write_all(file.get(), bytes) &&
                    ::fsync(file.get()) == 0 && file.close() == 0;
  if (done) return {};
  auto error = failure("write", path);
  ::unlink(path.c_str());
  return error;
}

}  // namespace

tl::expected<Bytes, Error> read_file(const std::string& path, std::size_t len_max) {
  Descriptor file(open_retrying(path, O_RDONLY));
  if (!file.good()) return failure("open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failure("read", path);
  if (S_ISDIR(status.st_mode)) return tl::unexpected(Error{ErrorKind::io, "cannot read " + path + ": it is a folder"});

  // Sizes lie (pipes, /proc), so the bytes themselves are counted; one more than allowed tells "too long" from "just
  // fits".
  Bytes bytes;
  std::uint8_t block[16 * 1024];
  for (;;) {
    const auto got = ::read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read", path);
    if (got == 0) return bytes;
    if (static_cast<std::size_t>(got) > len_max - bytes.size()) {
      return tl::unexpected(
          Error{ErrorKind::invalid, path + " is too long: at most " + std::to_string(len_max) + " bytes are allowed"});
    }
    bytes.insert(bytes.end(), block, block + got);
  }
}

tl::expected<void, Error> write_file_durably(const std::string& path, ByteView bytes, unsigned mode) {
  const std::string temporary = path + ".tmp";
  Descriptor file(open_retrying(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode & 0600));
  if (!file.good()) return failure("create", temporary);
  if (auto filled = fill(file, temporary, bytes, mode); !filled) return filled;
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = failure("replace", path);
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_folder(folder_of(path));
}

tl::expected<void, Error> write_new_file(const std::string& path, ByteView bytes, unsigned mode) {
  Descriptor file(open_retrying(path, O_WRONLY | O_CREAT | O_EXCL, mode & 0600));
  if (!file.good() && errno == EEXIST) {
    return tl::unexpected(
        Error{ErrorKind::exists, path + " exists already and is not overwritten; choose another name or move it away"});
  }
  if (!file.good()) return failure("create", path);
  if (auto filled = fill(file, path, bytes, mode); !filled) return filled;
  return sync_folder(folder_of(path));
}

tl::expected<void, Error> make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return sync_folder(folder_of(path));
  struct stat status {};
  if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  if (errno != ENOENT || path.empty() || path == "/") return failure("make the folder", path);
  if (auto made = make_folders(folder_of(path)); !made) return made;
  if (::mkdir(path.c_str(), 0755) != 0) return failure("make the folder", path);
  return sync_folder(folder_of(path));
}

tl::expected<void, Error> sync_folder(const std::string& path) {
  Descriptor folder(open_retrying(path, O_RDONLY | O_DIRECTORY));
  if (!folder.good()) return failure("open folder", path);
  if (::fsync(folder.get()) != 0) return failure("sync folder", path);
  return {};
}

}  // namespace muster::host
