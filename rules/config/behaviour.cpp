#include "rules/config/behaviour.h"

#include <algorithm>

#include "rules/config/percent.h"
#include "rules/engine/readings.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::uint32_t kbit_per_s_max = 100'000'000;
constexpr std::uint32_t offline_ppm_max = 990'000;
constexpr std::uint32_t whole_ppm = 1'000'000;
constexpr std::uint32_t mean_max = 999'999'999;  // as a guardrail's limit
constexpr std::uint32_t release_mb_max = 1'000'000;
constexpr double usual_spread = 0.10, usual_noise = 0.05;

double share(std::uint32_t ppm) {
  return static_cast<double>(ppm) / whole_ppm;
}

void read_link(const YamlNode& node, LinkQuality& link, Problems& problems) {
  const Fields fields(node, "a link", link_keys(), problems);
  if (!fields.is_map()) return;
  if (const YamlNode* value = fields.find("kbit_per_s")) {
    if (const auto read = read_integer(*value, "kbit_per_s", 1, kbit_per_s_max, problems))
      link.kbit_per_s = static_cast<std::uint32_t>(*read);
  }
  if (const YamlNode* value = fields.find("offline")) {
    if (const auto read = read_percent_ppm(*value, "offline", 0, offline_ppm_max, problems)) link.offline_ppm = *read;
  }
  if (const YamlNode* value = fields.find("offline_for")) {
    if (const auto read = read_duration_s(*value, "offline_for", 1, 365 * day_s, problems)) link.offline_for_s = *read;
  }
}

// `p95_ms: 80`, `p95_ms: { mean: 80, spread: 10%, noise: 5% }`, `thermal: fair` or `delegate_active: npu`.
DescribedMetric read_metric(const YamlNode& node, const std::string& name, Problems& problems) {
  DescribedMetric metric;
  metric.name = name;
  if (name == delegate_metric) {
    metric.text = read_id(node, name, problems).value_or("");
    return metric;
  }
  const auto reading = reading_from(name);
  const bool state = reading && *reading >= first_state_reading;
  if (state) {
    const auto value =
        *reading == Reading::thermal ? read_thermal(node, problems) : read_number(node, name, mean_max, problems);
    metric.mean = value.value_or(0);
    return metric;
  }
  metric.spread = usual_spread;
  metric.noise = usual_noise;
  if (node.kind != YamlNode::Kind::map) {
    metric.mean = read_number(node, name, mean_max, problems).value_or(0);
    return metric;
  }
  Fields fields(node, "a metric", {"mean", "spread", "noise"}, problems);
  if (const YamlNode* value = fields.require("mean", "mean: 80"))
    metric.mean = read_number(*value, "mean", mean_max, problems).value_or(0);
  if (const YamlNode* value = fields.find("spread"))
    metric.spread = share(read_percent_ppm(*value, "spread", 0, whole_ppm, problems).value_or(0));
  if (const YamlNode* value = fields.find("noise"))
    metric.noise = share(read_percent_ppm(*value, "noise", 0, whole_ppm, problems).value_or(0));
  return metric;
}

void read_metrics(const YamlNode& node, std::vector<DescribedMetric>& metrics, Problems& problems) {
  if (node.kind != YamlNode::Kind::map || node.entries.size() > described_metrics_max) {
    problems.add(node, node.kind == YamlNode::Kind::map ? "too many metrics" : "metrics is no map",
                 "a map of up to " + std::to_string(described_metrics_max) + " metrics, such as { p95_ms: 80 }");
    return;
  }
  std::vector<std::string_view> here;
  for (const auto& [key, value] : node.entries) {
    const auto name = read_id(key, "the name of a metric", problems);
    if (!name) continue;
    if (std::find(here.begin(), here.end(), key.text) != here.end()) {
      problems.add(key, *name + " is there twice", "each metric once");
      continue;
    }
    here.push_back(key.text);
    if (value.kind == YamlNode::Kind::empty) {
      problems.add(key, *name + " has no value", "what it is like: " + *name + ": 80");
      continue;
    }
    auto metric = read_metric(value, *name, problems);
    const auto known =
        std::find_if(metrics.begin(), metrics.end(), [&](const auto& each) { return each.name == *name; });
    if (known != metrics.end()) {
      *known = std::move(metric);
    } else {
      metrics.push_back(std::move(metric));
    }
  }
  if (metrics.size() > described_metrics_max) {
    problems.add(node, std::to_string(metrics.size()) + " metrics with those of defaults",
                 "at most " + std::to_string(described_metrics_max));
  }
}

}  // namespace

const std::vector<std::string_view>& link_keys() {
  static const std::vector<std::string_view> keys = {"kbit_per_s", "offline", "offline_for"};
  return keys;
}

std::optional<double> read_thermal(const YamlNode& node, Problems& problems) {
  const auto choice = read_choice(node, "thermal", {"nominal", "fair", "serious", "critical"}, problems);
  if (!choice) return std::nullopt;
  return static_cast<double>(*choice + 1);
}

const std::vector<std::string_view>& behaviour_keys() {
  static const std::vector<std::string_view> keys = {"link", "health_every", "update_takes", "update_fails", "metrics"};
  return keys;
}

void read_behaviour(const Fields& fields, DeviceBehaviour& behaviour, Problems& problems) {
  if (const YamlNode* value = fields.find("link")) read_link(*value, behaviour.link, problems);
  if (const YamlNode* value = fields.find("health_every")) {
    if (const auto read = read_duration_s(*value, "health_every", 1, day_s, problems)) behaviour.health_every_s = *read;
  }
  if (const YamlNode* value = fields.find("update_takes")) {
    if (const auto read = read_duration_s(*value, "update_takes", 1, day_s, problems)) behaviour.update_takes_s = *read;
  }
  if (const YamlNode* value = fields.find("update_fails")) {
    if (const auto read = read_percent_ppm(*value, "update_fails", 0, whole_ppm, problems))
      behaviour.update_fails_ppm = *read;
  }
  if (const YamlNode* value = fields.find("metrics")) read_metrics(*value, behaviour.metrics, problems);
}

void read_release_mb(const YamlNode& node, DescribedFleet& fleet, Problems& problems) {
  const std::vector<std::string_view> planes = {name_of(Plane::firmware), name_of(Plane::model),
                                                name_of(Plane::config)};
  const Fields fields(node, "release_mb", planes, problems);
  if (!fields.is_map()) return;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const YamlNode* value = fields.find(planes[plane]);
    if (value == nullptr) continue;
    const auto mb = read_number(*value, planes[plane], release_mb_max, problems);
    if (mb && *mb < 0) problems.add(*value, "a release of less than nothing", "how many MB a device downloads");
    fleet.release_mb[plane] = mb.value_or(0);
  }
}

}  // namespace muster::rules
