#include "broker-plugin/blobs/blob_store.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "host/bulk_digest.h"
#include "host/files.h"

namespace muster::broker {
namespace {

constexpr auto partial_age_max = std::chrono::hours(24 * 7);

void remove_old_partials(const std::string& folder) {
  std::error_code ignored;
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto written = entry.last_write_time(ignored);
    if (!ignored && now - written > partial_age_max) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

Error write_error(const std::string& what, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  return {full ? ErrorKind::no_space : ErrorKind::io,
          what + ": " + (full ? "no space left for it at the broker" : std::strerror(error_number))};
}

tl::expected<BlobStore, Error> BlobStore::open(const std::string& data_dir) {
  BlobStore store(data_dir + "/blobs");
  if (auto made = host::make_folders(store.folder_ + "/partial"); !made) return tl::unexpected(std::move(made.error()));
  // A start that was cut off may have made the folder without syncing its name.
  if (auto synced = host::sync_folder(data_dir); !synced) return tl::unexpected(std::move(synced.error()));
  remove_old_partials(store.folder_ + "/partial");
  return store;
}

std::string BlobStore::path_of(const Sha256& digest) const {
  const auto hex = to_hex(digest);
  return folder_ + "/" + hex.substr(0, 2) + "/" + hex;
}

std::string BlobStore::partial_path_of(const Sha256& digest) const {
  return folder_ + "/partial/" + to_hex(digest);
}

std::optional<std::uint64_t> BlobStore::size_of(const Sha256& digest) const {
  struct stat found {};
  if (::stat(path_of(digest).c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(found.st_size);
}

bool BlobStore::intact(const Sha256& digest) const {
  const auto held = host::digest_file(path_of(digest));
  return held && held->sha256 == digest;
}

tl::expected<void, Error> BlobStore::adopt(const Sha256& digest) const {
  const auto path = path_of(digest);
  const auto folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return tl::unexpected(write_error("making " + folder, errno));
  if (::rename(partial_path_of(digest).c_str(), path.c_str()) != 0) {
    return tl::unexpected(write_error("storing " + path, errno));
  }
  if (auto synced = host::sync_folder(folder); !synced) return synced;
  return host::sync_folder(folder_);
}

tl::expected<void, Error> BlobStore::put(const Sha256& digest, ByteView bytes) const {
  if (size_of(digest) == bytes.size() && intact(digest)) return {};
  if (auto written = host::write_file_durably(partial_path_of(digest), bytes); !written) return written;
  return adopt(digest);
}

tl::expected<void, Error> BlobStore::remove(const Sha256& digest) const {
  const auto path = path_of(digest);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return tl::unexpected(write_error("removing " + path, errno));
  return host::sync_folder(path.substr(0, path.rfind('/')));
}

std::uint64_t BlobStore::free_bytes() const {
  struct statvfs found {};
  if (::statvfs(folder_.c_str(), &found) != 0) return 0;
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

}  // namespace muster::broker
