#include "rules/config/waves.h"

#include <algorithm>
#include <optional>

#include "rules/config/strategy.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

// What the wave is called that `rehearse` makes.
constexpr std::string_view rehearsal_name = "rehearsal";

void refuse_after_all(const YamlNode& node, Problems& problems) {
  problems.add(node, "this wave is never reached: the one before it already takes 100 percent",
               "remove it, or lower the percentages before it");
}

// The percentages of waves in a row, and the numbers of devices before them: what makes a later one useless is a
// problem.
class Shares {
 public:
  // `devices`: so many are in before the first of the waves.
  Shares(std::uint32_t devices, Problems& problems) : problems_(problems), devices_(devices) {}

  // 0 when it is no number.
  std::uint32_t read_devices(const YamlNode& node, const Key& key) {
    const auto read = read_integer(node, key, problems_);
    if (!read) return 0;
    const auto devices = static_cast<std::uint32_t>(*read);
    if (largest_ != 0) {
      problems_.add(node, "a number of devices after a percentage, which may be more devices than that or fewer",
                    "numbers of devices first: the percentages that follow then count them in");
    } else if (devices <= devices_) {
      problems_.add(node,
                    "this wave adds no device: the one before it already takes " + std::to_string(devices_) +
                        (devices_ == 1 ? " device" : " devices"),
                    "numbers of devices count from the start of the rollout and grow from wave to wave: 2, 20, 200");
    }
    devices_ = std::max(devices_, devices);
    return devices;
  }

  // 0 when it is no percentage.
  std::uint32_t read(const YamlNode& node, const Key& key) {
    const auto read = read_integer(node, key, problems_);
    if (!read) return 0;
    const auto percent = static_cast<std::uint32_t>(*read);
    if (take_all()) {
      refuse_after_all(node, problems_);
    } else if (percent <= largest_) {
      problems_.add(
          node, "this wave adds no device: the one before it already takes " + std::to_string(largest_) + " percent",
          "percentages count from the start of the rollout and grow from wave to wave: 10, 50, 100");
    }
    largest_ = std::max(largest_, percent);
    return percent;
  }
  [[nodiscard]] bool take_all() const { return largest_ == 100; }

 private:
  Problems& problems_;
  std::uint32_t largest_ = 0;  // percentage so far
  std::uint32_t devices_ = 0;  // the same
};

// The rehearsal that `rehearse` asks for; devices 0: none, or one that cannot be read.
struct AskedRehearsal {
  bool asked = false;
  std::uint32_t devices = 0;
  std::uint32_t line = 0;
  std::optional<std::uint64_t> soak_s;  // none: that of the first wave
};

void refuse_name_of_rehearsal(const YamlNode& node, std::string_view name, const AskedRehearsal& rehearsal,
                              Problems& problems) {
  if (!rehearsal.asked || name != rehearsal_name) return;
  problems.add(node, "a wave called rehearsal beside 'rehearse', which makes one of that name",
               "another name for this wave");
}

// Reads spelt-out waves in order and remembers what makes a later one unreachable.
class WaveReader {
 public:
  WaveReader(const RiskLevel* risk, const AskedRehearsal& rehearsal, Problems& problems)
      : risk_(risk), rehearsal_(rehearsal), problems_(problems), shares_(rehearsal.devices, problems) {}

  // Also says where it stands: its gate in a line of its own, in `risk_line` where that sets it, or with the wave.
  Wave read(const YamlNode& node, std::size_t index, std::size_t count, std::uint32_t risk_line, WaveLines& lines) {
    Wave wave;
    Fields fields(node, keys::wave, problems_);
    if (!fields.is_map()) return wave;
    lines.wave = problems_.line_of(node);
    lines.gate = fields.has("gate") ? fields.line_of("gate") : risk_ != nullptr ? risk_line : lines.wave;
    read_name(fields, wave);
    read_share(fields, node, wave);
    wave.gate = static_cast<Gate>(fields.word("gate"));
    wave.approvers = fields.integer32("approvers");
    wave.soak_s = fields.duration_s("soak");
    wave.hold = static_cast<HoldPoint>(fields.word("hold"));
    wave.rehearse = fields.flag("rehearse");
    if (wave.rehearse) check_rehearsal(*fields.find("rehearse"), index);
    if (risk_ != nullptr && !fields.has("gate")) wave.gate = gate_of(*risk_, index, count);
    if (risk_ != nullptr && !fields.has("soak")) wave.soak_s = soak_s_of(*risk_, index);
    if (const auto* approvers = fields.find("approvers");
        approvers != nullptr && wave.approvers != 1 && wave.gate != Gate::manual)
      problems_.add(*approvers, "'approvers' in a wave that nobody approves", "gate: manual beside it, or remove it");
    return wave;
  }

