#include "operator/render/progress_line.h"

#include <algorithm>

#include "operator/render/bar.h"
#include "operator/render/moment.h"
#include "operator/render/text_width.h"

namespace muster::ctl {

std::string progress_text(const std::string& label, std::uint64_t done, std::uint64_t total, std::size_t columns,
                          const Style& style) {
  const auto percent = total == 0 ? 100 : done * 100 / total;
  const auto tail =
      padded(std::to_string(percent) + " %", 5, Align::right) + "  " + size_text(done) + " of " + size_text(total);
  const auto taken = display_width(label) + 2 + 2 + display_width(tail);
  const auto width = std::clamp<std::size_t>(columns > taken ? columns - taken : 0, 4, 40);
  return fit(label + "  " + bar({done, 0, 0, total}, width, style) + "  " + tail, columns, style.unicode ? "…" : "~");
}

void ProgressLine::show(const std::string& label, std::uint64_t done, std::uint64_t total) {
  if (!drawable_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && done != total && now - last_ < std::chrono::milliseconds(50)) return;
  last_ = now;
  drawn_ = true;
  out_ << "\r\x1b[K" << progress_text(label, done, total, columns_, style_) << std::flush;
}

void ProgressLine::clear() {
  if (drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace muster::ctl
