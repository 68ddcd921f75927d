// Mosquitto's plugin headers in the order that 2.0.11 needs (its mosquitto_plugin.h does not include
// mosquitto_broker.h).
#pragma once

#include <mosquitto.h>

#include <mosquitto_broker.h>

#include <mosquitto_plugin.h>
