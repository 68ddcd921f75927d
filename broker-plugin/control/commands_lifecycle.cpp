// The command that moves a release from one state to the next.
#include <algorithm>
#include <utility>

#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/objects.h"
#include "broker-plugin/lifecycle/rollout_reach.h"

namespace muster::broker {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string word(ReleaseState state) {
  return wire::EnumNameReleaseState(state);
}

// Empty when nothing names the release any more.
std::string fault_of_retiring(const std::string& ref, const rules::ReleaseUses& uses) {
  std::string why;
  if (!uses.rollouts.empty()) {
    why = "these rollouts may still assign it: " + joined(uses.rollouts) +
          "; 'musterctl rollout abort NAME --keep' ends one";
  }
  if (!uses.returning.empty()) {
    why += (why.empty() ? "" : "; and ") + ("these may take devices back to it: " + joined(uses.returning)) +
           "; wait until they are completed";
  }
  if (!uses.keeping.empty()) {
    why += (why.empty() ? "" : "; and ") + ("these keep what their devices ran before: " + joined(uses.keeping)) +
           "; 'musterctl rollout abort NAME --keep' ends that";
  }
  if (uses.device_count != 0) {
    const auto more = uses.device_count - uses.devices.size();
    why += (why.empty() ? "" : "; and ") + std::to_string(uses.device_count) +
           (uses.device_count == 1 ? " device is" : " devices are") + " assigned it: " + joined(uses.devices) +
           (more == 0 ? "" : " and " + std::to_string(more) + " more") + "; roll out another version there";
  }
  return why.empty() ? why : ref + " cannot be retired: " + why;
}

}  // namespace

void Commands::move_release(const std::string& who, const ControlCommand& command, Done done) {
  const auto move = std::make_shared<ReleaseMove>();
  in_background(
      [this, envelope = command.envelope, move, now_s = services_.engine.now_s()]() -> Answer {
        auto opened = open_move(ByteView(envelope), services_.root, now_s);
        if (!opened) return Answer::failed(opened.error());
        *move = std::move(*opened);
        return {};
      },
      [this, who, command, move, done = std::move(done)](const Answer& answer) {
        if (answer.error.empty()) return take_move(who, command, std::move(*move), done);
        if (answer.kind != ErrorKind::untrusted) return done(answer);
        services_.counters.refuse("bad_signature");
        done(answer);
      });
}

void Commands::take_move(const std::string& who, const ControlCommand& command, ReleaseMove move, Done done) {
  if (!services_.engine.stopped().empty()) {
    return done(Answer::failed(ErrorKind::internal, "the broker has stopped deciding: " + services_.engine.stopped()));
  }
  const auto release = services_.releases.by_manifest(move.manifest);
  if (release == nullptr) {
    return done(Answer::failed(ErrorKind::not_found, "no release here has the manifest of " + move.release + " (" +
                                                         to_hex(move.manifest).substr(0, 12) +
                                                         "…); publish it first, or see listReleases"));
  }
  const auto& life = services_.states.of(release->manifest);
  auto fault = fault_of_move(move, *release, life.state);
  const bool retires = move.to == ReleaseState::retired;
  if (fault.empty() && retires)
    fault = fault_of_retiring(release->ref(), services_.engine.engine().uses(release->manifest));
  if (!fault.empty()) return refuse_about(who, command, release->ref(), fault, std::move(done));

  const auto message = release->ref() + " is " + word(move.to) + " now, and was " + word(move.from);
  auto why = word(move.from) + " → " + word(move.to) + ", signed by key " + joined(move.key_ids) + " (manifest " +
             to_hex(move.manifest) + ")";
  if (!move.reason.empty()) why += "; reason given: " + move.reason;
  if (!command.reason.empty()) why += "; brought because: " + command.reason;
  const TakenMove taken{std::move(move), services_.engine.now_s(), who};
  Work work;
  work.records.push_back({move_key(release->ref(), life.moves.size()), encode_move(taken, ByteView(command.envelope))});
  work.audit.push_back({0, taken.taken_s, who, "release.moved", release->ref(), why, {}});
  services_.states.take(taken);
  const auto data = release_json(*release, services_.states.of(release->manifest));
  work.after.emplace_back(
      [this, manifest = release->manifest, retires, message, data, done = std::move(done)](bool durable) {
        if (!durable)
          return done(Answer::failed(ErrorKind::internal, "it could not be made durable; see the broker's log"));
        if (retires) services_.removal.note_retired(manifest);
        tell_reach(services_.engine, services_.releases, services_.states, services_.states_required);
        done(Answer::with("{\"message\":" + json_quoted(message) + ",\"release\":" + data + "}"));
      });
  services_.engine.submit(std::move(work));
}

void Commands::refuse_about(const std::string& who, const ControlCommand& command, const std::string& subject,
                            const std::string& why, Done done) {
  auto about = command;
  about.rollout = subject;  // what the audit record says it is about
  refuse(who, about, why, std::move(done));
}

}  // namespace muster::broker
