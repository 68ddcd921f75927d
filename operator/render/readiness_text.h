// How a release was judged, in words and as a table. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "operator/readiness/judgement.h"
#include "operator/render/style.h"

namespace muster::ctl {

// One row a finding, then one sentence about the whole.
[[nodiscard]] std::string readiness_table(const Judgement& judgement, std::size_t columns, const Style& style);

// "reader@2 passes readiness 3: 11 items": the sentence.
[[nodiscard]] std::string readiness_sentence(const Judgement& judgement);

// The sentence of a judgement that is no pass, what follows from it ("nothing was built"), and a line for each finding
// that is not as it should be.
[[nodiscard]] std::string readiness_trouble(const Judgement& judgement, const std::string& what_follows);

}  // namespace muster::ctl