 private:
  void check_rehearsal(const YamlNode& node, std::size_t index) {
    if (index != 0) {
      problems_.add(node, "'rehearse' in a wave that is not the first",
                    "the first wave alone: what comes after it is what the rehearsal is for");
    } else if (rehearsal_.asked) {
      problems_.add(node, "'rehearse' in a wave beside the rule's 'rehearse', which makes a wave of its own",
                    "one of them");
    }
  }

  void read_name(Fields& fields, Wave& wave) {
    wave.name = fields.id("name");
    if (wave.name.empty()) return;
    refuse_name_of_rehearsal(*fields.find("name"), wave.name, rehearsal_, problems_);
    if (std::find(names_.begin(), names_.end(), wave.name) != names_.end()) {
      problems_.add(*fields.find("name"), "two waves are called " + wave.name, "a name of its own for each wave");
    }
    names_.push_back(wave.name);
  }

  void read_share(Fields& fields, const YamlNode& node, Wave& wave) {
    const YamlNode* percent = fields.find("percent");
    const YamlNode* devices = fields.find("devices");
    const YamlNode* ring = fields.find("ring");
    if ((percent != nullptr || devices != nullptr) && ring != nullptr) {
      problems_.add(*ring,
                    "a wave with both '" + std::string(percent != nullptr ? "percent" : "devices") + "' and 'ring'",
                    "one of them: the ring as a wave of its own before the percentages");
    }
    if (percent != nullptr && devices != nullptr) {
      problems_.add(*devices, "a wave with both 'percent' and 'devices'", "one of them: how much, or how many");
    }
    if (!fields.has("percent") && !fields.has("devices") && !fields.has("ring")) {
      problems_.add(node, "a wave without 'percent', 'devices' or 'ring'",
                    "percent: 10, devices: 2, or ring: '\"internal\" in device.tags'");
    }
    if (devices != nullptr) wave.devices = shares_.read_devices(*devices, key_of(keys::wave, "devices"));
    if (percent != nullptr) wave.percent = shares_.read(*percent, key_of(keys::wave, "percent"));
    if (ring != nullptr) read_ring(*ring, fields, wave);
  }

  void read_ring(const YamlNode& node, Fields& fields, Wave& wave) {
    if (shares_.take_all()) refuse_after_all(node, problems_);
    auto ring = fields.condition("ring");
    if (!ring) return;
    wave.ring_text = std::move(ring->text);
    wave.ring = std::move(ring->program);
  }

  const RiskLevel* risk_;
  const AskedRehearsal& rehearsal_;
  Problems& problems_;
  Shares shares_;
  std::vector<std::string> names_;
};

constexpr std::size_t usual_risk = 1;  // medium

Strategy strategy_from(std::string_view name) {
  const Words words = key_of(keys::rule, "strategy").words;
  return static_cast<Strategy>(std::find(words.begin(), words.end(), name) - words.begin());
}

// How conditions call what the rings of a strategy pick by.
std::string_view attribute_of(Strategy strategy) {
  return strategy == Strategy::device_class ? "class" : "region";
}

class PlanReader {
 public:
  PlanReader(Fields& rule, const YamlNode& document, Problems& problems)
      : rule_(rule), document_(document), problems_(problems) {}

  ReadWaves read() {
    read_rehearsal();
    auto read = read_ordinary();
    put_rehearsal_first(read);
    return read;
  }

 private:
  void read_rehearsal() {
    rehearsal_.asked = rule_.has("rehearse");
    const YamlNode* node = rule_.find("rehearse");
    if (node == nullptr) return;
    Fields fields(*node, keys::rehearse, problems_);
    if (!fields.is_map()) return;
    rehearsal_.line = rule_.line_of("rehearse");
    rehearsal_.devices = fields.integer32("devices");
    if (fields.has("soak")) rehearsal_.soak_s = fields.duration_s("soak");
  }

