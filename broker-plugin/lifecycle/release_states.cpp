#include "broker-plugin/lifecycle/release_states.h"

#include <cassert>

#include "broker-plugin/core/big_endian.h"
#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/store/keys.h"
#include "schemas/envelope_generated.h"
#include "schemas/wire.h"
#include "trust/release_move.h"

namespace muster::broker {
namespace {

std::string word(ReleaseState state) {
  return wire::EnumNameReleaseState(state);
}

ReleaseState next_of(ReleaseState state) {
  return static_cast<ReleaseState>(static_cast<unsigned>(state) + 1);
}

std::vector<std::string> signers_of(const wire::Envelope& envelope) {
  std::vector<std::string> ids;
  for (const auto* signature : *envelope.signatures()) {
    const auto* id = signature->key_id()->bytes();
    ids.push_back(to_hex(ByteView(id->data(), id->size())));
  }
  return ids;
}

ReleaseMove move_from(const wire::ReleaseMove& statement, const wire::Envelope& envelope) {
  ReleaseMove move;
  move.release = statement.release()->str();
  move.manifest = digest_of(statement.manifest());
  move.from = statement.from();
  move.to = statement.to();
  move.made_s = statement.made_s();
  if (statement.reason() != nullptr) move.reason = statement.reason()->str();
  move.key_ids = signers_of(envelope);
  return move;
}

bool split_stored(std::string_view bytes, std::uint64_t& taken_s, std::string_view& by, std::string_view& envelope) {
  std::uint32_t by_len = 0;
  if (!take_u64(bytes, taken_s) || !take_u32(bytes, by_len) || !take_text(bytes, by_len, by)) return false;
  envelope = bytes;
  return true;
}

}  // namespace

tl::expected<ReleaseMove, Error> open_move(ByteView envelope, const trust::TrustRoot& root, std::uint64_t now_s) {
  const AlignedBytes aligned(envelope);
  const wire::ReleaseMove* statement = nullptr;
  const wire::Envelope* opened = nullptr;
  const auto fault = trust::open_release_move(aligned.view(), {&root, now_s}, statement);
  if (fault == trust::TrustFault::none && verify(aligned.view(), opened) == WireFault::none)
    return move_from(*statement, *opened);
  return tl::unexpected(
      Error{ErrorKind::untrusted, "the move is not accepted: " + std::string(trust::name_of(fault)) +
                                      "; sign it now with a key that this broker's root names for the release role"});
}

std::string fault_of_move(const ReleaseMove& move, const Release& release, ReleaseState state) {
  const auto ref = release.ref();
  if (move.manifest != release.manifest || move.release != ref)
    return "the statement is about " + move.release + " with another manifest than the broker's " + ref;
  if (move.from != state) {
    return "the statement moves " + ref + " from " + word(move.from) + ", and it is " + word(state) +
           (move.to <= state ? " already: an old statement, or one brought twice" : "; sign one from there");
  }
  if (state == ReleaseState::retired) return ref + " is retired, and nothing leaves that";
  if (move.to == ReleaseState::retired) {
    return move.reason.empty() ? "retiring " + ref + " needs a reason in the signed statement" : std::string();
  }
  if (move.to != next_of(state))
    return ref + " is " + word(state) + ", and the next state is " + word(next_of(state)) + ", not " + word(move.to);
  return {};
}

std::string move_key(const std::string& release_ref, std::size_t number) {
  return keys::join(keys::release_move, release_ref + "/" + std::to_string(number));
}

std::string encode_move(const TakenMove& taken, ByteView envelope) {
  std::string bytes;
  put_u64(bytes, taken.taken_s);
  put_u32(bytes, static_cast<std::uint32_t>(taken.by.size()));
  bytes += taken.by;
  bytes += envelope.text();
  return bytes;
}

std::optional<TakenMove> decode_move(std::string_view stored) {
  TakenMove taken;
  std::string_view by, envelope_text;
  if (!split_stored(stored, taken.taken_s, by, envelope_text)) return std::nullopt;
  const AlignedBytes envelope{ByteView(envelope_text)};
  const wire::Envelope* opened = nullptr;
  if (verify(envelope.view(), opened) != WireFault::none) return std::nullopt;
  const AlignedBytes payload{ByteView(opened->payload()->data(), opened->payload()->size())};
  const wire::ReleaseMove* statement = nullptr;
  if (verify(payload.view(), statement) != WireFault::none) return std::nullopt;
  taken.move = move_from(*statement, *opened);
  taken.by = by;
  return taken;
}

ByteView move_envelope_in(std::string_view stored) {
  std::uint64_t taken_s = 0;
  std::string_view by, envelope;
  return split_stored(stored, taken_s, by, envelope) ? ByteView(envelope) : ByteView();
}

const ReleaseLife& ReleaseStates::of(const Sha256& manifest) const {
  static const ReleaseLife fresh;
  const auto found = lives_.find(manifest);
  return found == lives_.end() ? fresh : found->second;
}

void ReleaseStates::take(TakenMove taken) {
  auto& life = lives_[taken.move.manifest];
  assert(life.state == taken.move.from);
  life.state = taken.move.to;
  life.moves.push_back(std::move(taken));
}

rules::Reach reach_of(ReleaseState state) {
  switch (state) {
    case ReleaseState::candidate:
      return rules::Reach::candidate;
    case ReleaseState::canary:
      return rules::Reach::canary;
    case ReleaseState::promoted:
      return rules::Reach::promoted;
    case ReleaseState::development:
    case ReleaseState::retired:
      break;
  }
  return rules::Reach::development;
}

std::string lacks_state(const Release& release, const ReleaseLife& life, const rules::Wave& first_wave, bool required) {
  const auto ref = release.ref();
  if (life.state == ReleaseState::retired)
    return ref + " is retired: no rollout of it starts any more; roll out another version";
  if (!required) return {};
  const auto promote = [&](ReleaseState to) {
    return "; 'musterctl release promote " + ref + " --to " + word(to) + "' moves it on, with a release key";
  };
  if (life.state == ReleaseState::development)
    return ref + " is in development, and this broker rolls out candidates and later" +
           promote(ReleaseState::candidate);
  if (first_wave.percent == 100 && life.state != ReleaseState::promoted) {
    return ref + " is " + word(life.state) +
           ", and the rule's first wave takes everybody, which needs promoted; begin with a smaller wave" +
           promote(next_of(life.state));
  }
  return {};
}

}  // namespace muster::broker
