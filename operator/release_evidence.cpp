#include "operator/release_evidence.h"

#include <algorithm>
#include <filesystem>

#include "host/bulk_digest.h"
#include "host/files.h"
#include "operator/render/readiness_text.h"
#include "operator/wire_digest.h"
#include "schemas/file_name.h"
#include "schemas/limits.h"
#include "trust/sha256.h"

namespace muster::ctl {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

tl::expected<std::string, Error> read_text(const std::string& path, std::size_t len_max) {
  auto bytes = host::read_file(path, len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  return std::string(ByteView(*bytes).text());
}

tl::expected<PolicyFile, Error> policy_from(Bytes bytes, const std::string& path) {
  PolicyFile file;
  file.sha256 = trust::sha256(bytes);
  auto loaded = rules::load_policy(ByteView(bytes).text(), path);
  if (!loaded.policy) {
    auto message = path + " has " + std::to_string(loaded.diagnostics.size()) +
                   (loaded.diagnostics.size() == 1 ? " error" : " errors");
    for (const auto& diagnostic : loaded.diagnostics) message += "\n" + diagnostic.text();
    return fail(ErrorKind::invalid, std::move(message));
  }
  file.policy = std::move(*loaded.policy);
  file.bytes = std::move(bytes);
  return file;
}

// The bytes under `digest` in the release's folder, which are what it says.
tl::expected<std::string, Error> read_digested(const std::string& folder, const Sha256& digest, std::size_t len_max) {
  const auto path = evidence_path(folder, digest);
  auto text = read_text(path, len_max);
  if (!text) return tl::make_unexpected(std::move(text.error()).with_context("build the release again"));
  if (trust::sha256(ByteView(*text)) == digest) return text;
  return fail(ErrorKind::invalid, path + " is not what its name says: build the release again");
}

tl::expected<void, Error> store(const std::string& folder, const Sha256& digest, ByteView bytes) {
  if (auto made = host::make_folders(folder + "/evidence"); !made) return made;
  return host::write_file_durably(evidence_path(folder, digest), bytes);
}

}  // namespace

std::string evidence_path(const std::string& folder, const Sha256& digest) {
  return folder + "/evidence/" + to_hex(digest);
}

tl::expected<PolicyFile, Error> read_policy(const std::string& path) {
  auto bytes = host::read_file(path, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()).with_context("the readiness policy"));
  return policy_from(std::move(*bytes), path);
}

