// The engine's records as the store gives them back. Each record of the input is a line with its key, two bytes of
// length and a body, which the harness seals, so that what lies behind the checksum is reached; records as they lie are
// looked at too.
#include "rules/engine/engine.h"
#include "rules/engine/record.h"
#include "tests/fuzz/target.h"

namespace {

using namespace muster;

constexpr std::size_t records_max = 64;

void check_raw(std::string_view bytes) {
  rules::ByteReader body;
  if (rules::open_record("device/gw-1", bytes, body)) {
    rules::ByteReader other;
    FUZZ_REQUIRE(!rules::open_record("device/gw-2", bytes, other), "a record passes under another key");
  }
  const auto sealed = rules::seal_record("device/gw-1", bytes);
  FUZZ_REQUIRE(rules::open_record("device/gw-1", sealed, body), "a sealed record does not open");
  auto changed = sealed;
  changed[sealed.size() / 2] = static_cast<char>(changed[sealed.size() / 2] ^ 4);
  FUZZ_REQUIRE(!rules::open_record("device/gw-1", changed, body), "a turned bit is not found");
}

}  // namespace

FUZZ_TARGET(engine_records) {
  check_raw(input.text());
  fuzz::Choices choices(input);
  std::vector<std::pair<std::string, std::string>> records;
  while (!choices.empty() && records.size() < records_max) {
    const std::string key(choices.line());
    const auto high = std::size_t{choices.byte()};
    const auto size = high << 8 | choices.byte();
    records.emplace_back(key, rules::seal_record(key, choices.text(size)));
  }
  rules::Engine engine;
  if (const auto fault = engine.restore(records); !fault.empty()) {
    FUZZ_REQUIRE(fault.find("record") != std::string::npos, "no record is named: " + fault);
    return;
  }
  // What was accepted can be looked at and published again.
  std::vector<rules::Effect> effects;
  engine.republish(effects);
  for (const auto& rollout : engine.rollouts())
    FUZZ_REQUIRE(engine.status(rollout) != nullptr, "a rollout without status");
  for (const auto& id : engine.devices()) {
    rules::DeviceStatus status;
    FUZZ_REQUIRE(engine.device(id, status), "a device that is listed and not there");
  }
}
