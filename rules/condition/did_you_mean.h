// Finds the word somebody probably meant, for messages about unknown names, keys and choices. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster::rules {

// How many letters must be changed, added, left out or swapped with their neighbour to turn one into the other.
// Texts longer than 64 bytes are not compared: they count as 64 apart.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The closest candidate that is near enough to be a slip of the pen (about a third of its letters, at most 3); empty
// when there is none. The first of equally close ones.
[[nodiscard]] std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates);

// The same for names of words that underscores join: else the first candidate that has all the words of `name`, or all
// of whose words but for its unit `name` has. p95 and latency_p95 are p95_ms, ram_mb is peak_ram_mb.
[[nodiscard]] std::string_view closest_name(std::string_view name, const std::vector<std::string_view>& candidates);

// "a, b or c".
[[nodiscard]] std::string either_of(const std::vector<std::string_view>& words);

}  // namespace muster::rules
