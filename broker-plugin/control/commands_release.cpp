// Commands that bring blobs and releases to the broker.
#include <utility>

#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/json_writer.h"
#include "broker-plugin/control/objects.h"
#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/readiness/release_evidence.h"
#include "broker-plugin/store/keys.h"
#include "schemas/ids.h"
#include "schemas/manifest_generated.h"
#include "trust/envelope.h"
#include "trust/fault.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

Answer offset_answer(const tl::expected<std::uint64_t, Error>& offset) {
  if (!offset) return Answer::failed(offset.error());
  return Answer::with("{\"offset\":" + std::to_string(*offset) + "}");
}

// What the release keys signed, with its files all here; or why not.
struct Checked {
  Release release;
  Error error{};
  std::string_view counter;  // of the refusal
};

Checked check_release(const Bytes& envelope, const trust::TrustRoot& root, const BlobStore& blobs,
                      std::uint64_t now_s) {
  const AlignedBytes aligned{ByteView(envelope)};
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  const auto fault = trust::open_manifest(aligned.view(), {&root, now_s}, manifest, digest);
  if (fault != trust::TrustFault::none) {
    const auto name = trust::name_of(fault);
    return {{},
            {ErrorKind::untrusted, "the release is not accepted: " + std::string(name) +
                                       "; sign it with a key that this broker's root names for the release role"},
            name};
  }
  Checked checked{release_from(*manifest, digest, aligned.view()), {}, {}};
  for (const auto& file : checked.release.files) {
    const auto stored = blobs.size_of(file.sha256);
    if (stored == file.size) continue;
    checked.error = {ErrorKind::not_found,
                     "the file " + file.name + " (" + to_hex(file.sha256).substr(0, 12) + "…) " +
                         (stored ? "has another size at the broker" : "is not at the broker yet") +
                         "; send it with beginBlob, putBlob, endBlob first"};
    checked.counter = "unknown_blob";
    return checked;
  }
  if (auto evidence = check_evidence(checked.release, blobs); !evidence) checked.error = std::move(evidence.error());
  return checked;
}

// Null when there is none of this name@version; `done` has then been told.
ReleasePtr find_or_say(const ReleaseRegistry& releases, const std::string& name_at_version, const Done& done) {
  ReleaseRef ref;
  auto release = parse_release_ref(name_at_version, ref) ? releases.find(ref.name, ref.version) : nullptr;
  if (release == nullptr)
    done(Answer::failed(ErrorKind::not_found, "no release is called " + name_at_version + "; see listReleases"));
  return release;
}

}  // namespace

void Commands::begin_blob(const ControlCommand& command, Done done) {
  in_background(
      [this, digest = command.digest, size = command.size] {
        return offset_answer(uploads_.begin(digest, size, std::chrono::steady_clock::now()));
      },
      std::move(done));
}

void Commands::put_blob(const ControlCommand& command, Done done) {
  in_background(
      [this, digest = command.digest, offset = command.offset, data = command.data] {
        return offset_answer(uploads_.put(digest, offset, ByteView(data), std::chrono::steady_clock::now()));
      },
      std::move(done));
}

void Commands::end_blob(const std::string& who, const ControlCommand& command, Done done) {
  const auto digest = command.digest;
  in_background(
      [this, digest]() -> Answer {
        if (auto ended = uploads_.end(digest, std::chrono::steady_clock::now()); !ended)
          return Answer::failed(ended.error());
        return Answer::with("{\"stored\":true}");
      },
      [this, who, digest, why = command.reason, done = std::move(done)](const Answer& answer) {
        if (!answer.error.empty()) return done(answer);
        services_.engine.audit(who, "blob.stored", to_hex(digest), why, [done, answer](bool) { done(answer); });
      });
}

