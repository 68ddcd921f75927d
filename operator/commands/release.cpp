#include "operator/commands/release.h"

#include <cstdlib>
#include <filesystem>

#include "operator/decode.h"
#include "operator/manifest_text.h"
#include "operator/render/moment.h"
#include "operator/render/progress_line.h"
#include "operator/render/table.h"
#include "operator/trust_file.h"
#include "operator/upload.h"
#include "schemas/ids.h"
#include "trust/envelope.h"

namespace muster::ctl {
namespace {

// Reproducible builds name their time (reproducible-builds.org, SOURCE_DATE_EPOCH); others are made now.
tl::expected<std::uint64_t, Error> creation_time() {
  const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
  if (fixed == nullptr || *fixed == '\0') return wall_clock_s();
  char* end = nullptr;
  const auto value = std::strtoull(fixed, &end, 10);
  if (*end == '\0') return value;
  return tl::make_unexpected(Error{
      ErrorKind::usage, std::string("SOURCE_DATE_EPOCH is '") + fixed + "': it must be seconds since 1970, or unset"});
}

// Checks the release's signature against the root in `root_file`; says "unchecked" without one.
tl::expected<SignatureView, Error> check_signature(const LocalRelease& release, const std::string& root_file) {
  if (release.envelope().empty()) return SignatureView{"none", {}};
  if (root_file.empty()) return SignatureView{"unchecked", release.signer_ids()};
  auto root = load_root(root_file);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  const AlignedBytes envelope(release.envelope());
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  const auto fault = trust::open_manifest(envelope.view(), {&*root, wall_clock_s()}, manifest, digest);
  if (fault == trust::TrustFault::none) return SignatureView{"valid", release.signer_ids()};
  if (fault == trust::TrustFault::expired) {
    return tl::make_unexpected(
        Error{ErrorKind::untrusted,
              release.name_at_version() + " has expired: build it again as a new version with a later `expires`"});
  }
  return tl::make_unexpected(Error{ErrorKind::untrusted, "the signature of " + release.name_at_version() +
                                                             " does not hold (" + std::string(trust::name_of(fault)) +
                                                             "): sign it with the key that holds the release role in " +
                                                             root_file});
}

std::string folder_name(const std::string& folder) {
  return folder.empty() ? std::string(".") : folder;
}

}  // namespace

Outcome release_build(const ReleaseBuildOptions& options, const Terminal& terminal) {
  const auto created_s = creation_time();
  if (!created_s) return tl::make_unexpected(created_s.error());
  auto built = build_release(options.file, folder_name(options.out), *created_s, options.replace);
  if (!built) return tl::make_unexpected(std::move(built.error()));
  terminal.result("built " + built->folder + ": " + count_text(built->file_count, "file") + ", " +
                      size_text(built->bytes) + ", manifest " + to_hex(built->manifest) +
                      "\nnext: musterctl release sign " + built->folder + " --key release.key",
                  json_object({{"release", built->release},
                               {"folder", built->folder},
                               {"manifest", to_hex(built->manifest)},
                               {"files", std::uint64_t{built->file_count}},
                               {"bytes", built->bytes}}));
  return ExitCode::ok;
}

Outcome release_sign(const ReleaseSignOptions& options, const Terminal& terminal) {
  auto release = sign_release(options.folder, options.keys, options.again);
  if (!release) return tl::make_unexpected(std::move(release.error()));
  const auto ids = release->signer_ids();
  terminal.result(
      "signed " + release->name_at_version() + " with " + count_text(ids.size(), "key") + ", manifest " +
          to_hex(release->digest()) + "\nnext: musterctl release publish " + options.folder,
      json_object(
          {{"release", release->name_at_version()}, {"manifest", to_hex(release->digest())}, {"key_ids", ids}}));
  return ExitCode::ok;
}

Outcome release_publish(const Connection& connection, const ReleasePublishOptions& options, const Terminal& terminal) {
  auto release = LocalRelease::open(options.folder);
  if (!release) return tl::make_unexpected(std::move(release.error()));
  if (release->envelope().empty()) {
    return tl::make_unexpected(
        Error{ErrorKind::untrusted,
              options.folder + " is not signed: run musterctl release sign " + options.folder + " --key release.key"});
  }
  if (auto signature = check_signature(*release, options.root); !signature)
    return tl::make_unexpected(std::move(signature.error()));
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  ProgressLine progress(*terminal.err, terminal.drawable && !terminal.json, terminal.columns, terminal.style);
  auto published = publish_release(
      client, options.folder, *release, options.reason,
      [&](std::uint64_t done, std::uint64_t total) { progress.show(release->name_at_version(), done, total); });
  progress.clear();
  if (!published) {
    auto& error = published.error();
    if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::timeout) {
      error.message += "; run it again: it goes on where it stopped";
    }
    return tl::make_unexpected(std::move(error));
  }
  const auto sent = published->files_sent == 0 ? std::string("its files were there already")
                                               : "sent " + size_text(published->bytes_sent) + " in " +
                                                     count_text(published->files_sent, "file");
  terminal.result("published " + release->name_at_version() + ": " + sent,
                  json_object({{"release", RawJson{published->release_json}},
                               {"bytes_sent", published->bytes_sent},
                               {"files_sent", std::uint64_t{published->files_sent}}}));
  return ExitCode::ok;
}