tl::expected<std::vector<DigestedFile>, Error> evidence_below(const std::string& folder) {
  std::vector<DigestedFile> files;
  std::error_code failure;
  for (auto entry = fs::recursive_directory_iterator(folder, failure); entry != fs::recursive_directory_iterator();
       entry.increment(failure)) {
    if (failure) break;
    const auto name = entry->path().lexically_relative(folder).generic_string();  // links keep their own
    if (entry->path().filename().string().front() == '.') {
      if (entry->is_directory(failure)) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file(failure)) continue;
    if (!is_file_name(name))
      return fail(ErrorKind::invalid, "'" + name + "' below " + folder +
                                          " cannot be the name of an evidence file: parts of A-Z a-z 0-9 . _ - + @");
    auto digest = host::digest_file(entry->path().string());
    if (!digest) return tl::make_unexpected(std::move(digest.error()));
    files.push_back({name, digest->sha256, digest->size});
    if (files.size() > limits::evidence_files_max)
      return fail(ErrorKind::invalid, folder + " holds more than " + std::to_string(limits::evidence_files_max) +
                                          " files: a release has no more evidence than that");
  }
  if (failure) return fail(ErrorKind::not_found, "cannot read the folder " + folder + ": " + failure.message());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

EvidenceSet::Read read_below(const std::string& base) {
  return [base](const DigestedFile& file) {
    return read_text((fs::path(base) / file.name).string(), limits::judged_file_len_max);
  };
}

EvidenceSet::Read read_stored(const std::string& folder) {
  return [folder](const DigestedFile& file) { return read_digested(folder, file.sha256, limits::judged_file_len_max); };
}

JudgedRelease judged_release(const rules::ReleaseSpec& spec, std::vector<DigestedFile> files, std::uint64_t created_s) {
  return {spec.name + "@" + spec.version, spec.classes, std::move(files), created_s};
}

JudgedRelease judged_release(const wire::Manifest& manifest) {
  JudgedRelease release;
  release.name_at_version = manifest.name()->str() + "@" + manifest.version()->str();
  if (const auto* compatible = manifest.compatible(); compatible != nullptr && compatible->classes() != nullptr) {
    for (const auto* name : *compatible->classes()) release.classes.push_back(name->str());
  }
  for (const auto* file : *manifest.files())
    release.files.push_back({file->name()->str(), digest_of(file->sha256()), file->size()});
  release.judged_s = manifest.created_s();
  return release;
}

tl::expected<ReadinessFacts, Error> judge_and_store(const PolicyFile& policy, const JudgedRelease& release,
                                                    const std::vector<DigestedFile>& evidence,
                                                    const std::string& folder) {
  const auto judgement = judge(policy.policy, policy.sha256, release, EvidenceSet(evidence, read_stored(folder)));
  if (!judgement.passed()) return fail(ErrorKind::refused, readiness_trouble(judgement, "nothing was built"));
  const auto record = record_json({judgement, evidence});
  if (record.size() > limits::readiness_record_len_max) {
    return fail(ErrorKind::invalid, "the record of how the release was judged has " + std::to_string(record.size()) +
                                        " bytes and may have " + std::to_string(limits::readiness_record_len_max) +
                                        ": fewer checks by class, or shorter texts");
  }
  ReadinessFacts facts{judgement.policy, judgement.policy_version, policy.sha256, trust::sha256(ByteView(record))};
  if (auto stored = store(folder, facts.policy_sha256, policy.bytes); !stored)
    return tl::make_unexpected(std::move(stored.error()));
  if (auto stored = store(folder, facts.record_sha256, ByteView(record)); !stored)
    return tl::make_unexpected(std::move(stored.error()));
  return facts;
}

tl::expected<StoredEvidence, Error> stored_evidence(const std::string& folder, const LocalRelease& release) {
  StoredEvidence stored;
  const auto& manifest = release.manifest();
  // Without readiness nothing was judged by it, and a folder to which nobody copied it is as good.
  std::error_code ignored;
  const bool kept = fs::exists(folder + "/evidence", ignored);
  if (kept && manifest.evidence() != nullptr) {
    for (const auto* file : *manifest.evidence())
      stored.files.push_back({file->name()->str(), digest_of(file->sha256()), 0});
  }
  if (const auto* readiness = manifest.readiness()) {
    const auto record = digest_of(readiness->record_sha256());
    auto text = read_digested(folder, record, limits::readiness_record_len_max);
    if (!text) return tl::make_unexpected(std::move(text.error()));
    auto parsed = parse_record(*text);
    if (!parsed) return tl::make_unexpected(std::move(parsed.error()));
    stored.record = std::move(*parsed);
    stored.files = stored.record.evidence;
    stored.files.push_back({stored_policy_name, digest_of(readiness->policy_sha256()), 0});
    stored.files.push_back({stored_record_name, record, text->size()});
  }
  for (auto& file : stored.files) {
    auto found = host::digest_file(evidence_path(folder, file.sha256));
    if (!found)
      return tl::make_unexpected(
          std::move(found.error()).with_context("the evidence " + file.name + " (build the release again)"));
    if (found->sha256 != file.sha256)
      return fail(ErrorKind::invalid, evidence_path(folder, file.sha256) + " is not the evidence " + file.name +
                                          " any more: build the release again");
    const bool in_record = release.manifest().readiness() != nullptr && file.name != stored_policy_name;
    if (in_record && found->size != file.size)
      return fail(ErrorKind::invalid, evidence_path(folder, file.sha256) + " has " + std::to_string(found->size) +
                                          " bytes, and the record says " + std::to_string(file.size) + " of " +
                                          file.name + ": build the release again");
    file.size = found->size;
  }
  return stored;
}

tl::expected<void, Error> check_evidence(const std::string& folder, const LocalRelease& release, std::uint64_t now_s) {
  const auto stored = stored_evidence(folder, release);
  if (!stored) return tl::make_unexpected(stored.error());
  const auto* readiness = release.manifest().readiness();
  if (readiness == nullptr) return {};
  auto policy =
      host::read_file(evidence_path(folder, digest_of(readiness->policy_sha256())), limits::rule_text_len_max);
  if (!policy) return tl::make_unexpected(std::move(policy.error()));
  const auto file = policy_from(std::move(*policy), stored_policy_name);
  if (!file) return tl::make_unexpected(file.error());
  auto judged = judged_release(release.manifest());
  const auto judge_then = [&] {
    return judge(file->policy, file->sha256, judged, EvidenceSet(stored->record.evidence, read_stored(folder)));
  };
  const auto judgement = judge_then();
  if (!judgement.passed()) return fail(ErrorKind::refused, readiness_trouble(judgement, "nothing was signed"));
  // The record is of the time that the builder gave. A word that was fresh then, or is said to have been, may be old.
  if (judged.judged_s < now_s) {
    judged.judged_s = now_s;
    if (const auto today = judge_then(); !today.passed())
      return fail(ErrorKind::refused, readiness_trouble(today, "nothing was signed"));
  }
  const bool same_policy =
      readiness->policy()->str() == file->policy.name && readiness->policy_version() == file->policy.version;
  const auto record = record_json({judgement, stored->record.evidence});
  if (same_policy && trust::sha256(ByteView(record)) == digest_of(readiness->record_sha256())) return {};
  return fail(ErrorKind::invalid, "judged again, " + release.name_at_version() +
                                      " gives another record than its manifest names: build it again, with the "
                                      "musterctl that signs it");
}

}  // namespace muster::ctl
