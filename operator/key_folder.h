// The keys of a new installation, made whole or not at all (docs/files.md, "Keys"). Linux; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"

namespace muster::ctl {

struct KeyFolderRequest {
  std::string folder;
  std::uint32_t days = 3650;  // until the root document and the CA expire
  std::string ca_name = "Muster private CA";
  std::uint64_t now_s = 0;
};

struct KeyFolder {
  std::string folder;
  std::string root_key_id, release_key_id, control_key_id;  // hexadecimal
  std::uint64_t expires_s = 0;
  std::vector<std::string> files;  // names in the folder
};

// Makes root.key, release.key and control.key (mode 0600), root.menv, root-chain.mrch and a private CA in `folder`,
// which must be missing or empty (kind exists otherwise).
[[nodiscard]] tl::expected<KeyFolder, Error> make_key_folder(const KeyFolderRequest& request);

}  // namespace muster::ctl
