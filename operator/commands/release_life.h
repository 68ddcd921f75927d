// `musterctl release promote`, `retire` and `move`: a release's way from development to retired, and how it is shown.
// One thread.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/commands/terminal.h"
#include "operator/control_client.h"
#include "operator/release_folder.h"
#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

struct ReleaseMoveOptions {
  std::string what;  // NAME@VERSION at the broker, or a release's folder
  std::string to;    // a state
  std::string from;  // empty: as the broker says, or the state before `to`
  std::string reason;
  std::vector<std::string> keys;
  std::string out;  // writes the signed statement here, and needs no broker for a folder
};
// promote and retire: signs the statement, and brings it to the broker unless it goes into a file.
[[nodiscard]] Outcome release_promote(const Connection& connection, const ReleaseMoveOptions& options,
                                      const Terminal& terminal);

struct ReleaseBringOptions {
  std::string file, reason;
};
// Brings a statement that was signed elsewhere.
[[nodiscard]] Outcome release_move(const Connection& connection, const ReleaseBringOptions& options,
                                   const Terminal& terminal);

// For each move what its signature is worth: "valid", "unchecked" without a root, or "by keys that this root does not
// name", as of one whose key has been replaced since. With a root, an error of kind untrusted when the statements are
// not about this release, do not lead step by step from development to the state that the broker names, say something
// else than the broker does, or do not hold.
[[nodiscard]] tl::expected<std::vector<std::string>, Error> check_moves(const ReleaseLifeView& life,
                                                                        const LocalRelease& release,
                                                                        const std::string& root_file);
// The release's state and how it got there. REQUIRES: one of `signatures` for each move.
[[nodiscard]] std::string life_text(const ReleaseLifeView& life, const std::vector<std::string>& signatures,
                                    const Style& style);

}  // namespace muster::ctl
