// The file in which people confirm what no machine can measure, by name and day, for one release. Its text → validated
// Confirmations, or all its errors. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"

namespace muster::rules {

struct Confirmation {
  std::string item;  // of the policy
  std::string by;
  std::uint64_t day_end_s = 0;  // the last second of the day on which they did, UTC
  std::string day;              // as written
  std::string note;
};

struct Confirmations {
  std::string release;  // NAME@VERSION: a file that is copied to the next release confirms nothing there
  std::vector<Confirmation> items;

  // Null when nobody confirmed it.
  [[nodiscard]] const Confirmation* find(std::string_view item) const;
};

struct LoadedConfirmations {
  std::optional<Confirmations> confirmations;  // none when there is any error
  std::vector<Diagnostic> diagnostics;
};

// `file` only names the source in diagnostics.
[[nodiscard]] LoadedConfirmations load_confirmations(std::string_view text, const std::string& file);

}  // namespace muster::rules
