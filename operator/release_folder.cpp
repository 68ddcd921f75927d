#include "operator/release_folder.h"

#include <algorithm>
#include <filesystem>

#include "host/bulk_digest.h"
#include "host/files.h"
#include "operator/copy_file.h"
#include "operator/manifest_builder.h"
#include "operator/release_evidence.h"
#include "operator/seal_with_files.h"
#include "operator/temporary_folder.h"
#include "operator/wire_digest.h"
#include "rules/config/load_release.h"
#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::ctl {
namespace {

namespace fs = std::filesystem;

constexpr const char* manifest_name = "manifest.mman";
constexpr const char* envelope_name = "manifest.menv";

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

// A file that the release names and that cannot be read, said at the place in the release file that names it.
std::string missing_file_line(const std::string& text, const std::string& file, const std::string& name,
                              const Error& error) {
  const auto at = text.find(name);
  rules::Diagnostic diagnostic;
  diagnostic.file = file;
  const auto before = std::string_view(text).substr(0, at == std::string::npos ? 0 : at);
  diagnostic.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const auto line_start = before.rfind('\n');
  diagnostic.column =
      static_cast<std::uint32_t>(before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1)) + 1;
  diagnostic.what = error.message;
  diagnostic.expected = "paths are relative to the release file";
  return diagnostic.text();
}

tl::unexpected<Error> with_lines(const std::string& file, const std::vector<std::string>& lines) {
  auto message = file + " has " + std::to_string(lines.size()) + (lines.size() == 1 ? " error" : " errors");
  for (const auto& line : lines) message += "\n" + line;
  return fail(ErrorKind::invalid, std::move(message));
}

// What `file` names, copied into `folder`/files and digested on the way.
tl::expected<ManifestFacts, Error> gather(const rules::ReleaseSpec& spec, const std::string& text,
                                          const std::string& file, const std::string& folder) {
  ManifestFacts facts;
  std::vector<std::string> problems;
  const auto base = fs::path(file).parent_path();
  for (const auto& name : spec.files) {
    auto copied = copy_under_digest((base / name).string(), folder + "/files");
    if (copied)
      facts.files.push_back({name, copied->sha256, copied->size});
    else if (copied.error().kind == ErrorKind::no_space)
      return tl::make_unexpected(std::move(copied.error()));
    else
      problems.push_back(missing_file_line(text, file, name, copied.error()));
  }
  for (const auto& name : spec.evidence) {
    auto copied = copy_under_digest((base / name).string(), folder + "/evidence");
    if (!copied && copied.error().kind == ErrorKind::no_space) return tl::make_unexpected(std::move(copied.error()));
    if (copied && copied->size > limits::evidence_file_len_max) {
      copied = fail(ErrorKind::invalid, name + " has " + std::to_string(copied->size) + " bytes, and evidence has " +
                                            std::to_string(limits::evidence_file_len_max) + " at most");
    }
    if (copied && std::string_view(name).starts_with(stored_names))
      copied = fail(ErrorKind::invalid, name + ": policy and record are kept in readiness/; put evidence elsewhere");
    if (copied)
      facts.evidence.push_back({name, copied->sha256, copied->size});
    else
      problems.push_back(missing_file_line(text, file, name, copied.error()));
  }
  if (!problems.empty()) return with_lines(file, problems);
  std::error_code failure;
  fs::create_directories(folder + "/files", failure);  // also for a release without files
  for (const auto* part : {"/files", "/evidence"}) {
    if (!fs::exists(folder + part, failure)) continue;
    if (auto synced = host::sync_folder(folder + part); !synced) return tl::make_unexpected(std::move(synced.error()));
  }
  return facts;
}

// Judges what was gathered by the policy that the release names, if any.
tl::expected<void, Error> judge_gathered(const rules::ReleaseSpec& spec, const std::string& file,
                                         const std::string& folder, ManifestFacts& facts) {
  if (spec.policy.empty()) return {};
  const auto policy = read_policy((fs::path(file).parent_path() / spec.policy).string());
  if (!policy) return tl::make_unexpected(policy.error());
  auto readiness = judge_and_store(*policy, judged_release(spec, facts.files, facts.created_s), facts.evidence, folder);
  if (!readiness) return tl::make_unexpected(std::move(readiness.error()));
  facts.readiness = std::move(*readiness);
  return {};
}

