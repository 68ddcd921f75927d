#include "rules/engine/times_record.h"

#include "schemas/limits.h"

namespace muster::rules {

void encode_times(const Rule& rule, ByteWriter& out) {
  out.number(rule.retry.attempts);
  out.number(rule.retry.wait_s);
  out.number(rule.retry.wait_max_s);
  out.number(rule.retry.on);
  out.number(rule.windows.size());
  for (const auto& window : rule.windows) {
    out.number(window.days);
    out.number(window.from_min);
    out.number(window.to_min);
  }
  out.number(static_cast<std::uint64_t>(rule.utc_offset_min - utc_offset_min_least));
}

bool decode_times(ByteReader& in, Rule& rule) {
  rule.retry.attempts = in.number32();
  rule.retry.wait_s = in.number();
  rule.retry.wait_max_s = in.number();
  rule.retry.on = in.number32();
  const auto windows = in.number_max(limits::windows_max);
  for (std::uint64_t i = 0; i < windows && in.ok(); ++i) {
    Window window;
    window.days = static_cast<std::uint8_t>(in.number_max(all_days));
    window.from_min = static_cast<std::uint16_t>(in.number_max(day_min));
    window.to_min = static_cast<std::uint16_t>(in.number_max(day_min));
    if (!fault_of_window(window).empty()) return false;
    rule.windows.push_back(window);
  }
  const auto offset_min = in.number_max(utc_offset_min_most - utc_offset_min_least);
  rule.utc_offset_min = static_cast<std::int32_t>(offset_min) + utc_offset_min_least;
  return in.ok() && fault_of_retry(rule.retry).empty();
}

}  // namespace muster::rules
