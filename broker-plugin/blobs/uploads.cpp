#include "broker-plugin/blobs/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "broker-plugin/blobs/file_io.h"
#include "host/bulk_digest.h"
#include "schemas/limits.h"

namespace muster::broker {
namespace {

std::string shortened(const Sha256& digest) {
  return to_hex(digest).substr(0, 12) + "…";
}

}  // namespace

void Uploads::forget_idle(Time now) {
  std::erase_if(uploads_, [now](const auto& upload) { return now - upload.second.touched > idle_max; });
}

tl::expected<Uploads::Upload*, Error> Uploads::find(const Sha256& digest) {
  const auto known = uploads_.find(digest);
  if (known != uploads_.end()) return &known->second;
  return tl::unexpected(
      Error{ErrorKind::not_found, "no upload of " + shortened(digest) + " is under way; start with beginBlob"});
}

tl::expected<std::uint64_t, Error> Uploads::begin(const Sha256& digest, std::uint64_t size, Time now) {
  if (size > limits::file_size_max) {
    return tl::unexpected(
        Error{ErrorKind::invalid, "a blob has at most " + std::to_string(limits::file_size_max) + " bytes"});
  }
  // Whoever publishes again may do so because a device found the file damaged: its bytes are read, not only its size.
  // One of another size or with other bytes is sent again (or the request is wrong, which endBlob will find out).
  if (blobs_.size_of(digest) == size && blobs_.intact(digest)) return size;
  forget_idle(now);
  if (!uploads_.contains(digest) && uploads_.size() >= uploads_max) {
    return tl::unexpected(
        Error{ErrorKind::refused, std::to_string(uploads_max) + " uploads are under way; try again later"});
  }
  struct stat partial {};
  const auto path = blobs_.partial_path_of(digest);
  std::uint64_t offset = ::stat(path.c_str(), &partial) == 0 ? static_cast<std::uint64_t>(partial.st_size) : 0;
  if (offset > size) {
    ::unlink(path.c_str());
    offset = 0;
  }
  if (blobs_.free_bytes() < size - offset + reserve_bytes) {
    return tl::unexpected(Error{ErrorKind::no_space, "no space left at the broker for " +
                                                         std::to_string(size - offset) + " more bytes (it keeps " +
                                                         std::to_string(reserve_bytes / (1024 * 1024)) +
                                                         " MiB for its database); free some under its data_dir"});
  }
  uploads_[digest] = {size, offset, now};
  return offset;
}

tl::expected<std::uint64_t, Error> Uploads::put(const Sha256& digest, std::uint64_t offset, ByteView data, Time now) {
  auto found = find(digest);
  if (!found) {
    if (const auto stored = blobs_.size_of(digest)) return *stored;
    return tl::unexpected(std::move(found.error()));
  }
  auto& upload = **found;
  upload.touched = now;
  if (offset + data.size() <= upload.offset) return upload.offset;  // sent twice
  if (offset != upload.offset) {
    return tl::unexpected(Error{ErrorKind::invalid, "the next piece of " + shortened(digest) + " starts at offset " +
                                                        std::to_string(upload.offset) + ", not " +
                                                        std::to_string(offset)});
  }
  if (offset + data.size() > upload.size) {
    return tl::unexpected(Error{ErrorKind::invalid, shortened(digest) + " was announced with " +
                                                        std::to_string(upload.size) +
                                                        " bytes; this piece goes beyond them"});
  }
  const File file(blobs_.partial_path_of(digest), O_RDWR | O_CREAT);
  if (file.fd() < 0) return tl::unexpected(write_error("storing a piece of " + shortened(digest), errno));
  if (const int failed = write_all(file.fd(), data, offset); failed != 0) {
    if (::ftruncate(file.fd(), static_cast<off_t>(offset)) != 0) uploads_.erase(digest);
    return tl::unexpected(write_error("storing a piece of " + shortened(digest), failed));
  }
  upload.offset += data.size();
  return upload.offset;
}

tl::expected<void, Error> Uploads::end(const Sha256& digest, Time now) {
  auto found = find(digest);
  if (!found) {
    if (blobs_.size_of(digest)) return {};
    return tl::unexpected(std::move(found.error()));
  }
  auto& upload = **found;
  upload.touched = now;
  if (upload.offset != upload.size) {
    return tl::unexpected(Error{ErrorKind::invalid, shortened(digest) + " has " + std::to_string(upload.offset) +
                                                        " of " + std::to_string(upload.size) +
                                                        " bytes; send the rest with putBlob"});
  }
  const auto path = blobs_.partial_path_of(digest);
  const File file(path, O_RDWR | O_CREAT);  // makes the file of an empty blob
  if (file.fd() < 0 || ::fdatasync(file.fd()) != 0)
    return tl::unexpected(write_error("storing " + shortened(digest), errno));
  const auto held = host::digest_file(path);
  if (!held) return tl::unexpected(held.error());
  uploads_.erase(digest);
  if (held->sha256 != digest) {
    ::unlink(path.c_str());
    return tl::unexpected(Error{ErrorKind::invalid, "what was sent as " + shortened(digest) + " has the digest " +
                                                        shortened(held->sha256) +
                                                        "; it was thrown away, send it again"});
  }
  return blobs_.adopt(digest);
}

}  // namespace muster::broker