// Whether a new folder may take the place of what is at `target`.
tl::expected<void, Error> check_place(const std::string& target, bool replace) {
  std::error_code ignored;
  if (!fs::exists(target, ignored)) return {};
  if (fs::exists(fs::path(target) / envelope_name, ignored)) {
    return fail(ErrorKind::exists,
                target + " is signed already: a release never changes, so give this one another version");
  }
  if (!replace)
    return fail(ErrorKind::exists, target + " exists already: use --replace to build it anew, or another --out");
  fs::remove_all(target, ignored);
  return {};
}

// A release is done when its probes have passed and its soak is over; without any, the soak alone says that it is good.
std::vector<std::string> warnings_of(const rules::ReleaseSpec& spec) {
  if (spec.plane != rules::Plane::model || !spec.probes.empty()) return {};
  return {
      spec.name + "@" + spec.version +
      " has no probes: a device that switches to it counts as done once its soak is over, unless its recovery policy "
      "or, on a microcontroller, the application's own checks object; give it `probes`"};
}

}  // namespace

tl::expected<ReleaseFile, Error> read_release_file(const std::string& file) {
  auto bytes = host::read_file(file, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  std::string text(ByteView(*bytes).text());
  auto loaded = rules::load_release(text, file);
  if (loaded.release) return ReleaseFile{std::move(text), std::move(*loaded.release)};
  std::vector<std::string> lines;
  for (const auto& diagnostic : loaded.diagnostics) lines.push_back(diagnostic.text());
  return with_lines(file, lines);
}

tl::expected<BuiltRelease, Error> build_release(const std::string& file, const std::string& out,
                                                std::uint64_t created_s, bool replace) {
  auto loaded = read_release_file(file);
  if (!loaded) return tl::make_unexpected(std::move(loaded.error()));
  const auto& spec = loaded->spec;
  BuiltRelease built;
  built.release = spec.name + "@" + spec.version;
  built.folder = (fs::path(out) / built.release).string();
  if (std::error_code ignored; fs::exists(built.folder, ignored) && !replace) {
    if (auto place = check_place(built.folder, replace); !place) return tl::make_unexpected(std::move(place.error()));
  }
  auto folder = TemporaryFolder::make(built.folder);
  if (!folder) return tl::make_unexpected(std::move(folder.error()));
  auto facts = gather(spec, loaded->text, file, folder->path());
  if (!facts) return tl::make_unexpected(std::move(facts.error()));
  facts->created_s = created_s;
  if (auto judged = judge_gathered(spec, file, folder->path(), *facts); !judged)
    return tl::make_unexpected(std::move(judged.error()));
  auto manifest = build_manifest(spec, *facts);
  if (!manifest) return tl::make_unexpected(std::move(manifest.error()).with_context(file));
  if (auto written = host::write_file_durably(folder->path() + "/" + manifest_name, *manifest); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  if (auto place = check_place(built.folder, replace); !place) return tl::make_unexpected(std::move(place.error()));
  if (auto moved = folder->move_into_place(0755); !moved) return tl::make_unexpected(std::move(moved.error()));
  built.manifest = trust::sha256(*manifest);
  built.file_count = facts->files.size();
  for (const auto& entry : facts->files) built.bytes += entry.size;
  if (facts->readiness)
    built.policy = facts->readiness->policy + " " + std::to_string(facts->readiness->policy_version);
  built.warnings = warnings_of(spec);
  return built;
}

tl::expected<void, Error> LocalRelease::take_manifest(ByteView bytes) {
  auto copy = std::make_unique<AlignedBytes>(bytes);
  const wire::Manifest* manifest = nullptr;
  if (const auto fault = verify(copy->view(), manifest); fault != WireFault::none) {
    return fail(ErrorKind::invalid,
                "this is no manifest (" + std::string(muster::name_of(fault)) + "): build the release again");
  }
  manifest_copy_ = std::move(copy);
  manifest_ = manifest;
  return {};
}

tl::expected<LocalRelease, Error> LocalRelease::from_envelope(Bytes envelope) {
  LocalRelease release;
  const AlignedBytes copy(envelope);
  const wire::Envelope* opened = nullptr;
  if (const auto fault = verify(copy.view(), opened); fault != WireFault::none) {
    return fail(ErrorKind::invalid,
                "this is no signed envelope (" + std::string(muster::name_of(fault)) + "): sign the release again");
  }
  if (opened->kind() != wire::PayloadKind::manifest)
    return fail(ErrorKind::invalid, "this envelope holds no manifest: sign the release again");
  if (auto taken = release.take_manifest({opened->payload()->data(), opened->payload()->size()}); !taken) {
    return tl::make_unexpected(std::move(taken.error()));
  }
  release.envelope_ = std::move(envelope);
  return release;
}

tl::expected<LocalRelease, Error> LocalRelease::open(const std::string& folder) {
  const auto envelope_path = folder + "/" + envelope_name;
  std::error_code ignored;
  if (fs::exists(envelope_path, ignored)) {
    auto envelope = host::read_file(envelope_path, limits::envelope_len_max);
    if (!envelope) return tl::make_unexpected(std::move(envelope.error()));
    auto release = from_envelope(std::move(*envelope));
    if (!release) return tl::make_unexpected(std::move(release.error()).with_context(envelope_path));
    return release;
  }
  if (!fs::exists(fs::path(folder) / manifest_name, ignored)) {
    return fail(ErrorKind::not_found, folder + " is no release folder: `musterctl release build FILE.yaml` makes one");
  }
  auto manifest = host::read_file(folder + "/" + manifest_name, limits::manifest_len_max);
  if (!manifest) return tl::make_unexpected(std::move(manifest.error()));
  LocalRelease release;
  if (auto taken = release.take_manifest(*manifest); !taken) {
    return tl::make_unexpected(std::move(taken.error()).with_context(folder + "/" + manifest_name));
  }
  return release;
}

std::string LocalRelease::name_at_version() const {
  return manifest_->name()->str() + "@" + manifest_->version()->str();
}

Sha256 LocalRelease::digest() const {
  return trust::sha256(manifest_bytes());
}

std::vector<std::string> LocalRelease::signer_ids() const {
  std::vector<std::string> ids;
  if (envelope_.empty()) return ids;
  const AlignedBytes copy(envelope_);
  const auto* envelope = wire::GetEnvelope(copy.view().data());  // verified when it was opened
  for (const auto* signature : *envelope->signatures()) {
    const auto* id = signature->key_id()->bytes();
    ids.push_back(to_hex(ByteView(id->data(), id->size())));
  }
  return ids;
}

std::string blob_path(const std::string& folder, const Sha256& digest) {
  return folder + "/files/" + to_hex(digest);
}

tl::expected<void, Error> check_files(const std::string& folder, const LocalRelease& release) {
  for (const auto* file : *release.manifest().files()) {
    const auto expected = digest_of(file->sha256());
    const auto path = blob_path(folder, expected);
    auto found = host::digest_file(path);
    if (!found)
      return tl::make_unexpected(std::move(found.error()).with_context("the release's file " + file->name()->str()));
    if (found->sha256 != expected || found->size != file->size()) {
      return fail(ErrorKind::invalid,
                  path + " is not what the manifest says of " + file->name()->str() + ": build the release again");
    }
  }
  return {};
}

tl::expected<LocalRelease, Error> sign_release(const std::string& folder, const std::vector<std::string>& key_files,
                                               std::uint64_t now_s, bool again) {
  auto release = LocalRelease::open(folder);
  if (!release) return release;
  if (!release->envelope().empty() && !again) {
    return fail(ErrorKind::exists,
                folder + " is signed already: use --again to sign the same manifest with other keys");
  }
  if (auto checked = check_files(folder, *release); !checked) return tl::make_unexpected(std::move(checked.error()));
  if (auto checked = check_evidence(folder, *release, now_s); !checked)
    return tl::make_unexpected(std::move(checked.error()));
  auto envelope = seal_with_files(wire::PayloadKind::manifest, release->manifest_bytes(), key_files);
  if (!envelope) return tl::make_unexpected(std::move(envelope.error()));
  if (auto written = host::write_file_durably(folder + "/" + envelope_name, *envelope); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  return LocalRelease::from_envelope(std::move(*envelope));
}

}  // namespace muster::ctl
