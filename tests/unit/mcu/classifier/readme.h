// Reads the figures that examples/mcu-classifier/README.md states, for tests that compare them with the real ones. Any
// thread; the working directory is the root of the tree.
#pragma once

#include <string>
#include <vector>

namespace muster::classifier::testing {

// The numbers in the table row that begins "| `label` |", in order; empty when there is no such row.
[[nodiscard]] std::vector<double> readme_row(const std::string& label);

// The README's text with every end of line as one space, for sentences.
[[nodiscard]] std::string readme_text();

}  // namespace muster::classifier::testing
