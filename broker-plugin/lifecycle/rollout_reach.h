// Tells the engine how far the states of releases let its rollouts go. A whole picture each time, never a change: said
// at the start, after each move and after a reload, so that nothing is lost with a crash in between. Broker thread.
#pragma once

#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/lifecycle/release_states.h"

namespace muster::broker {

// `required`: the broker asks for states; otherwise each release may go everywhere.
void tell_reach(EngineHost& engine, const ReleaseRegistry& releases, const ReleaseStates& states, bool required);

}  // namespace muster::broker
