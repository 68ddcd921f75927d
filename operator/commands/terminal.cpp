#include "operator/commands/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string_view>

namespace muster::ctl {
namespace {

constexpr std::size_t pipe_columns = 100000;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// The locale as its variables say it, in their order of precedence; setlocale() is not called, so that numbers stay
// plain.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = variable(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string_view::npos || value.find("utf8") != std::string_view::npos ||
           value.find("utf-8") != std::string_view::npos;
  }
  return false;
}

}  // namespace

std::size_t stdout_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 80;
}

Terminal stdout_terminal() {
  Terminal terminal;
  terminal.out = &std::cout;
  terminal.err = &std::cerr;
  const bool tty = ::isatty(STDOUT_FILENO) == 1;
  const bool dumb = variable("TERM").empty() || variable("TERM") == "dumb";
  terminal.drawable = tty && !dumb;
  terminal.columns = tty ? stdout_columns() : pipe_columns;
  terminal.style.color = terminal.drawable && variable("NO_COLOR").empty();
  terminal.style.unicode = locale_is_utf8();
  return terminal;
}

std::uint64_t wall_clock_s() {
  return static_cast<std::uint64_t>(std::time(nullptr));
}

}  // namespace muster::ctl
