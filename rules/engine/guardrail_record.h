// One guardrail of a rule, as records keep it. Pure; any thread.
#pragma once

#include "rules/engine/guardrail.h"
#include "rules/engine/record.h"

namespace muster::rules {

void encode_guardrail(const Guardrail& guardrail, ByteWriter& out);
// False for what no rule could have.
[[nodiscard]] bool decode_guardrail(ByteReader& in, Guardrail& guardrail);

}  // namespace muster::rules
