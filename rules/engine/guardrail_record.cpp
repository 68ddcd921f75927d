#include "rules/engine/guardrail_record.h"

#include <cstring>

#include "schemas/limits.h"

namespace muster::rules {

void encode_guardrail(const Guardrail& guardrail, ByteWriter& out) {
  out.text(guardrail.name);
  out.text(guardrail.metric);
  out.text(guardrail.when_text);
  out.text(ByteView(guardrail.when).text());
  out.number(static_cast<std::uint64_t>(guardrail.against));
  std::uint64_t limit_bits = 0;
  std::memcpy(&limit_bits, &guardrail.limit, sizeof limit_bits);
  out.number(limit_bits);
  out.flag(guardrail.lower_is_worse);
  out.number(guardrail.tolerate_ppm);
  out.number(guardrail.error_ppm);
  out.number(guardrail.by.size());
  for (const auto& key : guardrail.by) out.text(name_of(key));
  out.number(static_cast<std::uint64_t>(guardrail.on_fail));
  out.number(guardrail.observe_s);
  out.number(guardrail.silent_after_s);
  out.number(guardrail.advance_after_s);
}

bool decode_guardrail(ByteReader& in, Guardrail& guardrail) {
  guardrail.name = in.text(record_text_len_max);
  guardrail.metric = in.text(record_text_len_max);
  guardrail.when_text = in.text(record_text_len_max);
  guardrail.when = read_bytes(in, limits::program_len_max);
  guardrail.against = read_enum(in, Against::control);
  const auto limit_bits = in.number();
  std::memcpy(&guardrail.limit, &limit_bits, sizeof guardrail.limit);
  guardrail.lower_is_worse = in.flag();
  guardrail.tolerate_ppm = in.number32();
  guardrail.error_ppm = in.number32();
  const auto by = in.number_max(segment_keys_max);
  for (std::uint64_t i = 0; i < by && in.ok(); ++i) {
    auto key = segment_key_from(in.text(record_text_len_max));
    if (!key) return false;
    guardrail.by.push_back(std::move(*key));
  }
  guardrail.on_fail = read_enum(in, OnFail::freeze_release);
  guardrail.observe_s = in.number();
  guardrail.silent_after_s = in.number();
  guardrail.advance_after_s = in.number();
  return in.ok() && fault_of_guardrail(guardrail).empty();
}

}  // namespace muster::rules
