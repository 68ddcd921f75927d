// What a terminal can show. Plain data; any thread.
#pragma once

#include <string>
#include <string_view>

namespace muster::ctl {

struct Style {
  bool color = false;    // ANSI colours
  bool unicode = false;  // block characters and ellipses; else plain ASCII
};

enum class Paint : unsigned char { plain, good, bad, waiting, faint, strong };

// `text` in the colour of `paint`, or as it is where the style has no colours.
[[nodiscard]] inline std::string painted(std::string_view text, Paint paint, const Style& style) {
  if (!style.color || paint == Paint::plain) return std::string(text);
  const char* code = paint == Paint::good      ? "\x1b[32m"
                     : paint == Paint::bad     ? "\x1b[31m"
                     : paint == Paint::waiting ? "\x1b[33m"
                     : paint == Paint::faint   ? "\x1b[2m"
                                               : "\x1b[1m";
  return code + std::string(text) + "\x1b[0m";
}

}  // namespace muster::ctl
