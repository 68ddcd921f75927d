// The codes of events, under the names that firmware uses. They are shared with `musterctl`, which reads them, and so
// live in schemas/event_codes.h. Freestanding C++17; any thread.
#pragma once

#include "schemas/event_codes.h"

namespace muster::mcu {

using muster::EventCode;
using muster::event_application;

}  // namespace muster::mcu
