// A release's evidence and readiness policy as files: beside the release file before it is built, in the release's
// folder afterwards (evidence/<sha256>: the evidence files, the policy and the record of the judgement). One thread.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/manifest_builder.h"
#include "operator/readiness/judge.h"
#include "operator/readiness/record.h"
#include "operator/release_folder.h"
#include "rules/config/load_policy.h"
#include "rules/config/load_release.h"

namespace muster::ctl {

struct PolicyFile {
  rules::Policy policy;
  Sha256 sha256;
  Bytes bytes;
};

// Reads and checks a policy; an error in it has kind invalid, and every diagnostic on a line of its own.
[[nodiscard]] tl::expected<PolicyFile, Error> read_policy(const std::string& path);

// Every file below `folder`, digested, by names relative to it; hidden ones are left out.
[[nodiscard]] tl::expected<std::vector<DigestedFile>, Error> evidence_below(const std::string& folder);

// Reads files where they lie below `base`.
[[nodiscard]] EvidenceSet::Read read_below(const std::string& base);
// Reads files of a release's folder, and checks that they are what their digest says.
[[nodiscard]] EvidenceSet::Read read_stored(const std::string& folder);

// What checks ask of a release that is not built yet, and of one that is.
[[nodiscard]] JudgedRelease judged_release(const rules::ReleaseSpec& spec, std::vector<DigestedFile> files,
                                           std::uint64_t created_s);
[[nodiscard]] JudgedRelease judged_release(const wire::Manifest& manifest);

// Judges by `policy`, and stores policy and record in the new release's folder; the evidence is there already. A
// release that does not pass is an error of kind refused that says all that is wrong, and nothing is stored.
[[nodiscard]] tl::expected<ReadinessFacts, Error> judge_and_store(const PolicyFile& policy,
                                                                  const JudgedRelease& release,
                                                                  const std::vector<DigestedFile>& evidence,
                                                                  const std::string& folder);

// What policy and record are called among a release's evidence. No evidence may have a name below that folder.
inline constexpr const char* stored_policy_name = "readiness/policy.yaml";
inline constexpr const char* stored_record_name = "readiness/record.json";
inline constexpr std::string_view stored_names = "readiness/";

// The files of a release that devices do not get: its evidence, by the names it has in the release file, and with
// readiness the policy and the record too. Each is there and what
// its digest says; only a release without readiness may have come without its evidence.
struct StoredEvidence {
  std::vector<DigestedFile> files;
  ReadinessRecord record;  // empty without readiness
};
[[nodiscard]] tl::expected<StoredEvidence, Error> stored_evidence(const std::string& folder,
                                                                  const LocalRelease& release);

// All evidence is in the folder and what the manifest says; with readiness, judging it again gives the signed record,
// and it passes at `now_s` (Unix time) too.
[[nodiscard]] tl::expected<void, Error> check_evidence(const std::string& folder, const LocalRelease& release,
                                                       std::uint64_t now_s);

// The path of an evidence file's bytes inside `folder`.
[[nodiscard]] std::string evidence_path(const std::string& folder, const Sha256& digest);

}  // namespace muster::ctl
