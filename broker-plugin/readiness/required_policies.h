// Which readiness policies releases have to carry, signed into their manifests, before a rollout of them may start: the
// broker's owner says so in the configuration, so that nobody who writes a rule can leave it out. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker-plugin/core/releases.h"
#include "rules/engine/rule.h"
#include "schemas/bytes.h"

namespace muster::broker {

struct RequiredPolicy {
  std::string policy;
  std::uint32_t version_min = 1;
  std::vector<rules::Plane> planes;  // empty: all
  std::vector<std::string> classes;  // for releases that may run on one of these; empty: on any
  std::vector<Sha256> digests;       // the policy file is one of these; empty: any of that name

  friend bool operator==(const RequiredPolicy&, const RequiredPolicy&) = default;
};

// There are releases that both are about, and none of these can carry both: a manifest has room for one.
[[nodiscard]] bool exclude_each_other(const RequiredPolicy& one, const RequiredPolicy& other);

// Why a rollout of the release may not start, in words for an operator, by the first of the policies that it lacks;
// empty when it carries all that are asked for.
[[nodiscard]] std::string lacks_readiness(const Release& release, const std::vector<RequiredPolicy>& required);

}  // namespace muster::broker
