// The waves of a rule file, spelt out or made by its strategy. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "rules/config/fields.h"
#include "rules/config/yaml_reader.h"
#include "rules/engine/rule.h"

namespace muster::rules {

// The lines, from 1, of what decides that a wave opens and of what it takes to leave it.
struct WaveLines {
  std::uint32_t wave = 0, gate = 0;
};

struct ReadWaves {
  std::vector<Wave> waves;       // every one that could be read; whether all of them are sound, the problems say
  std::vector<WaveLines> lines;  // one a wave
  bool shadow = false;           // its strategy is one that switches nothing
  std::string preset;            // a sentence that says what of them the file leaves to a preset; empty: nothing
};

// From the keys of a rule that are about waves: `waves`, or `strategy` and its companions, and `risk`.
[[nodiscard]] ReadWaves read_waves(Fields& rule, const YamlNode& document, Problems& problems);

}  // namespace muster::rules
