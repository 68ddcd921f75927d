// How far a reading is from the known text: Levenshtein edits, counted in Unicode code points of UTF-8 text.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace muster::reader {

// Runs of white space become one blank, and none is left at the ends: where a line breaks is layout, not text.
[[nodiscard]] std::string one_line(std::string_view text);

// Code points of a UTF-8 text; a byte that belongs to none counts as one of its own.
[[nodiscard]] std::size_t code_point_count(std::string_view text);

// The least number of insertions, deletions and replacements of one code point that make `read` of `known`.
// Costs known × read steps, so callers bound both (label_set.h does).
[[nodiscard]] std::size_t edit_distance(std::string_view known, std::string_view read);

}  // namespace muster::reader
