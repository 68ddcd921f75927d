// Judges a release by its evidence: each item of a readiness policy passes, fails or lacks something. The same policy,
// release and evidence give the same judgement on every machine. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/readiness/evidence_set.h"
#include "operator/readiness/judgement.h"
#include "rules/config/load_policy.h"

namespace muster::ctl {

// What checks may ask of the release itself.
struct JudgedRelease {
  std::string name_at_version;
  std::vector<std::string> classes;  // those it is compatible with
  std::vector<DigestedFile> files;
  std::uint64_t judged_s = 0;  // as of when: its creation, or for what is judged after a rollout now
};

// Which stages are judged; items of others come later.
struct Stages {
  bool build = true, release = true, post = false;
  [[nodiscard]] bool has(rules::PolicyItem::Stage stage) const {
    return stage == rules::PolicyItem::Stage::build     ? build
           : stage == rules::PolicyItem::Stage::release ? release
                                                        : post;
  }
};

[[nodiscard]] Judgement judge(const rules::Policy& policy, const Sha256& policy_sha256, const JudgedRelease& release,
                              const EvidenceSet& evidence, const Stages& stages = {});

}  // namespace muster::ctl
