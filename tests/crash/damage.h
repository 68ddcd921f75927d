// Damage done to a file by a seed: one bit turned over, the end cut off, or the whole emptied. Tests only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::crash {

struct Damage {
  std::string file;  // relative to the folder
  enum class Kind : std::uint8_t { bit, cut } kind = Kind::bit;
  std::uint64_t at = 0;   // bit: which byte; cut: the new size
  std::uint8_t mask = 1;  // bit: which

  [[nodiscard]] std::string text() const;
  void do_to(const std::string& folder) const;
};

// `count` of them over all files below `folder`, each file as often as any other, none the same.
[[nodiscard]] std::vector<Damage> damages(const std::string& folder, std::size_t count, std::uint64_t seed);

}  // namespace muster::crash
