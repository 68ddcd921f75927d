// What stands on the demo's labels: the known texts, per region. Constants; any thread.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace muster::reader {

// Two lines of UTF-8.
struct LabelText {
  std::string_view name;  // the file's, without suffix
  std::array<std::string_view, 2> lines;
};

// The labels of "us" (English) or "de" (German, rich in umlauts, which the English model reads wrong); empty for other
// regions.
[[nodiscard]] std::span<const LabelText> label_texts(std::string_view region);

}  // namespace muster::reader
