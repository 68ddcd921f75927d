// Where a command's output goes and what can be shown there. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/exit_code.h"
#include "operator/render/style.h"

namespace muster::ctl {

// What a command gives: the exit code, or an error from which main() makes one.
using Outcome = tl::expected<ExitCode, Error>;

struct Terminal {
  std::ostream* out = nullptr;  // results
  std::ostream* err = nullptr;  // progress and what is beside the result
  bool json = false;
  bool drawable = false;     // out is a terminal: redrawing in place makes sense
  std::size_t columns = 80;  // unlimited (very large) when out is no terminal, so that nothing is cut from pipes
  Style style;

  // Prints `text` followed by a line break, or with --json `json` instead.
  void result(const std::string& text, const std::string& json_text) const {
    *out << (json ? json_text : text) << "\n";
  }
};

// What stdout is: its width, colours (not with NO_COLOR or TERM=dumb) and characters (by the locale's name).
[[nodiscard]] Terminal stdout_terminal();
// The width now: it changes when a window does. 80 where it cannot be told.
[[nodiscard]] std::size_t stdout_columns();

// Seconds since 1970.
[[nodiscard]] std::uint64_t wall_clock_s();

}  // namespace muster::ctl
