// Verifies moves of releases, which go from operators to the broker and never to a device.
#include "schemas/ids.h"
#include "schemas/release_move_generated.h"
#include "schemas/wire.h"
#include "schemas/wire_check.h"

namespace muster {

WireFault verify(ByteView bytes, const wire::ReleaseMove*& message) {
  const wire::ReleaseMove* move = nullptr;
  const auto fault = wire_check::open(bytes, limits::release_move_len_max, wire::ReleaseMoveIdentifier(), move);
  if (fault != WireFault::none) return fault;
  wire_check::Checker check;
  ReleaseRef ref;
  check.require(parse_release_ref(wire_check::view(move->release()), ref), WireFault::bad_name);
  check.require(!wire_check::is_zero(move->manifest()), WireFault::malformed);
  check.known(move->from());
  check.known(move->to());
  check.text(move->reason(), limits::text_len_max);
  return wire_check::accept(check, move, message);
}

}  // namespace muster
