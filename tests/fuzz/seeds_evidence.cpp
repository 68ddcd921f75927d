// Bundles for the target evidence_bundle: one with an event of every kind, one without events, one with a damaged
// event.
#include <cstring>

#include "operator/evidence_bundle.h"
#include "tests/fuzz/seeds.h"

namespace muster::fuzz {
namespace {

std::string bundle_of(const std::vector<EvidenceEvent>& events) {
  EvidenceBundleHeader header;
  header.event_count = static_cast<std::uint16_t>(events.size());
  header.boot_id = 42;
  header.now_s = 1790000000;
  header.uptime_ms = 90000;
  header.reset_cause = 3;
  header.planes[1].active_manifest[0] = 9;
  std::string bytes(sizeof header + events.size() * sizeof(EvidenceEvent), '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!events.empty()) {
    std::memcpy(bytes.data() + sizeof header, events.data(), events.size() * sizeof(EvidenceEvent));
  }
  return bytes;
}

}  // namespace

void write_evidence_seeds(const SeedFolder& seeds) {
  std::vector<EvidenceEvent> events;
  for (std::uint16_t code = 0; code < 50; ++code) {
    EvidenceEvent event{code + 1u, 42, code % 3 == 0 ? 1789999990u : 0u, code * 1000u, EventCode{code}, 1, 2, 3, 0};
    event.crc32 = ctl::check_sum_of(event);
    events.push_back(event);
  }
  seeds.write("evidence_bundle", "all", bundle_of(events));
  seeds.write("evidence_bundle", "empty", bundle_of({}));
  events.resize(2);
  events[1].crc32 ^= 1;
  events[1].code = EventCode{event_application + 7};
  seeds.write("evidence_bundle", "damaged", bundle_of(events));
}

}  // namespace muster::fuzz
