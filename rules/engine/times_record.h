// The parts of a rule that say when, as records keep them: retries, maintenance windows, the clock of devices that do
// not say theirs. Pure; any thread.
#pragma once

#include "rules/engine/record.h"
#include "rules/engine/rule.h"

namespace muster::rules {

void encode_times(const Rule& rule, ByteWriter& out);
// False for what no rule could have.
[[nodiscard]] bool decode_times(ByteReader& in, Rule& rule);

}  // namespace muster::rules
