#include "rules/config/guardrails.h"

#include <algorithm>

#include "rules/condition/did_you_mean.h"
#include "rules/condition/names_in.h"
#include "rules/config/fields.h"
#include "rules/engine/readings.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t state_max_max = 1'000'000;
constexpr std::uint32_t whole_ppm = 1'000'000;

constexpr std::string_view device_setting = "slo_ms";
constexpr std::string_view device_alone[] = {"on_mains", "link_wired", "link_wifi", "link_cellular"};
// Names that conditions have for standard keys besides their own.
constexpr std::pair<std::string_view, std::string_view> other_names[] = {
    {"inference_p50_ms", "p50_ms"}, {"inference_p95_ms", "p95_ms"}, {"inference_p99_ms", "p99_ms"}};

// What a health summary says besides readings, none of it a number that could be bounded.
constexpr std::string_view no_readings[] = {"model_hash", "config_version", "runtime_version", "last_recovery_action"};
constexpr std::string_view usual_thermal = "thermal_state";  // called thermal here

// What a guardrail judges, as far as the rest of it depends on that.
enum class Judged : std::uint8_t { nothing, measurement, state, thermal, delegate, condition };

class GuardrailReader {
 public:
  GuardrailReader(const std::vector<Wave>& waves, Problems& problems) : waves_(waves), problems_(problems) {}

  Guardrail read(const YamlNode& node) {
    Guardrail guardrail;
    guardrail.against = Against::baseline;
    Fields fields(node, keys::guardrail, problems_);
    if (!fields.is_map()) return guardrail;
    read_name(fields, guardrail);
    judged_ = read_judged(fields, node, guardrail);
    const bool compared = read_against(fields, guardrail);
    if (judged_ == Judged::condition || judged_ == Judged::delegate) {
      refuse_limits(fields);
    } else {
      read_limit(fields, node, compared, guardrail);
    }
    read_test(fields, guardrail);
    guardrail.observe_s = fields.duration_s("observe");
    guardrail.silent_after_s = fields.duration_s("silent_after");
    read_on_fail(fields, guardrail);
    if (const YamlNode* value = fields.find("on_inconclusive")) read_on_inconclusive(*value, guardrail);
    return guardrail;
  }

 private:
  void read_name(Fields& fields, Guardrail& guardrail) {
    guardrail.name = fields.id("name");
    if (guardrail.name.empty()) return;
    if (std::find(names_.begin(), names_.end(), guardrail.name) != names_.end()) {
      problems_.add(*fields.find("name"), "two guardrails are called " + guardrail.name,
                    "a name of its own for each guardrail");
    }
    names_.push_back(guardrail.name);
  }

  Judged read_judged(Fields& fields, const YamlNode& node, Guardrail& guardrail) {
    const YamlNode* metric = fields.find("metric");
    const YamlNode* when = fields.find("when");
    if (fields.has("metric") && fields.has("when")) {
      problems_.add(node, "a guardrail with both 'metric' and 'when'",
                    "one of them; two things to judge are two guardrails");
    }
    if (!fields.has("metric") && !fields.has("when")) {
      problems_.add(node, "a guardrail without 'metric' or 'when'", "metric: p95_ms, or when: gpu_oom_count > 0");
    }
    if (when != nullptr) read_when(*when, fields, guardrail);
    const Judged judged = metric != nullptr ? read_metric(*metric, guardrail) : Judged::nothing;
    return fields.has("when") ? Judged::condition : judged;
  }

  void read_when(const YamlNode& node, Fields& fields, Guardrail& guardrail) {
    auto when = fields.condition("when");
    if (!when) return;
    const auto names = names_in(when->program);
    if (names.contains(device_setting)) {
      problems_.add(node, "slo_ms is a setting of each device, which the broker does not know",
                    "the number itself, as in p99_ms > 200");
    }
    for (const auto name : device_alone) {
      if (names.contains(name)) refuse_device_alone(node, name);
    }
    for (const auto name : no_readings) {
      if (names.contains(name)) refuse_no_reading(node, name);
    }
    if (names.contains(usual_thermal)) refuse_usual_thermal(node, "thermal, a number from 1 nominal to 4 critical");
    if (names.contains(delegate_metric)) {
      problems_.add(node, "delegate_active is a text, and conditions on readings compare numbers",
                    "a guardrail of its own: metric: delegate_active");
    }
    guardrail.when_text = std::move(when->text);
    guardrail.when = std::move(when->program);
  }

