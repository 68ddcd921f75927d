// What scenario files say of health summaries and guardrails, and how they keep the traces of hundreds of devices
// short.
#include <algorithm>
#include <stdexcept>

#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

// As the host gives it to the engine: states and counts that have no mark for "not measured" are always there.
Readings healthy_readings() {
  Readings readings;
  for (const auto reading : {Reading::inferences, Reading::error_code, Reading::crash_count}) readings.set(reading, 0);
  return readings;
}

double number_in(const std::string& key, const std::string& text) {
  std::size_t end = 0;
  try {
    const double number = std::stod(text, &end);
    if (end == text.size()) return number;
  } catch (const std::logic_error&) {
    // said below
  }
  throw std::runtime_error(key + "=" + text + " is no number");
}

struct Word {
  std::string first, rest;  // of a line of a trace: its first word, and what comes after
};

Word first_word(const std::string& line) {
  const auto blank = line.find(' ');
  return blank == std::string::npos ? Word{line, ""} : Word{line.substr(0, blank), line.substr(blank + 1)};
}

}  // namespace

std::vector<std::string> ids_in_range(const std::string& prefix, std::uint64_t from, std::uint64_t to) {
  std::vector<std::string> ids;
  for (auto i = from; i <= to; ++i) ids.push_back(prefix + (i < 10 ? "0" : "") + std::to_string(i));
  return ids;
}

std::vector<std::string> summarised(const std::vector<std::string>& lines) {
  struct Assigned {
    std::string what;   // "for r2: model=reader@2"
    std::size_t place;  // in `kept`
    std::size_t devices = 0;
  };
  std::vector<std::string> kept;
  std::vector<Assigned> assigned;
  std::vector<std::pair<std::string, std::string>> statuses;  // rollout, line; in the order of their last changes
  for (const auto& line : lines) {
    const auto [kind, rest] = first_word(line);
    if (kind == "persist") continue;
    if (kind == "status") {
      const auto rollout = first_word(rest).first;
      std::erase_if(statuses, [&](const auto& status) { return status.first == rollout; });
      statuses.emplace_back(rollout, line);
    } else if (kind == "assign") {
      const auto what = rest.substr(std::min(rest.size(), rest.find("for ")));
      auto same = std::find_if(assigned.begin(), assigned.end(), [&](const auto& each) { return each.what == what; });
      if (same == assigned.end()) {
        same = assigned.insert(assigned.end(), {what, kept.size()});
        kept.emplace_back();
      }
      ++same->devices;
    } else {
      kept.push_back(line);
    }
  }
  for (const auto& each : assigned)
    kept[each.place] = "assign " + std::to_string(each.devices) + " devices " + each.what;
  for (const auto& [rollout, line] : statuses) kept.push_back(line);
  return kept;
}

void Script::health(const std::vector<std::string>& ids, const ScriptLine& line) {
  DeviceHealth health;
  health.window_s = 60;
  health.readings = healthy_readings();
  std::optional<std::uint64_t> start_s;
  for (const auto& [key, value] : line.in_order) {
    if (key == "window") {
      health.window_s = static_cast<std::uint32_t>(number_in(key, value));
    } else if (key == "start") {
      start_s = static_cast<std::uint64_t>(number_in(key, value));
    } else if (key == "delegate_active") {
      health.readings.delegate_active = value;
    } else if (const auto reading = reading_from(key)) {
      health.readings.set(*reading, number_in(key, value));
    } else {
      health.readings.tasks.push_back({key, number_in(key, value)});
    }
  }
  if (!start_s && health.window_s > world_.now_s) throw std::runtime_error("a window longer than time itself");
  health.window_start_s = start_s.value_or(world_.now_s - health.window_s);
  for (const auto& id : ids) {
    health.device = id;
    world_.step(health);
  }
}

void Script::show_guardrails(const RolloutStatus& status) {
  for (const auto& each : status.guardrails) {
    lines_.push_back("guardrail " + each.guardrail + (each.segment.empty() ? "" : " of " + each.segment) + ": " +
                     std::string(name_of(each.verdict)) + (each.frozen ? ", frozen" : "") + " (" +
                     std::to_string(each.exceeded) + "/" + std::to_string(each.voted) + "): " + each.sentence);
  }
}

}  // namespace muster::rules::test
