#include "operator/commands/readiness.h"

#include <filesystem>

#include "host/bulk_digest.h"
#include "host/files.h"
#include "operator/commands/release_parts.h"
#include "operator/download.h"
#include "operator/json_text.h"
#include "operator/release_evidence.h"
#include "operator/render/moment.h"
#include "operator/render/readiness_text.h"
#include "operator/render/table.h"
#include "operator/temporary_folder.h"
#include "operator/wire_digest.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

// What is judged, and by which policy.
struct Subject {
  JudgedRelease release;
  std::string policy;  // a file
  std::vector<DigestedFile> evidence;
  EvidenceSet::Read read;
  std::vector<std::string> trouble = {};  // with evidence that it names: `release build` refuses it
};

// A folder that release build made.
tl::expected<Subject, Error> built_subject(const std::string& folder) {
  const auto release = LocalRelease::open(folder);
  if (!release) return tl::make_unexpected(release.error());
  auto stored = stored_evidence(folder, *release);
  if (!stored) return tl::make_unexpected(std::move(stored.error()));
  Subject subject{judged_release(release->manifest()), {}, {}, read_stored(folder)};
  const auto* readiness = release->manifest().readiness();
  if (readiness != nullptr) subject.policy = evidence_path(folder, digest_of(readiness->policy_sha256()));
  subject.evidence = readiness != nullptr ? std::move(stored->record.evidence) : std::move(stored->files);
  return subject;
}

// A release file, with its files beside it, and its evidence unless that lies elsewhere.
tl::expected<Subject, Error> written_subject(const std::string& file, bool with_evidence) {
  const auto loaded = read_release_file(file);
  if (!loaded) return tl::make_unexpected(loaded.error());
  const auto* spec = &loaded->spec;
  const auto created_s = creation_time();
  if (!created_s) return tl::make_unexpected(created_s.error());
  const auto base = fs::path(file).parent_path();
  std::vector<DigestedFile> files;
  for (const auto& name : spec->files) {
    const auto digest = host::digest_file((base / name).string());
    if (!digest) return tl::make_unexpected(Error(digest.error()).with_context("the release's file " + name));
    files.push_back({name, digest->sha256, digest->size});
  }
  Subject subject{judged_release(*spec, std::move(files), *created_s), {}, {}, read_below(base.string())};
  if (!spec->policy.empty()) subject.policy = (base / spec->policy).string();
  for (const auto& name : with_evidence ? spec->evidence : std::vector<std::string>()) {
    const auto digest = host::digest_file((base / name).string());
    if (digest) subject.evidence.push_back({name, digest->sha256, digest->size});
    if (!digest)
      subject.trouble.push_back(name + " is in the release's evidence, and " + digest.error().message);
    else if (digest->size > limits::evidence_file_len_max)
      subject.trouble.push_back(name + " has " + std::to_string(digest->size) + " bytes, and evidence has " +
                                std::to_string(limits::evidence_file_len_max) + " at most");
  }
  return subject;
}

tl::expected<Stages, Error> stages_from(const std::string& word) {
  if (word.empty()) return Stages{};
  if (word == "build" || word == "release" || word == "post")
    return Stages{word == "build", word == "release", word == "post"};
  return fail(ErrorKind::usage, "'" + word + "' is no stage: build, release or post");
}

// The release's evidence as its signed manifest names it, with the record read where there is one.
tl::expected<std::vector<DigestedFile>, Error> list_evidence(ControlClient& client, const LocalRelease& release) {
  std::vector<DigestedFile> files;
  const auto& manifest = release.manifest();
  if (const auto* list = manifest.evidence(); list != nullptr) {
    for (const auto* file : *list) files.push_back({file->name()->str(), digest_of(file->sha256()), 0});
  }
  const auto* readiness = manifest.readiness();
  if (readiness == nullptr) return files;
  const auto text = fetch_record(client, release);
  if (!text) return tl::make_unexpected(text.error());
  auto record = parse_record(*text);
  if (!record) return tl::make_unexpected(std::move(record.error()));
  files.push_back({stored_policy_name, digest_of(readiness->policy_sha256()), 0});
  files.push_back({stored_record_name, digest_of(readiness->record_sha256()), text->size()});
  for (auto& file : record->evidence) files.push_back(std::move(file));
  return files;
}

tl::expected<Bytes, Error> fetch_file(ControlClient& client, const std::string& release, const Sha256& digest,
                                      std::uint64_t len_max) {
  return download(client, {"getReleaseEvidence", {{"release", release}, {"digest", to_hex(digest)}}}, digest, len_max);
}

