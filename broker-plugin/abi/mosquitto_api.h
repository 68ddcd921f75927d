// Mosquitto's plugin headers in the order that 2.0.11 needs (its mosquitto_plugin.h does not include
// mosquitto_broker.h), and the one place that knows where 2.0 and 2.1 differ. For broker-plugin/abi/ only.
#pragma once

#include <mosquitto.h>

#if !__has_include(<mosquitto/broker.h>)  // in 2.1 these are in the one above, and warn

#include <mosquitto_broker.h>

#include <mosquitto_plugin.h>

#endif

namespace muster::broker {

// MOSQ_EVT_CLIENT_OFFLINE of 2.1: a client whose session outlives its connection has lost that; DISCONNECT is there for
// the others only. Its data begins as that of DISCONNECT does. 2.0 knows the one event for both and refuses to register
// this.
inline constexpr int client_offline_event = 28;

// Says when TICK is wanted again. 2.0 ticks ten times a second whatever it reads here. 2.1 sleeps until something
// happens, for up to a day, unless this field says less; its name for it is next_ms, in the place of next_ns: a
// plugin that was built with either's headers works in both.
template <typename TickEvent>
void set_next_tick(TickEvent& event, long in_ms) {
  event.next_s = 0;
  if constexpr (requires { event.next_ms; }) {
    event.next_ms = in_ms;
  } else {
    event.next_ns = in_ms;
  }
}

}  // namespace muster::broker
