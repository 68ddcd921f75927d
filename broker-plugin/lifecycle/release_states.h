// Where each release stands: development → candidate → canary → promoted → retired. A step is taken because a signed
// statement says so; the statements are kept as they came. States only go forward and nothing leaves retired, so a
// statement can be used once: its `from` is the present state then and never again. Broker thread only; what encodes
// and reads is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "broker-plugin/core/releases.h"
#include "host/error.h"
#include "rules/engine/event.h"
#include "schemas/bytes.h"
#include "schemas/release_move_generated.h"
#include "trust/root.h"

namespace muster::broker {

using wire::ReleaseState;

// A statement, as read from its envelope.
struct ReleaseMove {
  std::string release;  // name@version
  Sha256 manifest;
  ReleaseState from = ReleaseState::development, to = ReleaseState::development;
  std::uint64_t made_s = 0;
  std::string reason;
  std::vector<std::string> key_ids;  // of its signatures, in hexadecimal
};
struct TakenMove {
  ReleaseMove move;
  std::uint64_t taken_s = 0;
  std::string by;  // the operator who brought it
};

struct ReleaseLife {
  ReleaseState state = ReleaseState::development;  // where each one begins
  std::vector<TakenMove> moves;                    // in order
  std::uint64_t removed_s = 0;                     // when its files went; 0: they are here

  [[nodiscard]] std::uint64_t retired_s() const { return state == ReleaseState::retired ? moves.back().taken_s : 0; }
};

// Checks signature and expiry; the error is for the operator (kind untrusted).
[[nodiscard]] tl::expected<ReleaseMove, Error> open_move(ByteView envelope, const trust::TrustRoot& root,
                                                         std::uint64_t now_s);

// What is wrong with taking `move` where `release` is in `state`; empty when nothing is.
[[nodiscard]] std::string fault_of_move(const ReleaseMove& move, const Release& release, ReleaseState state);

// As stored, under move_key: when and by whom it was brought, then its envelope. Decoding checks the structure; the
// signature was checked before it was stored.
[[nodiscard]] std::string move_key(const std::string& release_ref, std::size_t number);
[[nodiscard]] std::string encode_move(const TakenMove& taken, ByteView envelope);
[[nodiscard]] std::optional<TakenMove> decode_move(std::string_view stored);
[[nodiscard]] ByteView move_envelope_in(std::string_view stored);

class ReleaseStates {
 public:
  [[nodiscard]] const ReleaseLife& of(const Sha256& manifest) const;
  // REQUIRES: fault_of_move finds nothing.
  void take(TakenMove taken);
  void note_removed(const Sha256& manifest, std::uint64_t now_s) { lives_[manifest].removed_s = now_s; }

 private:
  std::unordered_map<Sha256, ReleaseLife, DigestHash> lives_;  // of those that have moved
};

// How far rollouts of a release in `state` may go where the broker asks for states.
[[nodiscard]] rules::Reach reach_of(ReleaseState state);

// Why a rollout with `first_wave` may not start with the release, in words for an operator; empty when it may.
// `required`: the broker asks for states. A retired release never starts.
[[nodiscard]] std::string lacks_state(const Release& release, const ReleaseLife& life, const rules::Wave& first_wave,
                                      bool required);

}  // namespace muster::broker