void Commands::publish_release(const std::string& who, const ControlCommand& command, Done done) {
  services_.removal.publication_begins();
  const auto envelope = std::make_shared<const Bytes>(command.envelope);
  const auto checked = std::make_shared<Checked>();
  in_background(
      [this, envelope, checked, now_s = services_.engine.now_s()]() -> Answer {
        *checked = check_release(*envelope, services_.root, services_.blobs, now_s);
        if (!checked->error.message.empty()) return Answer::failed(checked->error);
        if (auto kept = services_.blobs.put(checked->release.envelope, ByteView(*envelope)); !kept)
          return Answer::failed(kept.error());
        return {};
      },
      [this, who, reason = command.reason, envelope, checked, done = std::move(done)](const Answer& answer) {
        services_.removal.publication_ends();
        if (!checked->counter.empty()) services_.counters.refuse(checked->counter);
        if (!answer.error.empty()) return done(answer);
        store_release(who, reason, std::move(checked->release), *envelope, done);
      });
}

void Commands::store_release(const std::string& who, const std::string& reason, Release release, const Bytes& envelope,
                             Done done) {
  if (!services_.engine.stopped().empty()) {
    return done(Answer::failed(ErrorKind::internal, "the broker has stopped deciding: " + services_.engine.stopped()));
  }
  if (services_.states.of(release.manifest).state == ReleaseState::retired) {
    return done(Answer::failed(ErrorKind::refused, release.ref() + " is retired, and nothing leaves that; publish the "
                                                                   "changed release as a new version"));
  }
  release.published_s = services_.engine.now_s();
  release.published_by = who;
  const auto known_before = services_.releases.find(release.name, release.version) != nullptr;
  const auto added = services_.releases.add(std::move(release));
  if (!added) return done(Answer::failed(added.error()));
  const auto answer = Answer::with(release_json(**added, services_.states.of((*added)->manifest)));
  const auto manifest = "manifest " + to_hex((*added)->manifest);
  Work work;  // the answer waits for the first publication even when this is the second
  if (!known_before) {
    work.records.push_back({keys::join(keys::release, (*added)->ref()), encode_release(**added, ByteView(envelope))});
    work.audit.push_back({0,
                          services_.engine.now_s(),
                          who,
                          "release.published",
                          (*added)->ref(),
                          reason.empty() ? manifest : reason + " (" + manifest + ")",
                          {}});
  }
  work.after.emplace_back([done = std::move(done), answer](bool durable) {
    done(durable ? answer : Answer::failed(ErrorKind::internal, "it could not be made durable; see the broker's log"));
  });
  services_.engine.submit(std::move(work));
}

void Commands::list_releases(Done done) const {
  std::vector<std::string> items;
  for (const auto& release : services_.releases.all())
    items.push_back(release_json(*release, services_.states.of(release->manifest)));
  done(Answer::with(list_json("releases", items)));
}

void Commands::get_release(const ControlCommand& command, Done done) {
  const auto release = find_or_say(services_.releases, command.release, done);
  if (release == nullptr) return;
  const auto* store = &services_.store;
  in_background(
      [store, release, life = services_.states.of(release->manifest)]() mutable -> Answer {
        const auto stored = store->get(keys::join(keys::release, release->ref()));
        if (!stored) return Answer::failed(stored.error());
        std::vector<Bytes> moves;
        for (std::size_t i = 0; i < life.moves.size(); ++i) {
          const auto move = store->get(move_key(release->ref(), i));
          if (!move) return Answer::failed(move.error());
          if (!*move) break;  // just taken, and not durable yet
          const auto envelope = move_envelope_in(**move);
          moves.emplace_back(envelope.begin(), envelope.end());
        }
        if (moves.size() < life.moves.size()) {
          life.state = life.moves[moves.size()].move.from;
          life.moves.resize(moves.size());
        }
        return Answer::with(release_json(*release, life, *stored ? envelope_in(**stored) : ByteView(), moves));
      },
      std::move(done));
}

void Commands::get_release_evidence(const ControlCommand& command, Done done) {
  const auto release = find_or_say(services_.releases, command.release, done);
  if (release == nullptr) return;
  in_background(
      [this, release, digest = command.digest, offset = command.offset,
       length = static_cast<std::size_t>(command.length)]() -> Answer {
        const auto part = read_evidence(*release, services_.blobs, digest, offset, length);
        if (!part) return Answer::failed(part.error());
        return Answer::with(part_json(offset, part->size, part->data));
      },
      std::move(done));
}

}  // namespace muster::broker
