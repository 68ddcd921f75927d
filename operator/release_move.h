// The statement that moves a release from one state to the next: written, signed, and read back for people. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"
#include "schemas/release_move_generated.h"

namespace muster::ctl {

// How long a signed statement may be brought to the broker: one that was forgotten must not surface years later.
inline constexpr std::uint64_t move_valid_for_s = std::uint64_t{7} * 24 * 3600;

struct MoveStatement {
  std::string release;  // name@version
  Sha256 manifest;
  wire::ReleaseState from = wire::ReleaseState::development, to = wire::ReleaseState::development;
  std::uint64_t made_s = 0;
  std::string reason;
};

// The state of this name; none for a word that is no state.
[[nodiscard]] std::optional<wire::ReleaseState> state_from(std::string_view word);
// The state from which a release gets to `to` by one step; none for development and retired.
[[nodiscard]] std::optional<wire::ReleaseState> state_before(wire::ReleaseState to);

[[nodiscard]] tl::expected<Bytes, Error> sign_move(const MoveStatement& statement,
                                                   const std::vector<std::string>& key_files);

// What an envelope says, its signature unchecked; an error for what is no move.
[[nodiscard]] tl::expected<MoveStatement, Error> read_move(ByteView envelope);

}  // namespace muster::ctl
