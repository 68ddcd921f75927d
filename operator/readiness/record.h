// The record of a judgement as JSON: what `release check --json` prints, and the file whose digest a signed manifest
// holds, so that whoever has the manifest can check what was judged, by what, and how it came out
// (docs/evidence-gate.md). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/digested_file.h"
#include "operator/readiness/judgement.h"

namespace muster::ctl {

struct ReadinessRecord {
  Judgement judgement;
  std::vector<DigestedFile> evidence;  // all of the release's, judged or not
};

// The same record gives the same bytes.
[[nodiscard]] std::string record_json(const ReadinessRecord& record);

// What record_json wrote; an error for anything else, for a record beyond its limits too. It comes from a folder or a
// broker, so nothing is believed but what its digest vouches for.
[[nodiscard]] tl::expected<ReadinessRecord, Error> parse_record(std::string_view text);

}  // namespace muster::ctl
