// A block of lines on a terminal that is drawn over itself. REQUIRES of the lines: none wider than the terminal. One
// thread.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace muster::ctl {

class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) {}

  // Moves up over what was drawn before and draws `lines`; what is left of a longer block is cleared.
  void draw(const std::vector<std::string>& lines) {
    if (drawn_ != 0) out_ << "\x1b[" << drawn_ << "F";
    for (const auto& line : lines) out_ << line << "\x1b[K\n";
    out_ << "\x1b[J" << std::flush;
    drawn_ = lines.size();
  }

 private:
  std::ostream& out_;
  std::size_t drawn_ = 0;
};

}  // namespace muster::ctl
