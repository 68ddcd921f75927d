// Brings a release's files, its evidence and its manifest to the broker (docs/control-api.md: beginBlob, putBlob,
// endBlob, publishRelease). What is there already is not sent again, and what was cut off goes on where it stopped. One
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "operator/release_folder.h"

namespace muster::ctl {

struct UploadResult {
  std::uint64_t bytes_sent = 0, bytes_total = 0;
  std::size_t files_sent = 0, files_total = 0;
  std::string release_json;  // the broker's release object
};

// Called after each piece; done and total in bytes over all files.
using UploadProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// REQUIRES: the release is signed and `folder` is where it was read from. Safe to call again after any failure.
[[nodiscard]] tl::expected<UploadResult, Error> publish_release(ControlClient& client, const std::string& folder,
                                                                const LocalRelease& release, const std::string& reason,
                                                                const UploadProgress& progress);

}  // namespace muster::ctl
