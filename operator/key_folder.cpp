#include "operator/key_folder.h"

#include <filesystem>

#include "host/files.h"
#include "operator/temporary_folder.h"
#include "trust/signing/signer.h"
#include "trust/signing/x509.h"

namespace muster::ctl {
namespace {

namespace fs = std::filesystem;

std::string id_text(const trust::SigningKey& key) {
  const auto id = key.id();
  return to_hex(ByteView(id.data(), id.size()));
}

// The three signing keys, saved in `folder`.
struct Keys {
  trust::SigningKey root, release, control;
};
tl::expected<Keys, Error> make_keys(const std::string& folder) {
  std::vector<trust::SigningKey> made;
  for (const char* name : {"root.key", "release.key", "control.key"}) {
    auto key = trust::SigningKey::generate();
    if (!key) return tl::make_unexpected(std::move(key.error()));
    if (auto saved = key->save(folder + "/" + name); !saved) return tl::make_unexpected(std::move(saved.error()));
    made.push_back(std::move(*key));
  }
  return Keys{std::move(made[0]), std::move(made[1]), std::move(made[2])};
}

// root.menv and root-chain.mrch: version 1, every role held by its one key.
tl::expected<void, Error> write_root(const Keys& keys, const KeyFolderRequest& request, std::uint64_t expires_s,
                                     const std::string& folder) {
  auto root = trust::seal_root(1, request.now_s, expires_s,
                               {{wire::Role::root, 1, {keys.root.point()}},
                                {wire::Role::release, 1, {keys.release.point()}},
                                {wire::Role::control, 1, {keys.control.point()}}},
                               {&keys.root});
  if (!root) return tl::make_unexpected(std::move(root.error()));
  if (auto written = host::write_file_durably(folder + "/root.menv", *root); !written) return written;
  return host::write_file_durably(folder + "/root-chain.mrch", trust::make_root_chain({*root}));
}

}  // namespace

tl::expected<KeyFolder, Error> make_key_folder(const KeyFolderRequest& request) {
  std::error_code ignored;
  if (fs::exists(request.folder, ignored) &&
      !(fs::is_directory(request.folder, ignored) && fs::is_empty(request.folder, ignored))) {
    return tl::make_unexpected(
        Error{ErrorKind::exists, request.folder + " exists already: keys are never overwritten, so name a new folder"});
  }
  auto folder = TemporaryFolder::make(request.folder);
  if (!folder) return tl::make_unexpected(std::move(folder.error()));
  auto keys = make_keys(folder->path());
  if (!keys) return tl::make_unexpected(std::move(keys.error()));
  KeyFolder made;
  made.folder = request.folder;
  made.expires_s = request.now_s + std::uint64_t{request.days} * 86400;
  made.root_key_id = id_text(keys->root);
  made.release_key_id = id_text(keys->release);
  made.control_key_id = id_text(keys->control);
  made.files = {"root.key", "release.key", "control.key", "root.menv", "root-chain.mrch", "ca.key", "ca.crt"};
  if (auto written = write_root(*keys, request, made.expires_s, folder->path()); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  if (auto ca = trust::make_ca(folder->path(), request.ca_name, request.days); !ca)
    return tl::make_unexpected(std::move(ca.error()));
  if (auto moved = folder->move_into_place(0700); !moved) return tl::make_unexpected(std::move(moved.error()));
  return made;
}

}  // namespace muster::ctl