  void refuse_device_alone(const YamlNode& node, std::string_view name) {
    problems_.add(node, std::string(name) + " is known to the device alone: no health summary has it",
                  "a standard key or a task metric; a release may wait for it, with activate");
  }

  void refuse_no_reading(const YamlNode& node, std::string_view name) {
    problems_.add(node, std::string(name) + " is no reading: it says what a device runs or does, and is no number",
                  "a standard key, such as p95_ms, or a task metric");
  }

  void refuse_usual_thermal(const YamlNode& node, const std::string& right) {
    problems_.add(node, std::string(usual_thermal) + " is called thermal here", right);
  }

  Judged read_metric(const YamlNode& node, Guardrail& guardrail) {
    auto metric = read_id(node, key_of(keys::guardrail, "metric"), problems_);
    if (!metric || is_mistaken(node, *metric)) return Judged::nothing;
    guardrail.metric = std::move(*metric);
    if (guardrail.metric == delegate_metric) return Judged::delegate;
    const auto reading = reading_from(guardrail.metric);
    if (!reading || *reading < first_state_reading) return Judged::measurement;
    return *reading == Reading::thermal ? Judged::thermal : Judged::state;
  }

  // Any other name may be a task metric; but a slip in a standard name would make a guardrail that never has a verdict.
  bool is_mistaken(const YamlNode& node, std::string_view metric) {
    if (metric == device_setting) {
      problems_.add(node, "slo_ms is a setting of the device, not a reading",
                    "a standard key, such as p95_ms, or a task metric");
      return true;
    }
    if (std::find(std::begin(device_alone), std::end(device_alone), metric) != std::end(device_alone)) {
      refuse_device_alone(node, metric);
      return true;
    }
    if (std::find(std::begin(no_readings), std::end(no_readings), metric) != std::end(no_readings)) {
      refuse_no_reading(node, metric);
      return true;
    }
    if (metric == usual_thermal) {
      refuse_usual_thermal(node, "metric: thermal, with max: nominal, fair or serious");
      return true;
    }
    for (const auto& [other, name] : other_names) {
      if (metric != other) continue;
      problems_.add(node, "only conditions know " + std::string(other), "metric: " + std::string(name));
      return true;
    }
    std::vector<std::string_view> known = {delegate_metric};
    for (std::size_t i = 0; i < reading_count; ++i) known.push_back(name_of(static_cast<Reading>(i)));
    constexpr std::size_t long_enough = 8;  // as in conditions: shorter names are near each other by chance
    for (const std::string_view name : known) {
      if (name.size() < long_enough || edit_distance(name, metric) != 1) continue;
      problems_.add(node, std::string(metric) + " is no standard reading",
                    "did you mean " + std::string(name) +
                        "? A task metric needs a name that differs from it in more than one letter");
      return true;
    }
    return false;
  }

  // False when it is not known what the guardrail compares with.
  bool read_against(const Fields& fields, Guardrail& guardrail) {
    if (judged_ != Judged::delegate && judged_ != Judged::nothing) guardrail.against = Against::absolute;
    const YamlNode* node = fields.find("against");
    if (node == nullptr) {
      if (fields.has("against") || judged_ == Judged::nothing) guardrail.against = Against::baseline;
      return judged_ != Judged::nothing && !fields.has("against");
    }
    if (judged_ == Judged::condition) {
      problems_.add(*node, "'against' in a guardrail with 'when'",
                    "remove it: the condition alone says when a device exceeds; 'metric' is what can be compared");
      return false;
    }
    const auto choice = read_word(*node, key_of(keys::guardrail, "against"), problems_);
    if (!choice) {
      guardrail.against = Against::baseline;
      return false;
    }
    const auto against = static_cast<Against>(*choice);
    const bool fits = fits_to_metric(*node, against, guardrail);
    if (fits) guardrail.against = against;
    return fits && judged_ != Judged::nothing;
  }

  bool fits_to_metric(const YamlNode& node, Against against, const Guardrail& guardrail) {
    const std::string pair = guardrail.metric + " against " + std::string(name_of(against));
    if (judged_ == Judged::delegate && against != Against::baseline) {
      problems_.add(node, pair,
                    "against: baseline, or the key removed: it exceeds when it is another one than before the update");
      return false;
    }
    if ((judged_ == Judged::state || judged_ == Judged::thermal) && against != Against::absolute) {
      problems_.add(node, pair, "against: absolute, or the key removed: a state is good or bad whatever it was before");
      return false;
    }
    if (against == Against::control && !waves_.empty() && waves_.front().percent == 100) {
      problems_.add(node, "against: control in a rule whose first wave takes all targets",
                    "a smaller first wave, so that others are left to compare with; or against: baseline");
    }
    return true;
  }

