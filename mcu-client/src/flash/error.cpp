#include "mcu-client/include/error.h"

namespace muster::mcu {

const char* name_of(Error error) {
  switch (error) {
    case ok:
      return "ok";
    case err_io:
      return "hardware failed";
    case err_closed:
      return "connection gone";
    case err_unsupported:
      return "unsupported";
    case err_bounds:
      return "out of bounds";
    case err_not_found:
      return "not found";
    case err_no_space:
      return "no space";
    case err_damaged:
      return "damaged";
    case err_protocol:
      return "protocol broken";
    case err_refused:
      return "refused";
    case err_timeout:
      return "timeout";
    case err_busy:
      return "busy";
    case err_too_long:
      return "too long";
    case err_not_connected:
      return "not connected";
    case err_untrusted:
      return "untrusted";
    case err_provisioning:
      return "not provisioned";
    case err_no_slot:
      return "no slot to start";
  }
  return "unknown error";
}

}  // namespace muster::mcu
