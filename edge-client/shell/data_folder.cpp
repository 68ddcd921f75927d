#include "edge-client/shell/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "host/files.h"

namespace muster::edge {

tl::expected<DataFolder, Error> DataFolder::lock(const std::string& path) {
  if (auto made = host::make_folders(path); !made)
    return tl::unexpected(std::move(made.error()).with_context("data_dir"));
  const auto file = path + "/lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return tl::unexpected(Error{ErrorKind::io, "cannot open " + file + ": " + std::strerror(errno)});
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return DataFolder(path, fd);
  const bool held = errno == EWOULDBLOCK;
  const std::string why = std::strerror(errno);
  ::close(fd);
  if (!held) return tl::unexpected(Error{ErrorKind::io, "cannot lock " + file + ": " + why});
  return tl::unexpected(Error{ErrorKind::exists, "another muster-edge uses data_dir " + path +
                                                     "; stop it, or give this one a data_dir of its own"});
}

DataFolder::~DataFolder() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace muster::edge