Outcome release_show(const Connection& connection, const ReleaseShowOptions& options, const Terminal& terminal) {
  std::error_code ignored;
  tl::expected<LocalRelease, Error> release = tl::make_unexpected(Error{});
  if (ReleaseRef ref; std::filesystem::is_directory(options.what, ignored)) {
    release = LocalRelease::open(options.what);
  } else if (parse_release_ref(options.what, ref)) {
    ControlClient client(connection);
    if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
    auto answer = client.call({"getRelease", {{"release", options.what}}});
    if (!answer) return tl::make_unexpected(std::move(answer.error()));
    auto envelope = decode_envelope(*answer);
    if (!envelope) return tl::make_unexpected(std::move(envelope.error()));
    release = LocalRelease::from_envelope(std::move(*envelope));
  } else {
    return tl::make_unexpected(
        Error{ErrorKind::usage,
              "'" + options.what +
                  "' is neither a folder nor a release: name a folder that `release build` made, or NAME@VERSION"});
  }
  if (!release) return tl::make_unexpected(std::move(release.error()));
  const auto signature = check_signature(*release, options.root);
  if (!signature) return tl::make_unexpected(signature.error());
  if (terminal.json)
    *terminal.out << manifest_json(*release, *signature) << "\n";
  else
    *terminal.out << manifest_text(*release, *signature, terminal.columns, terminal.style);
  return ExitCode::ok;
}

Outcome release_list(const Connection& connection, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer = client.call({"listReleases", {}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  auto releases = decode_releases(*answer);
  if (!releases) return tl::make_unexpected(std::move(releases.error()));
  if (terminal.json) {
    *terminal.out << *answer << "\n";
    return ExitCode::ok;
  }
  Table table({{"release", Align::left, 8},
               {"plane", Align::left, 5},
               {"files", Align::right, 5},
               {"size", Align::right, 9},
               {"security", Align::right, 8},
               {"expires", Align::left, 10},
               {"published", Align::left, 10},
               {"by", Align::left, 4},
               {"manifest", Align::left, 8}});
  for (const auto& release : *releases) {
    table.add_row({harmless(release.name + "@" + release.version), harmless(release.plane),
                   std::to_string(release.file_count), size_text(release.bytes),
                   std::to_string(release.security_version),
                   release.expires_s == 0 ? std::string("never") : moment_text(release.expires_s).substr(0, 10),
                   moment_text(release.published_s), harmless(release.published_by), release.manifest.substr(0, 12)});
  }
  *terminal.out << (table.empty() ? "no release is published yet: musterctl release publish FOLDER\n"
                                  : table.text(terminal.columns, terminal.style));
  return ExitCode::ok;
}

}  // namespace muster::ctl