tl::expected<void, Error> fetch_all(ControlClient& client, const std::string& release,
                                    const std::vector<DigestedFile>& files, const std::string& out) {
  auto folder = TemporaryFolder::make(out);
  if (!folder) return tl::make_unexpected(std::move(folder.error()));
  for (const auto& file : files) {
    const auto bytes = fetch_file(client, release, file.sha256, limits::evidence_file_len_max);
    if (!bytes) return tl::make_unexpected(Error(bytes.error()).with_context("fetching " + file.name));
    const auto path = fs::path(folder->path()) / file.name;
    if (auto made = host::make_folders(path.parent_path().string()); !made) return made;
    if (auto written = host::write_new_file(path.string(), *bytes); !written) return written;
  }
  return folder->move_into_place(0755);
}

}  // namespace

Outcome release_check(const ReleaseCheckOptions& options, const Terminal& terminal) {
  const auto stages = stages_from(options.stage);
  if (!stages) return tl::make_unexpected(stages.error());
  std::error_code ignored;
  auto subject = fs::is_directory(options.what, ignored) ? built_subject(options.what)
                                                         : written_subject(options.what, options.evidence.empty());
  if (!subject) return tl::make_unexpected(std::move(subject.error()));
  if (stages->post) {
    const auto now_s = creation_time();
    if (!now_s) return tl::make_unexpected(now_s.error());
    subject->release.judged_s = *now_s;
  }
  if (!options.policy.empty()) subject->policy = options.policy;
  if (subject->policy.empty()) {
    return fail(ErrorKind::usage, subject->release.name_at_version +
                                      " names no policy: give one with --policy, or write policy: FILE in its file");
  }
  if (!options.evidence.empty()) {
    auto found = evidence_below(options.evidence);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    subject->evidence = std::move(*found);
    subject->read = read_below(options.evidence);
  }
  const auto policy = read_policy(subject->policy);
  if (!policy) return tl::make_unexpected(policy.error());
  const auto judgement =
      judge(policy->policy, policy->sha256, subject->release, EvidenceSet(subject->evidence, subject->read), *stages);
  if (terminal.json)
    *terminal.out << record_json({judgement, subject->evidence}) << "\n";
  else
    *terminal.out << readiness_table(judgement, terminal.columns, terminal.style);
  for (const auto& each : subject->trouble) *terminal.err << "musterctl: " << each << "\n";
  return judgement.passed() && subject->trouble.empty() ? ExitCode::ok : ExitCode::refused;
}

Outcome release_evidence(const Connection& connection, const ReleaseEvidenceOptions& options,
                         const Terminal& terminal) {
  if (ReleaseRef ref; !parse_release_ref(options.release, ref))
    return fail(ErrorKind::usage, "'" + options.release + "' is no release: write NAME@VERSION");
  std::error_code ignored;
  if (!options.out.empty() && fs::exists(options.out, ignored))
    return fail(ErrorKind::exists, options.out + " exists already: name a folder that does not");
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  const auto release = fetch_release(client, options.release).release;
  if (!release) return tl::make_unexpected(release.error());
  const auto signature = check_signature(*release, options.root);
  if (!signature) return tl::make_unexpected(signature.error());
  const auto files = list_evidence(client, *release);
  if (!files) return tl::make_unexpected(files.error());
  if (!options.out.empty()) {
    if (auto fetched = fetch_all(client, options.release, *files, options.out); !fetched)
      return tl::make_unexpected(std::move(fetched.error()));
  }
  if (terminal.json) {
    std::vector<RawJson> items;
    for (const auto& file : *files)
      items.push_back({json_object({{"name", file.name}, {"sha256", to_hex(file.sha256)}})});
    *terminal.out << json_object({{"release", options.release},
                                  {"signature", signature->state},
                                  {"out", options.out},
                                  {"files", RawJson{json_array(items)}}})
                  << "\n";
    return ExitCode::ok;
  }
  Table table({{"file", Align::left, 12}, {"sha256", Align::left, 16}});
  for (const auto& file : *files) table.add_row({harmless(file.name), to_hex(file.sha256)});
  *terminal.out << (table.empty() ? options.release + " came without evidence\n"
                                  : table.text(terminal.columns, terminal.style));
  if (signature->state != "valid") *terminal.out << "the release's signature was not checked: give --root\n";
  if (!options.out.empty())
    *terminal.out << "wrote " << count_text(files->size(), "file") << " to " << options.out << "\n";
  return ExitCode::ok;
}

tl::expected<std::string, Error> stored_record(const std::string& folder, const LocalRelease& release) {
  const auto* readiness = release.manifest().readiness();
  if (readiness == nullptr) return std::string();
  return read_stored(folder)({"readiness.json", digest_of(readiness->record_sha256()), 0});
}

tl::expected<std::string, Error> fetch_record(ControlClient& client, const LocalRelease& release) {
  const auto* readiness = release.manifest().readiness();
  if (readiness == nullptr) return std::string();
  const auto bytes = fetch_file(client, release.name_at_version(), digest_of(readiness->record_sha256()),
                                limits::readiness_record_len_max);
  if (!bytes) return tl::make_unexpected(bytes.error());
  return std::string(ByteView(*bytes).text());
}

}  // namespace muster::ctl
