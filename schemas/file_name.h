// Names of the files in a release: relative paths that can not leave the slot they are written to.
// Freestanding C++17, no allocation; any thread.
#pragma once

#include <string_view>

#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster {

// The signed manifest lies under this name beside the release's files, so no file of a release may have it.
inline constexpr std::string_view manifest_file_name = "manifest.menv";

// True for 1–128 characters in segments separated by single '/', each of A-Z a-z 0-9 . _ - + @ and not starting with
// '.' (which also rules out "..", "." and a leading '/').
[[nodiscard]] constexpr bool is_file_name(std::string_view name) {
  if (name.empty() || name.size() > limits::file_name_len_max || name == manifest_file_name) return false;
  bool segment_starts = true;
  for (const char c : name) {
    if (c == '/') {
      if (segment_starts) return false;
      segment_starts = true;
      continue;
    }
    const bool plain = is_id_char(c) || c == '+' || c == '@';
    if (!plain || (segment_starts && c == '.')) return false;
    segment_starts = false;
  }
  return !segment_starts;
}

// True when both names can not exist side by side: they are equal, or one is a folder on the way to the other.
[[nodiscard]] constexpr bool file_names_collide(std::string_view a, std::string_view b) {
  const auto shorter = a.size() <= b.size() ? a : b;
  const auto longer = a.size() <= b.size() ? b : a;
  if (longer.substr(0, shorter.size()) != shorter) return false;
  return longer.size() == shorter.size() || longer[shorter.size()] == '/';
}

}  // namespace muster
