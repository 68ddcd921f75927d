#include "operator/commands/release.h"

#include <filesystem>

#include "operator/commands/readiness.h"
#include "operator/commands/release_life.h"
#include "operator/commands/release_parts.h"
#include "operator/decode.h"
#include "operator/manifest_text.h"
#include "operator/readiness/record.h"
#include "operator/render/moment.h"
#include "operator/render/progress_line.h"
#include "operator/render/readiness_text.h"
#include "operator/render/table.h"
#include "operator/upload.h"
#include "schemas/ids.h"

namespace muster::ctl {
namespace {

std::string folder_name(const std::string& folder) {
  return folder.empty() ? std::string(".") : folder;
}

}  // namespace

Outcome release_build(const ReleaseBuildOptions& options, const Terminal& terminal) {
  const auto created_s = creation_time();
  if (!created_s) return tl::make_unexpected(created_s.error());
  auto built = build_release(options.file, folder_name(options.out), *created_s, options.replace);
  if (!built) return tl::make_unexpected(std::move(built.error()));
  std::string warnings;
  for (const auto& warning : built->warnings) warnings += "\nwarning: " + warning;
  terminal.result("built " + built->folder + ": " + count_text(built->file_count, "file") + ", " +
                      size_text(built->bytes) + (built->policy.empty() ? "" : ", passed " + built->policy) +
                      ", manifest " + to_hex(built->manifest) + warnings + "\nnext: musterctl release sign " +
                      built->folder + " --key release.key",
                  json_object({{"release", built->release},
                               {"folder", built->folder},
                               {"manifest", to_hex(built->manifest)},
                               {"passed", built->policy},
                               {"files", std::uint64_t{built->file_count}},
                               {"bytes", built->bytes},
                               {"warnings", built->warnings}}));
  return ExitCode::ok;
}

Outcome release_sign(const ReleaseSignOptions& options, const Terminal& terminal) {
  const auto now_s = creation_time();
  if (!now_s) return tl::make_unexpected(now_s.error());
  auto release = sign_release(options.folder, options.keys, *now_s, options.again);
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
  tl::expected<std::string, Error> record;
  std::optional<ReleaseLifeView> life;  // of the broker's
  if (ReleaseRef ref; std::filesystem::is_directory(options.what, ignored)) {
    release = LocalRelease::open(options.what);
    if (release) record = stored_record(options.what, *release);
  } else if (parse_release_ref(options.what, ref)) {
    ControlClient client(connection);
    if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
    auto fetched = fetch_release(client, options.what);
    release = std::move(fetched.release);
    life = std::move(fetched.life);
    if (release) record = fetch_record(client, *release);
  } else {
    return tl::make_unexpected(
        Error{ErrorKind::usage,
              "'" + options.what +
                  "' is neither a folder nor a release: name a folder that `release build` made, or NAME@VERSION"});
  }
  if (!release) return tl::make_unexpected(std::move(release.error()));
  const auto signature = check_signature(*release, options.root);
  if (!signature) return tl::make_unexpected(signature.error());
  tl::expected<std::vector<std::string>, Error> moves;
  if (life) moves = check_moves(*life, *release, options.root);
  if (!moves) return tl::make_unexpected(moves.error());
  // Whoever made an unsigned folder wrote the record: it is shown as what it means, never as it is.
  std::optional<ReadinessRecord> judged;
  auto trouble = record ? std::string() : record.error().message;
  if (record && !record->empty()) {
    auto parsed = parse_record(*record);
    if (parsed)
      judged = std::move(*parsed);
    else
      trouble = parsed.error().message;
  }
  if (!trouble.empty()) *terminal.err << "musterctl: how it was judged cannot be shown: " << trouble << "\n";
  if (terminal.json) {
    *terminal.out << manifest_json(*release, *signature, judged ? record_json(*judged) : std::string(),
                                   life ? &*life : nullptr)
                  << "\n";
    return ExitCode::ok;
  }
  *terminal.out << manifest_text(*release, *signature, terminal.columns, terminal.style);
  if (life) *terminal.out << "\n" << life_text(*life, *moves, terminal.style);
  if (judged) *terminal.out << "\n" << readiness_table(judged->judgement, terminal.columns, terminal.style);
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
               {"state", Align::left, 11},
               {"files", Align::right, 5},
               {"size", Align::right, 9},
               {"security", Align::right, 8},
               {"expires", Align::left, 10},
               {"published", Align::left, 10},
               {"by", Align::left, 4},
               {"manifest", Align::left, 8}});
  for (const auto& release : *releases) {
    table.add_row({harmless(release.name + "@" + release.version), harmless(release.plane), harmless(release.state),
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
