// Faults to simulate as people write them → validated Faults: on a command line one by one, or as a YAML list in a
// file. All errors at once, as for rules. Pure; any thread.
//
//   RELEASE: WHAT [on SHARE] [after DURATION] [where CONDITION]
//
//   reader@2: edit_distance +40% where device.region == "de"     a metric changes by a percentage
//   reader@2: p95_ms = 250 on 20%                                becomes a value, here on a fifth of the devices
//   reader@2: delegate_active = cpu                              another delegate than before runs the model
//   reader@2: edit_distance missing                              is not measured any more
//   reader@2: fails 3% with probe_failed                         an attempt fails, and the device puts itself back
//   reader@2: hangs 3% where device.class == "esp32"             a device is never heard of again
//   reader@2: sticks 1%                                          stays connected, and its attempt never ends
//   reader@2: rolls_back 2% after 6h                             puts itself back although it had committed
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"
#include "rules/simulate/fault.h"

namespace muster::rules {

struct LoadedFaults {
  std::vector<Fault> faults;  // none when there is any error
  std::vector<Diagnostic> diagnostics;
};

// The releases are those of `rule`: a fault of another one would never show. `source` names the text in diagnostics.
[[nodiscard]] LoadedFaults load_fault(std::string_view text, const std::string& source, const Rule& rule);
// `faults: ['reader@2: fails 3%', …]`, 1–faults_max of them.
[[nodiscard]] LoadedFaults load_faults(std::string_view text, const std::string& file, const Rule& rule);

}  // namespace muster::rules
