#include "operator/commands/release_life.h"

#include <filesystem>

#include "host/base64.h"
#include "host/files.h"
#include "operator/commands/change.h"
#include "operator/commands/release_parts.h"
#include "operator/decode.h"
#include "operator/release_folder.h"
#include "operator/release_move.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "operator/trust_file.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "trust/release_move.h"

namespace muster::ctl {
namespace {

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

std::string word(wire::ReleaseState state) {
  return wire::EnumNameReleaseState(state);
}

Outcome bring(ControlClient& client, const Bytes& envelope, const std::string& reason, const Terminal& terminal) {
  Request request{"moveRelease", {{"envelope", host::to_base64(envelope)}}};
  if (!reason.empty()) request.fields.emplace_back("reason", reason);
  return send_change(client, request, terminal);
}

// What is known without a broker: the manifest, and the state before the one that is wanted.
tl::expected<MoveStatement, Error> from_folder(const ReleaseMoveOptions& options, wire::ReleaseState to) {
  const auto release = LocalRelease::open(options.what);
  if (!release) return tl::make_unexpected(release.error());
  auto from = state_before(to);
  if (!options.from.empty()) from = state_from(options.from);
  if (!from)
    return fail(ErrorKind::usage,
                "without the broker's word, --from has to say which state it is in: development, "
                "candidate, canary or promoted");
  MoveStatement statement;
  statement.release = release->name_at_version();
  statement.manifest = release->digest();
  statement.from = *from;
  return statement;
}

// `local`: what lies at hand, and has to be what the broker has; null where only its name is known.
tl::expected<MoveStatement, Error> from_broker(ControlClient& client, const ReleaseMoveOptions& options,
                                               const LocalRelease* local) {
  auto answer = client.call({"getRelease", {{"release", options.what}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto envelope = decode_envelope(*answer);
  const auto life = decode_life(*answer);
  if (!envelope) return tl::make_unexpected(envelope.error());
  if (!life) return tl::make_unexpected(life.error());
  const auto release = LocalRelease::from_envelope(*envelope);
  if (!release) return tl::make_unexpected(release.error());
  // The key speaks of what its owner named, whatever the broker answers.
  if (release->name_at_version() != options.what) {
    return fail(ErrorKind::untrusted, "the broker answers with " + harmless(release->name_at_version()) + " for " +
                                          options.what + ": nothing was signed");
  }
  if (local != nullptr && local->digest() != release->digest()) {
    return fail(ErrorKind::untrusted, "the broker's " + options.what + " has the manifest " +
                                          to_hex(release->digest()) + " and the one in this folder " +
                                          to_hex(local->digest()) + ": nothing was signed");
  }
  const auto from = state_from(options.from.empty() ? life->state : options.from);
  if (!from) return fail(ErrorKind::usage, "'" + options.from + "' is no state of a release");
  MoveStatement statement;
  statement.release = release->name_at_version();
  statement.manifest = release->digest();
  statement.from = *from;
  return statement;
}

}  // namespace

Outcome release_promote(const Connection& connection, const ReleaseMoveOptions& options, const Terminal& terminal) {
  const auto to = state_from(options.to);
  if (!to || *to == wire::ReleaseState::development)
    return fail(ErrorKind::usage, "'" + options.to + "' is no state to move to: candidate, canary or promoted");
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(options.what, ignored);
  ReleaseRef ref;
  if (!is_folder && !parse_release_ref(options.what, ref))
    return fail(ErrorKind::usage, "'" + options.what + "' is neither a release's folder nor NAME@VERSION");
  ControlClient client(connection);
  const bool offline = is_folder && !options.out.empty();
  if (!offline) {
    if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  }
  auto asked = options;
  std::optional<LocalRelease> local;
  if (is_folder && !offline) {
    auto opened = LocalRelease::open(options.what);
    if (!opened) return tl::make_unexpected(std::move(opened.error()));
    local = std::move(*opened);
    asked.what = local->name_at_version();
  }
  auto statement = offline ? from_folder(asked, *to) : from_broker(client, asked, local ? &*local : nullptr);
  if (!statement) return tl::make_unexpected(std::move(statement.error()));
  statement->to = *to;
  statement->reason = options.reason;
  statement->made_s = wall_clock_s();
  const auto envelope = sign_move(*statement, options.keys);
  if (!envelope) return tl::make_unexpected(envelope.error());
  if (options.out.empty()) return bring(client, *envelope, {}, terminal);
  if (auto written = host::write_file_durably(options.out, *envelope); !written)
    return tl::make_unexpected(std::move(written.error()));
  terminal.result("signed: " + statement->release + " from " + word(statement->from) + " to " + word(*to) +
                      ", valid until " + moment_text(statement->made_s + move_valid_for_s) +
                      "\nnext: musterctl release move " + options.out,
                  json_object({{"release", statement->release},
                               {"from", word(statement->from)},
                               {"to", word(*to)},
                               {"file", options.out}}));
  return ExitCode::ok;
}

Outcome release_move(const Connection& connection, const ReleaseBringOptions& options, const Terminal& terminal) {
  const auto envelope = host::read_file(options.file, limits::release_move_len_max + limits::envelope_overhead_max);
  if (!envelope) return tl::make_unexpected(envelope.error());
  if (const auto statement = read_move(ByteView(*envelope)); !statement)
    return tl::make_unexpected(Error(statement.error()).with_context(options.file));
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  return bring(client, *envelope, options.reason, terminal);
}

tl::expected<std::vector<std::string>, Error> check_moves(const ReleaseLifeView& life, const LocalRelease& release,
                                                          const std::string& root_file) {
  std::vector<std::string> words(life.moves.size(), "unchecked");
  if (root_file.empty()) return words;
  const auto root = load_root(root_file);
  if (!root) return tl::make_unexpected(root.error());
  auto state = word(wire::ReleaseState::development);
  for (std::size_t i = 0; i < life.moves.size(); ++i) {
    const auto& move = life.moves[i];
    const auto statement = read_move(ByteView(move.envelope));
    const bool about_it =
        statement && statement->release == release.name_at_version() && statement->manifest == release.digest();
    const bool same = about_it && move.from == state && word(statement->from) == move.from &&
                      word(statement->to) == move.to && statement->reason == move.reason;
    state = move.to;
    const AlignedBytes envelope(move.envelope);
    const wire::ReleaseMove* opened = nullptr;
    // Time 0: the statement was in time when it was taken, and is kept for what it said then.
    const auto fault = trust::open_release_move(envelope.view(), {&*root, 0}, opened);
    words[i] = fault == trust::TrustFault::none ? "valid" : "by keys that this root does not name";
    if (same && (fault == trust::TrustFault::none || fault == trust::TrustFault::unknown_key)) continue;
    return fail(ErrorKind::untrusted, "the statement that moved it from " + harmless(move.from) + " to " +
                                          harmless(move.to) + " does not hold (" +
                                          (same ? std::string(trust::name_of(fault)) : "it says something else") +
                                          "): the broker shows a state that nobody has signed");
  }
  if (state == life.state) return words;
  return fail(ErrorKind::untrusted, "the broker says that " + release.name_at_version() + " is " +
                                        harmless(life.state) + ", and its signed statements lead to " +
                                        harmless(state) + ": the broker shows a state that nobody has signed");
}

std::string life_text(const ReleaseLifeView& life, const std::vector<std::string>& signatures, const Style& style) {
  std::vector<std::pair<std::string, std::string>> entries{{"state", harmless(life.state)}};
  for (std::size_t i = 0; i < life.moves.size(); ++i) {
    const auto& move = life.moves[i];
    std::string keys;
    for (const auto& id : move.key_ids) keys += (keys.empty() ? "" : ", ") + harmless(id);
    entries.emplace_back(harmless(move.to), moment_text(move.taken_s) + " by " + harmless(move.by) + ", signed " +
                                                moment_text(move.made_s) + " by key " + keys + " (" + signatures[i] +
                                                ")" + (move.reason.empty() ? "" : ": " + harmless(move.reason)));
  }
  if (life.files_removed_s != 0) entries.emplace_back("files", "removed on " + moment_text(life.files_removed_s));
  return name_value_lines(entries, style);
}

}  // namespace muster::ctl
