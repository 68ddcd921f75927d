// May this release run on this device, beside these others? Asked after the manifests are here and before any file is
// fetched. Pure; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "edge-client/agent/types.h"

namespace muster::edge {

// Class, memory, accelerators, security floor. Nothing when it may run.
[[nodiscard]] std::optional<Fault> check_release(const ReleaseInfo& release, const Facts& facts,
                                                 std::uint32_t security_floor);

// What each plane will hold once the assignment is active.
struct PlaneOutcome {
  bool changes = false;
  std::string name, version;             // empty: the plane will be empty
  const ReleaseInfo* release = nullptr;  // null: empty, or its manifest is not known
};

struct UnmetRequirement {
  Plane plane;  // whose release asks for it
  std::string detail;
};
// Every requirement that touches a changing plane, from either side: a new model may not land under a config that needs
// a newer one. Nothing when all are met.
[[nodiscard]] std::optional<UnmetRequirement> check_requirements(const std::array<PlaneOutcome, plane_count>& outcome);

}  // namespace muster::edge
