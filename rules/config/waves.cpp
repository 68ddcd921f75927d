#include "rules/config/waves.h"

#include "rules/config/fields.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t soak_s_max = 30ull * 86'400;

// Reads waves in order and remembers what makes a later one unreachable.
class WaveReader {
 public:
  explicit WaveReader(Problems& problems) : problems_(problems) {}

  Wave read(const YamlNode& node) {
    Wave wave;
    Fields fields(node, "a wave", {"name", "percent", "ring", "gate", "soak"}, problems_);
    if (!fields.is_map()) return wave;
    if (const YamlNode* name = fields.require("name", "name: canary")) read_name(*name, wave);
    read_share(fields, node, wave);
    if (const YamlNode* gate = fields.find("gate")) {
      const auto choice = read_choice(*gate, "gate", {"auto", "manual"}, problems_);
      if (choice && *choice == 1) wave.gate = Gate::manual;
    }
    if (const YamlNode* soak = fields.find("soak")) {
      wave.soak_s = read_duration_s(*soak, "soak", 0, soak_s_max, problems_).value_or(0);
    }
    return wave;
  }

 private:
  void read_name(const YamlNode& node, Wave& wave) {
    wave.name = read_id(node, "the name of a wave", problems_).value_or("");
    for (const std::string& other : names_) {
      if (other == wave.name) problems_.add(node, "two waves are called " + other, "a name of its own for each wave");
    }
    if (!wave.name.empty()) names_.push_back(wave.name);
  }

  void read_share(const Fields& fields, const YamlNode& node, Wave& wave) {
    const YamlNode* percent = fields.find("percent");
    const YamlNode* ring = fields.find("ring");
    if (percent != nullptr && ring != nullptr) {
      problems_.add(*ring, "a wave with both 'percent' and 'ring'",
                    "one of them: the ring as a wave of its own before the percentages");
    }
    if (!fields.has("percent") && !fields.has("ring")) {
      problems_.add(node, "a wave without 'percent' or 'ring'", "percent: 10, or ring: '\"internal\" in device.tags'");
    }
    if (percent != nullptr) read_percent(*percent, wave);
    if (ring != nullptr) read_ring(*ring, wave);
  }

  void read_percent(const YamlNode& node, Wave& wave) {
    const auto percent = read_integer(node, "percent", 1, 100, problems_);
    if (!percent) return;
    wave.percent = static_cast<std::uint32_t>(*percent);
    if (percent_ == 100) {
      problems_.add(node, "this wave is never reached: the one before it already takes 100 percent",
                    "remove it, or lower the percentages before it");
    } else if (wave.percent <= percent_) {
      problems_.add(
          node, "this wave adds no device: the one before it already takes " + std::to_string(percent_) + " percent",
          "percentages count from the start of the rollout and grow from wave to wave: 10, 50, 100");
    }
    percent_ = std::max(percent_, wave.percent);
  }

  void read_ring(const YamlNode& node, Wave& wave) {
    if (percent_ != 0) {
      problems_.add(node, "a ring after a percentage", "rings first: the percentages that follow then count them in");
    }
    auto ring = read_condition(node, "ring", target_vocabulary(), problems_);
    if (!ring) return;
    wave.ring_text = std::move(ring->text);
    wave.ring = std::move(ring->program);
  }

  Problems& problems_;
  std::vector<std::string> names_;
  std::uint32_t percent_ = 0;  // the largest so far
};

}  // namespace

std::vector<Wave> read_waves(const YamlNode& node, Problems& problems) {
  std::vector<Wave> waves;
  const auto* items = read_list(node, "waves", 1, limits::waves_max, problems);
  if (items == nullptr) return waves;
  WaveReader reader(problems);
  for (const YamlNode& item : *items) waves.push_back(reader.read(item));
  return waves;
}

}  // namespace muster::rules