  void refuse_limits(const Fields& fields) {
    for (const std::string_view key : {"max", "min", "max_increase", "max_decrease"}) {
      const YamlNode* node = fields.find(key);
      if (node == nullptr) continue;
      const bool condition = judged_ == Judged::condition;
      problems_.add(*node,
                    "'" + std::string(key) + "' in a guardrail " + (condition ? "with 'when'" : "on delegate_active"),
                    condition ? "remove it: the condition is the limit"
                              : "remove it: it exceeds when it is another one than before the update");
    }
  }

  void read_limit(Fields& fields, const YamlNode& node, bool compared, Guardrail& guardrail) {
    const bool absolute = guardrail.against == Against::absolute;
    const std::string_view upper = absolute ? "max" : "max_increase", lower = absolute ? "min" : "max_decrease";
    if (compared) {
      refuse_other_limits(fields, guardrail);
      if (fields.has(upper) && fields.has(lower)) {
        problems_.add(node, "a guardrail with both '" + std::string(upper) + "' and '" + std::string(lower) + "'",
                      "one of them; two limits are two guardrails");
      }
      const bool none =
          !fields.has("max") && !fields.has("min") && !fields.has("max_increase") && !fields.has("max_decrease");
      if (none && judged_ != Judged::state) problems_.add(node, "a guardrail without a limit", limit_example(absolute));
    }
    if (const YamlNode* value = fields.find("max")) read_max(*value, guardrail);
    if (const YamlNode* value = fields.find("min")) read_min(*value, guardrail);
    const std::uint32_t increase_ppm = fields.percentage_ppm("max_increase");
    if (increase_ppm != 0 && !absolute) guardrail.limit = static_cast<double>(increase_ppm) / whole_ppm;
    const std::uint32_t decrease_ppm = fields.percentage_ppm("max_decrease");
    if (decrease_ppm == 0 || absolute) return;
    guardrail.limit = static_cast<double>(decrease_ppm) / whole_ppm;
    guardrail.lower_is_worse = true;
  }

  [[nodiscard]] std::string limit_example(bool absolute) const {
    if (judged_ == Judged::thermal) return "max: nominal, fair or serious";
    return absolute ? "max: or min: with a number in the metric's own unit, or against: baseline with max_increase: 10%"
                    : "max_increase: 10%, or max_decrease: 10% where less is worse";
  }

  void refuse_other_limits(const Fields& fields, const Guardrail& guardrail) {
    const bool absolute = guardrail.against == Against::absolute;
    using Keys = std::vector<std::string_view>;
    for (const std::string_view key : absolute ? Keys{"max_increase", "max_decrease"} : Keys{"max", "min"}) {
      const YamlNode* node = fields.find(key);
      if (node == nullptr) continue;
      if (!absolute) {
        problems_.add(*node, "'" + std::string(key) + "' with against: " + std::string(name_of(guardrail.against)),
                      "max_increase or max_decrease, a percentage; or against: absolute");
      } else if (judged_ == Judged::measurement) {
        problems_.add(*node, "'" + std::string(key) + "' without something to compare with",
                      "against: baseline or against: control beside it; or max or min, a number");
      } else {
        problems_.add(*node, "'" + std::string(key) + "' for the state " + guardrail.metric,
                      "max alone: a state that is higher is worse");
      }
    }
  }

  void read_max(const YamlNode& node, Guardrail& guardrail) {
    switch (judged_) {
      case Judged::thermal: {
        if (node.kind == YamlNode::Kind::scalar && node.text == "critical") {
          problems_.add(node, "no thermal state is worse than critical: the guardrail would never act",
                        "the worst state that is still good: nominal, fair or serious");
          return;
        }
        const auto word = read_word(node, key_of(keys::guardrail, "max"), problems_);
        if (word) guardrail.limit = static_cast<double>(*word) + 1;
        return;
      }
      case Judged::state:
        guardrail.limit = static_cast<double>(read_integer(node, "max", 0, state_max_max, problems_).value_or(0));
        return;
      case Judged::measurement:
        guardrail.limit = read_number(node, key_of(keys::guardrail, "max"), problems_).value_or(0);
        return;
      case Judged::nothing:
      case Judged::delegate:
      case Judged::condition:
        return;
    }
  }

