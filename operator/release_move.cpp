#include "operator/release_move.h"

#include <utility>

#include "operator/seal_with_files.h"
#include "operator/wire_digest.h"
#include "schemas/envelope_generated.h"
#include "schemas/wire.h"

namespace muster::ctl {

std::optional<wire::ReleaseState> state_from(std::string_view word) {
  for (const auto state : wire::EnumValuesReleaseState()) {
    if (word == wire::EnumNameReleaseState(state)) return state;
  }
  return std::nullopt;
}

std::optional<wire::ReleaseState> state_before(wire::ReleaseState to) {
  if (to == wire::ReleaseState::development || to == wire::ReleaseState::retired) return std::nullopt;
  return static_cast<wire::ReleaseState>(static_cast<unsigned>(to) - 1);
}

tl::expected<Bytes, Error> sign_move(const MoveStatement& statement, const std::vector<std::string>& key_files) {
  flatbuffers::FlatBufferBuilder builder;
  const auto release = builder.CreateString(statement.release);
  const auto reason = statement.reason.empty() ? 0 : builder.CreateString(statement.reason);
  const wire::Digest manifest(statement.manifest.bytes);
  wire::FinishReleaseMoveBuffer(
      builder, wire::CreateReleaseMove(builder, release, &manifest, statement.from, statement.to, statement.made_s,
                                       statement.made_s + move_valid_for_s, reason));
  const AlignedBytes payload{ByteView(builder.GetBufferPointer(), builder.GetSize())};
  const wire::ReleaseMove* checked = nullptr;
  if (const auto fault = verify(payload.view(), checked); fault != WireFault::none) {
    return tl::make_unexpected(Error{ErrorKind::usage, "the broker would refuse this statement (" +
                                                           std::string(name_of(fault)) +
                                                           "): a reason is plain text of at most 256 bytes"});
  }
  return seal_with_files(wire::PayloadKind::release_move, payload.view(), key_files);
}

tl::expected<MoveStatement, Error> read_move(ByteView envelope) {
  const auto none = [] {
    return tl::make_unexpected(Error{ErrorKind::invalid,
                                     "this is no signed move of a release: 'musterctl release promote … --out FILE' "
                                     "writes one"});
  };
  const AlignedBytes copy(envelope);
  const wire::Envelope* opened = nullptr;
  if (verify(copy.view(), opened) != WireFault::none || opened->kind() != wire::PayloadKind::release_move)
    return none();
  const AlignedBytes payload{ByteView(opened->payload()->data(), opened->payload()->size())};
  const wire::ReleaseMove* move = nullptr;
  if (verify(payload.view(), move) != WireFault::none) return none();
  MoveStatement statement{
      move->release()->str(), digest_of(move->manifest()), move->from(), move->to(), move->made_s(), {}};
  if (move->reason() != nullptr) statement.reason = move->reason()->str();
  return statement;
}

}  // namespace muster::ctl
