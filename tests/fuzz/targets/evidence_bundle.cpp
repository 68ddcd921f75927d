// A microcontroller's bundle, as musterctl reads it on an operator's machine: any bytes are a bundle or an error, and
// what is shown of a bundle is a line an event, without control characters, and JSON.
#include "operator/evidence_bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "operator/render/evidence_text.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(evidence_bundle) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto bundle = ctl::decode_bundle(copy.view());
  if (!bundle) {
    FUZZ_REQUIRE(bundle.error().kind == ErrorKind::invalid, "damage is called something else");
    return;
  }
  const auto count = bundle->events.size();
  FUZZ_REQUIRE(count == bundle->header.event_count, "events were made up or lost");
  FUZZ_REQUIRE(input.size() == sizeof(EvidenceBundleHeader) + count * sizeof(EvidenceEvent), "bytes were passed over");
  const auto json = nlohmann::json::parse(ctl::bundle_json(*bundle), nullptr, false);
  FUZZ_REQUIRE(json.is_object() && json["events"].size() == count, "the JSON is none, or has other events");
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [event, intact] = bundle->events[i];
    FUZZ_REQUIRE(json["events"][i]["sequence"] == event.sequence && json["events"][i]["intact"] == intact,
                 "the JSON says something else of an event");
    FUZZ_REQUIRE(intact == (ctl::check_sum_of(event) == event.crc32), "a damaged event passes for a good one");
  }
  const auto text = ctl::bundle_text(*bundle, 100, {});
  FUZZ_REQUIRE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }),
               "a control character reaches the terminal");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  FUZZ_REQUIRE(lines >= count + 6, "an event has no line");
}
