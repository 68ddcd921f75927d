// The parts of docs/rules.md that are made from the tables of keys and presets. For tests only.
#pragma once

#include <string>

namespace muster::rules::test {

// `page` with what stands between each line "<!-- generated: NAME -->" and the next "<!-- end -->" made anew. A name
// that nothing makes, or a part without an end, is left as it is and told in `complaint`.
[[nodiscard]] std::string with_generated_parts(const std::string& page, std::string& complaint);

}  // namespace muster::rules::test
