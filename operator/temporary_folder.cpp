#include "operator/temporary_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "host/files.h"

namespace muster::ctl {
namespace {

namespace fs = std::filesystem;

Error io_error(const std::string& what, int code) {
  const auto kind = code == ENOSPC || code == EDQUOT ? ErrorKind::no_space : ErrorKind::io;
  return {kind, what + ": " + std::system_category().message(code)};
}

}  // namespace

tl::expected<TemporaryFolder, Error> TemporaryFolder::make(const std::string& target) {
  std::error_code failure;
  auto place = fs::absolute(target, failure).lexically_normal();
  if (place.filename().empty()) place = place.parent_path();
  fs::create_directories(place.parent_path(), failure);
  if (failure)
    return tl::make_unexpected(io_error("cannot make the folder " + place.parent_path().string(), failure.value()));
  auto pattern = (place.parent_path() / ("." + place.filename().string() + ".making-XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return tl::make_unexpected(io_error("cannot make a folder in " + place.parent_path().string(), errno));
  }
  return TemporaryFolder(place.string(), pattern);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : target_(std::move(other.target_)), path_(std::move(other.path_)) {
  other.path_.clear();
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // nothing is left to be done about it, and the caller has an error of its own
  fs::remove_all(path_, ignored);
}

tl::expected<void, Error> TemporaryFolder::move_into_place(unsigned mode) {
  if (::chmod(path_.c_str(), mode) != 0) return tl::make_unexpected(io_error("cannot set the mode of " + path_, errno));
  if (auto synced = host::sync_folder(path_); !synced) return synced;
  // rename(2) replaces an empty folder and nothing else.
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
      return tl::make_unexpected(Error{ErrorKind::exists, target_ + " exists already and is left as it is"});
    }
    return tl::make_unexpected(io_error("cannot move the finished folder to " + target_, errno));
  }
  path_.clear();
  return host::sync_folder(fs::path(target_).parent_path().string());
}

}  // namespace muster::ctl
