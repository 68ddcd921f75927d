// Mosquitto's plugin headers in the order that 2.0.11 needs (its mosquitto_plugin.h does not include
// mosquitto_broker.h), and the one place that knows where 2.0 and 2.1 differ. For broker-plugin/abi/ only.
#pragma once

#include <mosquitto.h>

#include <mosquitto_broker.h>

#include <mosquitto_plugin.h>

namespace muster::broker {

// Says when TICK is wanted again. 2.0 ticks ten times a second whatever it reads here. 2.1 sleeps until something
// happens, for up to a day, unless this field says less; it called it next_ms, and it lies where 2.0 has next_ns: a
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
