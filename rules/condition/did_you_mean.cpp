#include "rules/condition/did_you_mean.h"

#include <algorithm>
#include <array>

namespace muster::rules {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t longest = 64;
  if (a.size() > longest || b.size() > longest) return longest;
  std::array<std::array<std::size_t, longest + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& above_that = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], above_that[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

namespace {

// percentage and percent: one is the beginning of the other, and long enough for that to say something.
bool starts_with(std::string_view text, std::string_view start) {
  constexpr std::size_t telling = 4;
  return start.size() >= telling && text.substr(0, start.size()) == start;
}

// The words between underscores, without a unit: p95_ms and p95 say the same.
std::vector<std::string_view> telling_words(std::string_view name) {
  constexpr std::string_view units[] = {"ms", "mb", "c", "percent"};
  std::vector<std::string_view> words;
  while (!name.empty()) {
    const std::string_view word = name.substr(0, name.find('_'));
    name.remove_prefix(std::min(name.size(), word.size() + 1));
    const bool unit = std::find(std::begin(units), std::end(units), word) != std::end(units);
    if (!word.empty() && !unit) words.push_back(word);
  }
  return words;
}

bool has_all(const std::vector<std::string_view>& words, const std::vector<std::string_view>& wanted) {
  return !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  });
}

}  // namespace

std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view candidate : candidates) {
    const std::size_t near_enough = std::clamp<std::size_t>(candidate.size() / 3, 1, 3);
    const std::size_t distance =
        starts_with(word, candidate) || starts_with(candidate, word) ? 1 : edit_distance(word, candidate);
    if (distance > near_enough || (!best.empty() && distance >= best_distance)) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string_view closest_name(std::string_view name, const std::vector<std::string_view>& candidates) {
  if (const auto near = closest(name, candidates); !near.empty()) return near;
  const auto words = telling_words(name);
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](std::string_view candidate) {
    const auto its = telling_words(candidate);
    return has_all(its, words) || has_all(words, its);
  });
  return found == candidates.end() ? std::string_view() : *found;
}

std::string either_of(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace muster::rules
