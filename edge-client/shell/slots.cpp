#include "edge-client/shell/slots.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "host/bulk_digest.h"
#include "host/files.h"
#include "schemas/file_name.h"

namespace muster::edge {
namespace {

namespace fs = std::filesystem;

constexpr const char* building_prefix = ".building-";

Fault fault_of(const Error& error, ErrorCode code) {
  if (error.kind == ErrorKind::no_space) code = ErrorCode::disk_full;
  return {code, error.message};
}

tl::expected<void, Fault> sync_path(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(fault_of_errno(errno, "opening " + path));
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) return tl::unexpected(fault_of_errno(error, "syncing " + path));
  return {};
}

tl::expected<void, Fault> sync_folders(const std::string& top) {
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(top, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (!it->is_directory(error)) continue;
    if (auto synced = sync_path(it->path().string(), O_RDONLY | O_DIRECTORY); !synced) return synced;
  }
  if (error) return tl::unexpected(fault_of_errno(error.value(), "reading " + top));
  return sync_path(top, O_RDONLY | O_DIRECTORY);
}

// Where a link of ours points; zero when it is missing or no link of ours.
Sha256 read_link(const std::string& path) {
  std::array<char, 256> target{};
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  Sha256 digest;
  if (size <= 0) return digest;
  const std::string_view text(target.data(), static_cast<std::size_t>(size));
  const std::string_view folder = "slots/";
  if (text.substr(0, folder.size()) == folder && !parse_hex(text.substr(folder.size()), digest)) return {};
  return digest;
}

// True when something was changed.
tl::expected<bool, Fault> set_link(const std::string& path, const Sha256& digest) {
  if (read_link(path) == digest && (!digest.is_zero() || ::access(path.c_str(), F_OK) != 0)) return false;
  if (digest.is_zero()) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return tl::unexpected(fault_of_errno(errno, "removing " + path));
    return true;
  }
  const auto fresh = path + ".new";
  ::unlink(fresh.c_str());
  if (::symlink(("slots/" + to_hex(digest)).c_str(), fresh.c_str()) != 0) {
    return tl::unexpected(fault_of_errno(errno, "linking " + fresh));
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return tl::unexpected(fault_of_errno(errno, "renaming " + fresh));
  return true;
}

}  // namespace

Fault fault_of_errno(int error, const std::string& what) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? ErrorCode::disk_full : ErrorCode::internal, what + ": " + std::strerror(error)};
}

std::string SlotStore::plane_path(Plane plane) const {
  return root_ + "/" + wire::EnumNamePlane(plane);
}

std::string SlotStore::path_of(Plane plane, const Sha256& manifest) const {
  return plane_path(plane) + "/slots/" + to_hex(manifest);
}

std::string SlotStore::partial_path(Plane plane, const Sha256& file) const {
  return plane_path(plane) + "/partial/" + to_hex(file);
}

bool SlotStore::has(Plane plane, const Sha256& manifest) const {
  return ::access((path_of(plane, manifest) + "/" + std::string(manifest_file_name)).c_str(), R_OK) == 0;
}

PlaneLinks SlotStore::links(Plane plane) const {
  return {read_link(plane_path(plane) + "/active"), read_link(plane_path(plane) + "/previous")};
}

tl::expected<void, Error> SlotStore::prepare(Plane plane) const {
  for (const auto* folder : {"/slots", "/partial"}) {
    if (auto made = host::make_folders(plane_path(plane) + folder); !made) return made;
  }
  // A start that was cut off may have made them without syncing: links and slots below are only as durable as these.
  for (const auto& folder : {plane_path(plane), root_}) {
    if (auto synced = host::sync_folder(folder); !synced) return synced;
  }
  remove_halves(plane);
  return {};
}

// What a crash leaves: a slot that was being built; one that lost its manifest on the way out, unless a link still
// points there; a download that has become a file of a slot, and would be written to were it taken up again.
void SlotStore::remove_halves(Plane plane) const {
  std::error_code error;
  std::error_code ignored;
  const auto pointers = links(plane);
  for (const auto& entry : fs::directory_iterator(plane_path(plane) + "/slots", error)) {
    const auto name = entry.path().filename().string();
    Sha256 digest;
    const bool building = name.rfind(building_prefix, 0) == 0;
    const bool half =
        parse_hex(name, digest) && !has(plane, digest) && digest != pointers.active && digest != pointers.previous;
    if (building || half) fs::remove_all(entry.path(), ignored);
  }
  for (const auto& entry : fs::directory_iterator(plane_path(plane) + "/partial", error)) {
    if (fs::hard_link_count(entry.path(), ignored) > 1 && !ignored) fs::remove(entry.path(), ignored);
  }
}

tl::expected<Bytes, Fault> SlotStore::envelope_of(Plane plane, const Sha256& manifest) const {
  auto bytes =
      host::read_file(path_of(plane, manifest) + "/" + std::string(manifest_file_name), limits::envelope_len_max);
  if (!bytes) return tl::unexpected(fault_of(bytes.error(), ErrorCode::slot_damaged));
  return std::move(*bytes);
}

