// `musterctl release …`. One thread.
#pragma once

#include <string>
#include <vector>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct ReleaseBuildOptions {
  std::string file, out = ".";
  bool replace = false;
};
[[nodiscard]] Outcome release_build(const ReleaseBuildOptions& options, const Terminal& terminal);

struct ReleaseSignOptions {
  std::string folder;
  std::vector<std::string> keys;
  bool again = false;
};
[[nodiscard]] Outcome release_sign(const ReleaseSignOptions& options, const Terminal& terminal);

struct ReleasePublishOptions {
  std::string folder, reason;
  std::string root;  // root.menv; when given, the signature is checked before anything is sent
};
[[nodiscard]] Outcome release_publish(const Connection& connection, const ReleasePublishOptions& options,
                                      const Terminal& terminal);

struct ReleaseShowOptions {
  std::string what;  // a folder, or NAME@VERSION for the broker's
  std::string root;  // root.menv; when given, the signature is checked
};
[[nodiscard]] Outcome release_show(const Connection& connection, const ReleaseShowOptions& options,
                                   const Terminal& terminal);

[[nodiscard]] Outcome release_list(const Connection& connection, const Terminal& terminal);

}  // namespace muster::ctl
