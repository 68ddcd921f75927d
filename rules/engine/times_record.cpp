#include "rules/engine/times_record.h"

#include "schemas/limits.h"

namespace muster::rules {

namespace {

void encode_retry(const Retry& retry, ByteWriter& out) {
  out.number(retry.attempts);
  out.number(retry.wait_s);
  out.number(retry.wait_max_s);
  out.number(retry.on);
}

void decode_retry(ByteReader& in, Retry& retry) {
  retry.attempts = in.number32();
  retry.wait_s = in.number();
  retry.wait_max_s = in.number();
  retry.on = in.number32();
}

}  // namespace

void encode_times(const Rule& rule, ByteWriter& out) {
  encode_retry(rule.retry, out);
  out.number(rule.retry.by_error.size());
  for (const Retry& one : rule.retry.by_error) encode_retry(one, out);
  out.number(rule.windows.size());
  for (const auto& window : rule.windows) {
    out.number(window.days);
    out.number(window.from_min);
    out.number(window.to_min);
  }
  out.number(static_cast<std::uint64_t>(rule.utc_offset_min - utc_offset_min_least));
}

bool decode_times(ByteReader& in, Rule& rule) {
  decode_retry(in, rule.retry);
  const auto exceptions = in.number_max(retry_reasons.size());
  for (std::uint64_t i = 0; i < exceptions && in.ok(); ++i) decode_retry(in, rule.retry.by_error.emplace_back());
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
