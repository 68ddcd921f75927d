// How wide text is on a terminal, and cutting and padding it to a width. Counts code points, which is right for the
// characters that names and our own output use; ANSI colour sequences take no room. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster::ctl {

[[nodiscard]] std::size_t display_width(std::string_view text);

// At most `columns` wide; what is cut is shown by `mark` at the end, and an open colour is closed.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns, std::string_view mark);

enum class Align : unsigned char { left, right };
// Spaces added up to `columns`; longer text stays as it is.
[[nodiscard]] std::string padded(std::string_view text, std::size_t columns, Align align = Align::left);

// `text` in lines of at most `columns`, broken at spaces where there are any.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

// Control characters replaced by '?': what devices and operators wrote may not drive the terminal.
[[nodiscard]] std::string harmless(std::string_view text);

}  // namespace muster::ctl
