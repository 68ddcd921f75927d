// One line of progress that is drawn over itself on a terminal, and not at all elsewhere. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "operator/render/style.h"

namespace muster::ctl {

class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool drawable, std::size_t columns, Style style)
      : out_(out), drawable_(drawable), columns_(columns), style_(style) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Draws again at most twenty times a second, and always for the last byte.
  void show(const std::string& label, std::uint64_t done, std::uint64_t total);
  // Takes the line away, for what is printed next.
  void clear();

 private:
  std::ostream& out_;
  bool drawable_;
  bool drawn_ = false;
  std::size_t columns_;
  Style style_;
  std::chrono::steady_clock::time_point last_{};
};

// "reader@2  ██████░░░░  60 %  12.0 of 20.0 MiB", at most `columns` wide.
[[nodiscard]] std::string progress_text(const std::string& label, std::uint64_t done, std::uint64_t total,
                                        std::size_t columns, const Style& style);

}  // namespace muster::ctl
