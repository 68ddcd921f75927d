#include "trust/fault.h"

namespace muster::trust {

std::string_view name_of(TrustFault fault) {
  switch (fault) {
    case TrustFault::none:
      return "none";
    case TrustFault::malformed:
      return "malformed";
    case TrustFault::wrong_kind:
      return "wrong_kind";
    case TrustFault::unknown_key:
      return "unknown_key";
    case TrustFault::bad_signature:
      return "bad_signature";
    case TrustFault::expired:
      return "expired";
    case TrustFault::replayed:
      return "replayed";
    case TrustFault::wrong_subject:
      return "wrong_subject";
  }
  return "unknown";
}

wire::ErrorCode code_of(TrustFault fault) {
  switch (fault) {
    case TrustFault::none:
      return wire::ErrorCode::none;
    case TrustFault::malformed:
    case TrustFault::wrong_kind:
      return wire::ErrorCode::malformed;
    case TrustFault::unknown_key:
      return wire::ErrorCode::unknown_key;
    case TrustFault::bad_signature:
      return wire::ErrorCode::bad_signature;
    case TrustFault::expired:
      return wire::ErrorCode::expired;
    case TrustFault::replayed:
      return wire::ErrorCode::replayed;
    case TrustFault::wrong_subject:
      return wire::ErrorCode::wrong_device;
  }
  return wire::ErrorCode::internal;
}

}  // namespace muster::trust
