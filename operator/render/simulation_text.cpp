#include "operator/render/simulation_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "operator/fleet_plan.h"
#include "operator/render/histogram.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "operator/rule_text.h"
#include "rules/config/reach.h"
#include "rules/engine/audit_words.h"

namespace muster::ctl {
namespace {

constexpr std::size_t labels_shown_max = 8, rows_shown_max = 20, first_shown_max = 4;
constexpr std::size_t plot_columns_max = 80;  // wider bars say no more

std::string release_text(const rules::Rule& rule) {
  std::string text;
  for (const auto& version : rule.versions) text += (text.empty() ? "" : ", ") + version.name + "@" + version.version;
  return text;
}

// "gateway de 100, gateway us 80 and 3 more"
std::string by_label_text(const std::vector<std::pair<std::string, std::uint64_t>>& counts) {
  std::string text;
  std::size_t shown = 0, left_out = 0;
  for (const auto& [label, count] : counts) {
    if (count == 0) continue;
    if (++shown > labels_shown_max) {
      ++left_out;
      continue;
    }
    text += (text.empty() ? "" : ", ") + label + " " + std::to_string(count);
  }
  return left_out == 0 ? text : text + " and " + count_text(left_out, "more group");
}

std::string leaves_text(const rules::Wave& wave, const rules::Simulation& simulation) {
  if (wave.gate != rules::Gate::manual) return "by itself";
  if (!simulation.approve_after_s) return "never: nobody approves";
  return "approved " + duration_text(*simulation.approve_after_s) +
         (simulation.rule.guardrails.empty() ? " after it asks" : " after the last vote");
}

// By label, what each wave adds to those before it.
std::vector<std::vector<std::pair<std::string, std::uint64_t>>> expected_waves(const rules::Simulation& simulation) {
  const auto groups = rules::plan_waves(simulation.rule, simulation.fleet);
  std::vector<std::string> labels;
  std::vector<std::vector<double>> reached;
  for (const auto& group : groups) {
    const auto label = rules::label_of(group.facts);
    const auto place = static_cast<std::size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
    if (place == labels.size()) {
      labels.push_back(label);
      reached.emplace_back(simulation.rule.waves.size(), 0.0);
    }
    for (std::size_t wave = 0; wave < reached[place].size(); ++wave) reached[place][wave] += group.reached[wave];
  }
  std::vector<std::vector<std::pair<std::string, std::uint64_t>>> waves(simulation.rule.waves.size());
  for (std::size_t wave = 0; wave < waves.size(); ++wave) {
    for (std::size_t place = 0; place < labels.size(); ++place) {
      const double before = wave == 0 ? 0 : std::round(reached[place][wave - 1]);
      waves[wave].emplace_back(labels[place], static_cast<std::uint64_t>(std::round(reached[place][wave]) - before));
    }
  }
  return waves;
}

Paint paint_of(std::string_view what) {
  namespace audit = rules::audit;
  for (const auto bad : {audit::rollout_halted, audit::rollout_reverting, audit::rollout_aborted, audit::segment_frozen,
                         audit::guardrail_failed, audit::device_failed}) {
    if (what == bad) return Paint::bad;
  }
  for (const auto good : {audit::rollout_completed, audit::wave_done, audit::guardrail_passed}) {
    if (what == good) return Paint::good;
  }
  return what == audit::wave_awaiting_approval ? Paint::waiting : Paint::plain;
}

// "01:22:07", "2 d 00:10:00": entries that are seconds apart stay apart, also after days.
std::string clock_text(std::uint64_t at_s) {
  std::array<char, 40> buffer{};
  const auto days = static_cast<unsigned long long>(at_s / 86'400);
  const auto hours = static_cast<unsigned>(at_s / 3'600 % 24), minutes = static_cast<unsigned>(at_s / 60 % 60),
             seconds = static_cast<unsigned>(at_s % 60);
  std::snprintf(buffer.data(), buffer.size(), "%02u:%02u:%02u", hours, minutes, seconds);
  return (days == 0 ? std::string() : std::to_string(days) + " d ") + buffer.data();
}

// "Sat 02:00": what clocks at UTC show then. Maintenance windows are times of the week, and not since the start.
std::string weekday_text(std::uint64_t at_s) {
  static constexpr std::array names = {"Thu", "Fri", "Sat", "Sun",
                                       "Mon", "Tue", "Wed"};  // the first day was a Thursday
  const auto unix_s = rules::simulated_start_s + at_s;
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%s %02u:%02u", names[unix_s / 86'400 % names.size()],
                static_cast<unsigned>(unix_s / 3'600 % 24), static_cast<unsigned>(unix_s / 60 % 60));
  return buffer.data();
}

std::string timeline(const rules::Rule& rule, const rules::RunResult& run, std::size_t columns, const Style& style) {
  const bool dated = !rule.windows.empty();
  std::vector<Column> heads = {{"time", Align::right}, {"what"}, {"why", Align::left, 30}};
  if (dated) heads.insert(heads.begin() + 1, {"UTC"});
  Table table(std::move(heads));
  for (const auto& entry : run.timeline) {
    auto text = entry.subject == run.status.rollout ? entry.text : entry.subject + ": " + entry.text;
    if (entry.times > 1) text = std::to_string(entry.times) + " more since, the last: " + text;
    std::vector<std::string> row = {clock_text(entry.at_s), painted(entry.what, paint_of(entry.what), style),
                                    harmless(text)};
    if (dated) row.insert(row.begin() + 1, weekday_text(entry.at_s));
    table.add_row(std::move(row));
  }
  return table.text_with_sentences(columns, style);
}

std::string time_or_dash(const std::optional<std::uint64_t>& at_s) {
  return at_s ? clock_text(*at_s) : "-";
}

std::string waves_of_run(const rules::Simulation& simulation, const rules::RunResult& run, std::size_t columns,
                         const Style& style) {
  Table table({{"wave"}, {"opened", Align::right}, {"passed", Align::right}, {"got it", Align::right}, {"who"}});
  for (std::size_t i = 0; i < run.waves.size(); ++i) {
    const auto& wave = run.waves[i];
    std::vector<std::pair<std::string, std::uint64_t>> counts;
    for (std::size_t label = 0; label < wave.by_label.size(); ++label)
      counts.emplace_back(run.labels[label].label, wave.by_label[label]);
    auto who = by_label_text(counts);
    std::string first;
    const auto shown = std::min(first_shown_max, wave.first_devices.size());
    for (std::size_t device = 0; device < shown; ++device)
      first += (first.empty() ? "" : ", ") + wave.first_devices[device];
    if (!first.empty()) who += ": " + first + (wave.devices > shown ? " and others" : "");
    table.add_row({simulation.rule.waves[i].name, time_or_dash(wave.opened_s), time_or_dash(wave.done_s),
                   std::to_string(wave.devices), who});
  }
  return table.text_with_sentences(columns, style);
}

std::string groups_of_run(const rules::Simulation& simulation, const rules::RunResult& run, std::size_t columns,
                          const Style& style) {
  Table table({{"devices"},
               {"targets", Align::right},
               {simulation.rule.shadow ? "ran beside" : "ran it", Align::right},
               {simulation.rule.shadow ? "showed a fault" : "harmed", Align::right},
               {"run it now", Align::right}});
  std::size_t rows = 0;
  for (const auto& label : run.labels) {
    if (label.targets == 0) continue;
    if (++rows > rows_shown_max) continue;
    table.add_row({label.label, std::to_string(label.targets), std::to_string(label.ran),
                   simulation.faults.empty() ? "-" : std::to_string(label.harmed), std::to_string(label.runs)});
  }
  auto text = table.text(columns, style);
  if (rows > rows_shown_max) text += "and " + count_text(rows - rows_shown_max, "more group") + " (--json has all)\n";
  return text;
}

// In a few words, for counting.
std::string how_it_ended(const rules::RunResult& run) {
  const auto state = std::string(rules::name_of(run.status.state));
  if (run.end == rules::RunResult::End::out_of_time) return state + " and not over";
  const bool stopped = run.status.state == rules::RolloutState::halted;
  return run.end == rules::RunResult::End::over || stopped ? state : state + " but standing still";
}

// A title, the figures, and the bars when there is more than one. `whole`: what the values are parts of; 0: nothing.
std::string plot(const std::string& title, const Spread& spread, Unit unit, std::uint64_t whole, std::size_t columns,
                 const Style& style) {
  auto text = "\n" + painted(title, Paint::strong, style) + (whole == 0 ? "" : ", of " + count_text(whole, "target"));
  if (spread.empty()) return text + "\n  in no run\n";
  text += "\n  " + spread_line(spread, unit, whole) + "\n";
  const auto rows = histogram(spread, unit, columns, style);
  return std::count(rows.begin(), rows.end(), '\n') == 1 ? text : text + rows;
}

}  // namespace

std::string simulation_plan(const rules::Simulation& simulation, const std::string& fleet_file, std::size_t columns,
                            const Style& style) {
  auto text = rule_plan(simulation.rule) + "\n" + fleet_plan(simulation.rule, simulation.fleet, fleet_file) + "\n\n";
  const auto earliest = rules::earliest_openings(simulation);
  const auto waves = expected_waves(simulation);
  Table table({{"wave"}, {"opens, earliest", Align::right}, {"goes on"}, {"about", Align::right}, {"of them"}});
  for (std::size_t i = 0; i < waves.size(); ++i) {
    std::uint64_t devices = 0;
    for (const auto& [label, count] : waves[i]) devices += count;
    const auto opens =
        duration_text(earliest[i]) + (simulation.rule.windows.empty() ? "" : ", " + weekday_text(earliest[i]) + " UTC");
    table.add_row({simulation.rule.waves[i].name, opens, leaves_text(simulation.rule.waves[i], simulation),
                   std::to_string(devices), by_label_text(waves[i])});
  }
  text += table.text_with_sentences(columns, style);
  for (const auto& fault : simulation.faults) text += "fault: " + harmless(fault.text) + "\n";
  const bool named = std::all_of(simulation.fleet.groups.begin(), simulation.fleet.groups.end(),
                                 [](const rules::FleetGroup& group) { return group.names.given(); });
  if (!named)
    text += "note: " + fleet_file + " does not say what all devices are called (ids): the broker will pick others\n";
  for (const auto& warning : rules::warnings_of(simulation)) text += "warning: " + warning + "\n";
  return text;
}

std::string end_of_run(const rules::RunResult& run) {
  const auto state = std::string(rules::name_of(run.status.state));
  const auto sentence = run.status.waiting_for.empty() ? std::string() : ": " + run.status.waiting_for;
  switch (run.end) {
    case rules::RunResult::End::over:
      return state + " after " + duration_text(run.finished_s.value_or(run.end_s)) + sentence;
    case rules::RunResult::End::stands_still:
      if (run.status.state == rules::RolloutState::halted)
        return state + " after " + duration_text(run.stopped_s.value_or(run.end_s)) + sentence;
      return state + ", and stands still" + sentence;
    case rules::RunResult::End::out_of_time:
      break;
  }
  return state + " after " + duration_text(run.end_s) + ", and not over" + sentence;
}

std::string simulated_run(const rules::Simulation& simulation, const rules::RunResult& run, std::size_t columns,
                          const Style& style) {
  auto text =
      painted("Seed " + std::to_string(run.seed), Paint::strong, style) + ": " + harmless(end_of_run(run)) + "\n";
  text += timeline(simulation.rule, run, columns, style) + "\n";
  text += waves_of_run(simulation, run, columns, style) + "\n";
  return text + groups_of_run(simulation, run, columns, style);
}

std::string simulated_runs(const rules::Simulation& simulation, const std::vector<rules::RunResult>& runs,
                           std::size_t columns, const Style& style) {
  std::map<std::string, std::uint64_t> ends, stops;
  std::vector<std::uint64_t> ran, harmed, stopped_s, finished_s;
  for (const auto& run : runs) {
    ++ends[how_it_ended(run)];
    if (!run.stopped_by.empty()) ++stops[run.stopped_by];
    ran.push_back(run.ran);
    harmed.push_back(run.harmed);
    if (run.stopped_s) stopped_s.push_back(*run.stopped_s);
    if (run.finished_s) finished_s.push_back(*run.finished_s);
  }
  std::uint64_t targets = 0;
  for (const auto& label : runs.front().labels) targets += label.targets;
  auto text = painted(count_text(runs.size(), "run"), Paint::strong, style) + " from seed " +
              std::to_string(runs.front().seed) + ":";
  for (const auto& [end, count] : ends) text += (text.back() == ':' ? " " : ", ") + std::to_string(count) + " " + end;
  text += stopped_s.empty() ? std::string("; halted, frozen or taken back in none")
                            : "; halted, frozen or taken back in " + std::to_string(stopped_s.size());
  for (const auto& [word, count] : stops)
    text += (word == stops.begin()->first ? " (" : ", ") + word + " " + std::to_string(count);
  if (!stops.empty()) text += ")";
  text += "\n";
  columns = std::min(columns, plot_columns_max);
  const bool shadow = simulation.rule.shadow;
  const auto release = release_text(simulation.rule);
  text += plot(
      shadow ? "Targets that ran " + release + " beside what is active" : "Blast radius: targets that ran " + release,
      Spread(std::move(ran)), Unit::count, targets, columns, style);
  if (!simulation.faults.empty())
    text += plot(shadow ? "Showed a fault in the shadow, and were not harmed" : "Harmed by a fault while they ran it",
                 Spread(std::move(harmed)), Unit::count, targets, columns, style);
  if (!simulation.faults.empty() || !stopped_s.empty())
    text += plot("Time to halt", Spread(std::move(stopped_s)), Unit::seconds, 0, columns, style);
  return text + plot("Time to finish", Spread(std::move(finished_s)), Unit::seconds, 0, columns, style);
}

}  // namespace muster::ctl
