// What several of the commands about releases share. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "operator/manifest_text.h"
#include "operator/release_folder.h"
#include "operator/views.h"

namespace muster::ctl {

// Reproducible builds name their time (reproducible-builds.org, SOURCE_DATE_EPOCH); others are made now.
[[nodiscard]] tl::expected<std::uint64_t, Error> creation_time();

// Checks the release's signature against the root in `root_file`; says "unchecked" without one.
[[nodiscard]] tl::expected<SignatureView, Error> check_signature(const LocalRelease& release,
                                                                 const std::string& root_file);

// The broker's release of this NAME@VERSION, and where it stands; none when the broker does not say.
struct FetchedRelease {
  tl::expected<LocalRelease, Error> release;
  std::optional<ReleaseLifeView> life;
};
[[nodiscard]] FetchedRelease fetch_release(ControlClient& client, const std::string& ref);

}  // namespace muster::ctl
