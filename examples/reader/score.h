// What a recogniser reads against what was known, and the figures that follow from it. Values; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "examples/reader/label_set.h"
#include "examples/reader/recogniser.h"
#include "host/error.h"

namespace muster::reader {

// One label, read once.
struct Reading {
  std::string label;
  std::string text;            // as read, one line
  double ms = 0;               // time of the recognition, image decoding included
  std::size_t edits = 0;       // between the known and the read text
  std::size_t characters = 0;  // of the known text, code points, ≥ 1
};
[[nodiscard]] tl::expected<Reading, Error> read_label(Recogniser& recogniser, const Label& label);

// Edits per hundred characters of the known texts; 0 without readings.
[[nodiscard]] double edits_per_hundred(const std::vector<Reading>& readings);

// The duration that `percent` (1–100) of the readings did not exceed, by nearest rank; 0 without readings.
[[nodiscard]] double percentile_ms(const std::vector<Reading>& readings, unsigned percent);

// The most memory this process ever held, in MiB, from /proc; 0 when it cannot be read.
[[nodiscard]] double peak_ram_mb();

}  // namespace muster::reader