  void put_rehearsal_first(ReadWaves& read) {
    if (rehearsal_.devices == 0 || read.waves.empty()) return;
    if (read.waves.size() == limits::waves_max) {
      problems_.add(
          *rule_.find("rehearse"),
          "a rehearsal before " + std::to_string(limits::waves_max) + " waves, which are as many as there may be",
          "one wave less");
      return;
    }
    Wave wave;
    wave.name = rehearsal_name;
    wave.devices = rehearsal_.devices;
    wave.rehearse = true;
    wave.soak_s = rehearsal_.soak_s.value_or(read.waves.front().soak_s);
    read.waves.insert(read.waves.begin(), std::move(wave));
    read.lines.insert(read.lines.begin(), {rehearsal_.line, rehearsal_.line});
    read.preset += (read.preset.empty() ? "" : " ") + std::string("Its first wave, ") + std::string(rehearsal_name) +
                   ", comes from rehearse.";
  }

  ReadWaves read_ordinary() {
    const YamlNode* risk = rule_.find("risk");
    // An unreadable level is a problem already; the usual one keeps it from causing further ones.
    const auto level = risk == nullptr ? std::nullopt : read_word(*risk, key_of(keys::rule, "risk"), problems_);
    risk_ = &risk_levels()[level.value_or(usual_risk)];
    if (rule_.has("waves")) return spelt_out(risk != nullptr);
    if (rule_.has("strategy") || rule_.has("risk")) return made();
    (void)rule_.require("waves", key_of(keys::rule, "waves").example);
    refuse_companions("without a strategy");
    return {};
  }

  ReadWaves spelt_out(bool at_risk) {
    constexpr std::string_view advice =
        "one of them; 'musterctl rollout check FILE --expand' prints the waves of a strategy, to go on from";
    if (const YamlNode* node = rule_.find("strategy")) {
      problems_.add(*node, "'strategy' beside 'waves', which are what a strategy makes", std::string(advice));
    }
    for (const Key& key : keys::rule.keys) {
      const YamlNode* node = rule_.find(key.name);
      if (node == nullptr || key.not_beside != "waves" || key.name == "strategy") continue;
      problems_.add(*node, "'" + std::string(key.name) + "' beside 'waves'",
                    key.of_strategy.empty() ? "in each wave that is to have it: it has a key of the same name"
                                            : "remove it: the waves say which devices they reach");
    }
    ReadWaves read;
    const auto* items = rule_.list("waves");
    if (items == nullptr) return read;
    WaveReader reader(at_risk ? risk_ : nullptr, rehearsal_, problems_);
    read.lines.resize(items->size());
    for (std::size_t i = 0; i < items->size(); ++i)
      read.waves.push_back(reader.read((*items)[i], i, items->size(), rule_.line_of("risk"), read.lines[i]));
    if (at_risk) {
      read.preset = "Gates and soaks that its waves do not say come from risk: " + std::string(risk_->name) + ".";
    }
    return read;
  }

  ReadWaves made() {
    const YamlNode* node = rule_.find("strategy");
    const Key& key = key_of(keys::rule, "strategy");
    const auto word = node == nullptr ? std::nullopt : read_word(*node, key, problems_);
    if (rule_.has("strategy") && !word) return {};  // its companions cannot be judged
    strategy_ = static_cast<Strategy>(word.value_or(static_cast<std::size_t>(Strategy::percentage)));
    const std::string name(key.words[static_cast<std::size_t>(*strategy_)]);
    refuse_companions("with strategy: " + name);
    ReadWaves read;
    read.waves = shapes(*strategy_, name);
    read.shadow = strategy_ == Strategy::shadow;
    read.preset = "Its waves come from strategy: " + name + " and risk: " + std::string(risk_->name) + ".";
    if (*strategy_ == Strategy::device_class || *strategy_ == Strategy::regional)
      read.preset += " Targets of no listed " + std::string(attribute_of(*strategy_)) + " get nothing.";
    set_gates_and_soaks(read.waves);
    set_lines(name, read);
    return read;
  }

  // What only another strategy takes, and without any what only strategies take.
  void refuse_companions(const std::string& found) {
    for (const Key& key : keys::rule.keys) {
      const YamlNode* node = rule_.find(key.name);
      if (node == nullptr || key.not_beside != "waves" || key.name == "strategy") continue;
      const std::string what = "'" + std::string(key.name) + "' " + found;
      if (!key.of_strategy.empty() && strategy_ != strategy_from(key.of_strategy)) {
        problems_.add(*node, what, "strategy: " + std::string(key.of_strategy) + ", or remove it");
      } else if (!strategy_) {
        problems_.add(*node, what, "in each wave of 'waves', or beside a strategy");
      }
    }
  }