  void read_min(const YamlNode& node, Guardrail& guardrail) {
    if (judged_ == Judged::state || judged_ == Judged::thermal) {
      problems_.add(node, "'min' for the state " + guardrail.metric, "max alone: a state that is higher is worse");
    }
    if (judged_ != Judged::measurement) return;
    guardrail.limit = read_number(node, key_of(keys::guardrail, "min"), problems_).value_or(0);
    guardrail.lower_is_worse = true;
  }

  std::optional<SegmentKey> read_tag(const YamlNode& node) {
    auto key = segment_key_from(node.text);
    if (!key)
      problems_.add(node, in_quotes(node.text) + " for by names no tags",
                    "tag.locale, where devices have a tag locale.de");
    return key;
  }

  std::optional<SegmentKey> read_attribute(const YamlNode& node) {
    const auto& words = key_of(keys::guardrail, "by").words;
    std::vector<std::string_view> choices(words.begin(), words.end());
    choices.emplace_back("tag.NAME");  // read_tag has what begins so
    const auto word = read_choice(node, "by", choices, problems_);
    return word ? std::optional(SegmentKey(static_cast<Attribute>(*word))) : std::nullopt;
  }

  void read_test(Fields& fields, Guardrail& guardrail) {
    guardrail.tolerate_ppm = fields.percentage_ppm("tolerate");
    guardrail.error_ppm = whole_ppm - fields.percentage_ppm("confidence");
    const auto* items = fields.list("by");
    if (items == nullptr) return;
    for (const YamlNode& item : *items) {
      const bool is_tag = item.kind == YamlNode::Kind::scalar && item.text.substr(0, tag_prefix.size()) == tag_prefix;
      auto key = is_tag ? read_tag(item) : read_attribute(item);
      if (!key) continue;
      if (std::find(guardrail.by.begin(), guardrail.by.end(), *key) != guardrail.by.end()) {
        problems_.add(item, name_of(*key) + " is in by twice", "each attribute once");
      }
      guardrail.by.push_back(std::move(*key));
    }
  }

  void read_on_fail(Fields& fields, Guardrail& guardrail) {
    guardrail.on_fail = static_cast<OnFail>(fields.word("on_fail"));
    if (guardrail.on_fail != OnFail::freeze_segment || fields.has("by")) return;
    problems_.add(*fields.find("on_fail"), "freeze_segment without 'by': there are no segments",
                  "by: [region] beside it, or on_fail: pause");
  }

  void read_on_inconclusive(const YamlNode& node, Guardrail& guardrail) {
    const Key& key = key_of(keys::guardrail, "on_inconclusive");
    if (node.kind == YamlNode::Kind::scalar && node.text == key.words.front()) return;
    if (node.kind != YamlNode::Kind::map) {
      problems_.add(node, "on_inconclusive is neither 'hold' nor a map", "hold, or { advance_after: 48h }");
      return;
    }
    Fields fields(node, keys::on_inconclusive, problems_);
    guardrail.advance_after_s = fields.duration_s("advance_after");
    if (guardrail.advance_after_s == 0) return;
    const YamlNode* value = fields.find("advance_after");
    for (const Wave& wave : waves_) {
      if (wave.gate == Gate::manual || guardrail.advance_after_s > wave.soak_s + guardrail.observe_s) continue;
      problems_.add(
          *value,
          "advance_after of " + value->text + " is over before a device of wave " + wave.name + " can have voted",
          "more than the wave's soak and the guardrail's observe together");
      return;
    }
  }

  const std::vector<Wave>& waves_;
  Problems& problems_;
  std::vector<std::string> names_;
  Judged judged_ = Judged::nothing;  // by the guardrail that is being read
};

}  // namespace

std::vector<Guardrail> read_guardrails(const YamlNode& node, const std::vector<Wave>& waves, Problems& problems) {
  std::vector<Guardrail> guardrails;
  const auto* items = read_list(node, key_of(keys::rule, "guardrails"), problems);
  if (items == nullptr) return guardrails;
  GuardrailReader reader(waves, problems);
  for (const YamlNode& item : *items) guardrails.push_back(reader.read(item));
  return guardrails;
}

std::string_view thermal_word(double limit) {
  return key_of(keys::guardrail, "max").words[static_cast<std::size_t>(limit) - 1];
}

}  // namespace muster::rules
