// `musterctl release check` and `release evidence`: a release judged by its evidence, and that evidence fetched. One
// thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"
#include "operator/release_folder.h"

namespace muster::ctl {

struct ReleaseCheckOptions {
  std::string what;      // a release file, or a folder that `release build` made
  std::string policy;    // empty: the one that the release names
  std::string evidence;  // a folder with evidence; empty: what the release names
  std::string stage;     // build, release or post; empty: the first two
};
// Exit code refused when the release does not pass.
[[nodiscard]] Outcome release_check(const ReleaseCheckOptions& options, const Terminal& terminal);

struct ReleaseEvidenceOptions {
  std::string release;  // NAME@VERSION
  std::string out;      // a folder that must not exist yet; empty: only list
  std::string root;     // root.menv; when given, the signature is checked
};
[[nodiscard]] Outcome release_evidence(const Connection& connection, const ReleaseEvidenceOptions& options,
                                       const Terminal& terminal);

// The record of how a release was judged, as JSON; empty when its manifest names none.
[[nodiscard]] tl::expected<std::string, Error> stored_record(const std::string& folder, const LocalRelease& release);
[[nodiscard]] tl::expected<std::string, Error> fetch_record(ControlClient& client, const LocalRelease& release);

}  // namespace muster::ctl
