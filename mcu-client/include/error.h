// What the MCU client's functions return when they fail: negative values with names. 0, or a count where the function
// says so, is success. Freestanding C++17; any thread. The numbers are fixed for ever: ports return them and logs hold
// them.
#pragma once

#include <cstdint>

namespace muster::mcu {

enum Error : int {
  ok = 0,
  // --- from ports ---
  err_io = -1,           // the hardware said no
  err_closed = -2,       // the connection is gone
  err_unsupported = -3,  // this port has no such thing
  // --- flash ---
  err_bounds = -10,  // outside its area, or not on the boundaries that the layout gives
  err_not_found = -11,
  err_no_space = -12,  // it does not fit, even after cleaning up
  err_damaged = -13,   // a check sum or a digest is wrong
  // --- MQTT ---
  err_protocol = -20,  // the other side broke MQTT 3.1.1
  err_refused = -21,   // CONNACK or SUBACK says no
  err_timeout = -22,
  err_busy = -23,      // the one message that may wait for an acknowledgement does; try again later
  err_too_long = -24,  // longer than the buffer for it
  err_not_connected = -25,
  // --- trust and fit ---
  err_untrusted = -30,
  // --- the client ---
  err_provisioning = -40,  // identity or trust root are missing or not valid: the factory has to write them
  err_no_slot = -41,       // the bootloader found nothing that it may start
};

// "not found" and so on; for logs.
[[nodiscard]] const char* name_of(Error error);

}  // namespace muster::mcu