tl::expected<ReleaseManifest, Fault> SlotStore::check(Plane plane, const Sha256& manifest) const {
  auto envelope = envelope_of(plane, manifest);
  if (!envelope) return tl::unexpected(envelope.error());
  auto release = read_slot_manifest(*envelope, manifest);
  if (!release) return release;
  if (release->info.plane != plane)
    return tl::unexpected(Fault{ErrorCode::slot_damaged, "the slot is of another plane"});
  for (const auto& file : release->files) {
    auto found = host::digest_file(path_of(plane, manifest) + "/" + file.name);
    if (!found) return tl::unexpected(Fault{ErrorCode::slot_damaged, found.error().message});
    if (found->size != file.size || found->sha256 != file.sha256) {
      return tl::unexpected(Fault{ErrorCode::slot_damaged, file.name + " in the slot differs from its manifest"});
    }
  }
  return release;
}

// A link costs nothing and leaves the download in place, so that a crash in between only repeats this step.
tl::expected<void, Fault> SlotStore::put_file(Plane plane, const ReleaseFile& file, const std::string& into) const {
  const auto from = partial_path(plane, file.sha256);
  const auto to = into + "/" + file.name;
  std::error_code error;
  fs::create_directories(fs::path(to).parent_path(), error);
  if (error) return tl::unexpected(fault_of_errno(error.value(), "making the folder of " + to));
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) return tl::unexpected(fault_of_errno(errno, "looking for " + from));
  if (static_cast<std::uint64_t>(status.st_size) != file.size) {
    return tl::unexpected(Fault{ErrorCode::size_mismatch, file.name + " has another size than its manifest says"});
  }
  ::chmod(from.c_str(), 0444);
  if (::link(from.c_str(), to.c_str()) == 0) return sync_path(to, O_RDONLY);
  fs::copy_file(from, to, error);  // a file system without links
  if (error) return tl::unexpected(fault_of_errno(error.value(), "copying " + from));
  return sync_path(to, O_RDONLY);
}

tl::expected<void, Fault> SlotStore::build(const ReleaseManifest& release) const {
  const auto plane = release.info.plane;
  const auto path = path_of(plane, release.info.manifest);
  if (has(plane, release.info.manifest)) return {};
  const auto slots = plane_path(plane) + "/slots";
  const auto building = slots + "/" + building_prefix + to_hex(release.info.manifest);
  std::error_code error;
  fs::remove_all(building, error);
  // Its links hold what was downloaded: a build that failed would keep the space of the whole release.
  if (auto filled = fill_slot(release, building); !filled) {
    fs::remove_all(building, error);
    return filled;
  }
  // A slot without a manifest is not one; it would be in the way of the rename.
  fs::remove_all(path, error);
  if (::rename(building.c_str(), path.c_str()) != 0)
    return tl::unexpected(fault_of_errno(errno, "renaming " + building));
  if (auto synced = sync_path(slots, O_RDONLY | O_DIRECTORY); !synced) return synced;
  for (const auto& file : release.files) ::unlink(partial_path(plane, file.sha256).c_str());
  return {};
}

tl::expected<void, Fault> SlotStore::fill_slot(const ReleaseManifest& release, const std::string& building) const {
  const auto plane = release.info.plane;
  std::error_code error;
  fs::create_directory(building, error);
  if (error) return tl::unexpected(fault_of_errno(error.value(), "making " + building));
  for (const auto& file : release.files) {
    if (auto put = put_file(plane, file, building); !put) return put;
  }
  auto written = host::write_file_durably(building + "/" + std::string(manifest_file_name), release.envelope, 0444);
  if (!written) return tl::unexpected(fault_of(written.error(), ErrorCode::internal));
  return sync_folders(building);
}

tl::expected<void, Fault> SlotStore::flip(Plane plane, const Sha256& active, const Sha256& previous) const {
  if (!active.is_zero() && !has(plane, active)) {
    return tl::unexpected(Fault{ErrorCode::slot_damaged, "there is no slot " + to_hex(active).substr(0, 12) +
                                                             " on plane " + std::string(wire::EnumNamePlane(plane))});
  }
  // `previous` first: at no time does only a bad release have a link.
  auto changed_previous = set_link(plane_path(plane) + "/previous", previous);
  if (!changed_previous) return tl::unexpected(changed_previous.error());
  auto changed_active = set_link(plane_path(plane) + "/active", active);
  if (!changed_active) return tl::unexpected(changed_active.error());
  if (!*changed_previous && !*changed_active) return {};
  return sync_path(plane_path(plane), O_RDONLY | O_DIRECTORY);
}

void SlotStore::remove_others(Plane plane, const std::vector<Sha256>& keep) const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(plane_path(plane) + "/slots", error)) {
    Sha256 digest;
    if (!parse_hex(entry.path().filename().string(), digest)) continue;
    if (std::find(keep.begin(), keep.end(), digest) != keep.end()) continue;
    std::error_code ignored;
    // Without its manifest it is no slot any more, should the power go during the rest.
    fs::remove(entry.path() / manifest_file_name, ignored);
    fs::remove_all(entry.path(), ignored);
  }
}

void SlotStore::drop_partials(Plane plane, const std::vector<ReleaseFile>& keep) const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(plane_path(plane) + "/partial", error)) {
    const auto name = entry.path().filename().string();
    const bool wanted =
        std::any_of(keep.begin(), keep.end(), [&](const ReleaseFile& file) { return to_hex(file.sha256) == name; });
    std::error_code ignored;
    if (!wanted) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace muster::edge
