// How a program is started under the recorder. Tests only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::crash {

// Where the process is ended: at call `number` below the folder.
struct Cut {
  enum class When : std::uint8_t { never, before, middle } when = When::never;
  std::uint32_t number = 0;

  [[nodiscard]] std::string text() const;
};

// The environment of a process that is recorded: `trace` (empty: none) takes what it does below `folder`.
[[nodiscard]] std::vector<std::string> recorded(const std::string& folder, const std::string& trace,
                                                const Cut& cut = {});

// Every call of `length`, and the middle of those that are in `writes`; in the short form a choice of `count` by
// `seed`.
[[nodiscard]] std::vector<Cut> cuts(std::uint32_t length, const std::vector<std::uint32_t>& writes, std::size_t count,
                                    std::uint64_t seed);

}  // namespace muster::crash