  std::vector<Wave> shapes(Strategy strategy, const std::string& name) {
    constexpr std::uint32_t whole[] = {100};
    const auto key = std::find_if(keys::rule.keys.begin(), keys::rule.keys.end(),
                                  [&name](const Key& each) { return each.of_strategy == name; });
    if (strategy == Strategy::shadow) return waves_of_shares(risk_->percentages);
    if (key == keys::rule.keys.end()) return waves_of_shares(whole);
    if (!key->required_of_it && !rule_.has(key->name)) return waves_of_shares(risk_->percentages);
    if (!rule_.has(key->name)) {
      problems_.add(document_, "strategy: " + name + " without '" + std::string(key->name) + "'",
                    "add " + std::string(key->name) + ": [A, B], in the order in which they get it");
    }
    const auto* items = rule_.list(key->name);
    if (items == nullptr) return {};
    return strategy == Strategy::percentage ? shares(*items, *key) : rings(*items, *key, attribute_of(strategy));
  }

  std::vector<Wave> shares(const std::vector<YamlNode>& items, const Key& key) {
    Shares reader(rehearsal_.devices, problems_);
    std::vector<std::uint32_t> percentages;
    for (const YamlNode& item : items) percentages.push_back(reader.read(item, key));
    return waves_of_shares(percentages);
  }

  std::vector<Wave> rings(const std::vector<YamlNode>& items, const Key& key, std::string_view attribute) {
    std::vector<std::string> ids;
    for (const YamlNode& item : items) {
      auto id = read_id(item, key, problems_);
      if (!id) continue;
      refuse_name_of_rehearsal(item, *id, rehearsal_, problems_);
      if (std::find(ids.begin(), ids.end(), *id) != ids.end()) {
        problems_.add(item, *id + " is in " + std::string(key.name) + " twice", "each once");
      } else {
        ids.push_back(std::move(*id));
      }
    }
    return waves_of_rings(attribute, ids);
  }

  void set_gates_and_soaks(std::vector<Wave>& waves) {
    const std::size_t gate = rule_.word("gate");
    const std::uint64_t soak_s = rule_.duration_s("soak");
    for (std::size_t i = 0; i < waves.size(); ++i) {
      waves[i].gate = gate_of(*risk_, i, waves.size());
      waves[i].soak_s = rule_.has("soak") ? soak_s : soak_s_of(*risk_, i);
      if (rule_.has("gate") && i + 1 < waves.size()) waves[i].gate = static_cast<Gate>(gate);
    }
    const YamlNode* said = rule_.find("gate");
    if (said != nullptr && waves.size() == 1 && static_cast<Gate>(gate) == Gate::manual) {
      problems_.add(*said, "'gate' of a strategy that makes one wave: nothing follows that it could hold",
                    "remove it, or a strategy with several waves");
    }
  }

  // Each item of the strategy's list makes a wave; where it has none, the strategy or the risk makes all.
  void set_lines(const std::string& strategy, ReadWaves& read) {
    const auto first_of = [&](std::string_view a, std::string_view b) {
      return rule_.has(a) ? rule_.line_of(a) : rule_.line_of(b);
    };
    const auto made = first_of("strategy", "risk");
    const auto gate = rule_.has("gate") ? rule_.line_of("gate") : first_of("risk", "strategy");
    read.lines.assign(read.waves.size(), {made, gate});
    for (const Key& key : keys::rule.keys) {
      const YamlNode* list = key.of_strategy == strategy ? rule_.find(key.name) : nullptr;
      if (list == nullptr || list->items.size() != read.waves.size()) continue;
      for (std::size_t i = 0; i < read.lines.size(); ++i) read.lines[i].wave = problems_.line_of(list->items[i]);
    }
  }

  Fields& rule_;
  const YamlNode& document_;
  Problems& problems_;
  const RiskLevel* risk_ = nullptr;
  AskedRehearsal rehearsal_;
  std::optional<Strategy> strategy_;  // when the file has one that can be read, or the default
};

}  // namespace

ReadWaves read_waves(Fields& rule, const YamlNode& document, Problems& problems) {
  return PlanReader(rule, document, problems).read();
}

}  // namespace muster::rules
