#include "operator/simulation_json.h"

#include "operator/fleet_plan.h"
#include "operator/json_text.h"
#include "operator/render/histogram.h"
#include "operator/rule_text.h"

namespace muster::ctl {
namespace {

std::string_view name_of(rules::RunResult::End end) {
  switch (end) {
    case rules::RunResult::End::over:
      return "over";
    case rules::RunResult::End::stands_still:
      return "stands_still";
    case rules::RunResult::End::out_of_time:
      break;
  }
  return "out_of_time";
}

RawJson numbers(const std::vector<std::uint64_t>& values) {
  std::vector<RawJson> items;
  for (const auto value : values) items.push_back({std::to_string(value)});
  return {json_array(items)};
}

void add_time(JsonFields& fields, const char* name, const std::optional<std::uint64_t>& at_s) {
  if (at_s) fields.emplace_back(name, *at_s);
}

RawJson timeline_json(const rules::RunResult& run) {
  std::vector<RawJson> entries;
  for (const auto& entry : run.timeline) {
    JsonFields fields{{"at_s", entry.at_s}, {"what", entry.what}, {"subject", entry.subject}, {"why", entry.text}};
    if (entry.times > 1) fields.emplace_back("times", std::uint64_t{entry.times});
    entries.push_back({json_object(fields)});
  }
  return {json_array(entries)};
}

RawJson waves_json(const rules::Simulation& simulation, const rules::RunResult& run) {
  std::vector<RawJson> waves;
  for (std::size_t i = 0; i < run.waves.size(); ++i) {
    const auto& wave = run.waves[i];
    std::vector<RawJson> groups;
    for (std::size_t label = 0; label < wave.by_label.size(); ++label)
      groups.push_back(
          {json_object({{"devices", run.labels[label].label}, {"count", std::uint64_t{wave.by_label[label]}}})});
    JsonFields fields{{"name", simulation.rule.waves[i].name}, {"count", std::uint64_t{wave.devices}}};
    add_time(fields, "opened_s", wave.opened_s);
    add_time(fields, "done_s", wave.done_s);
    fields.emplace_back("groups", RawJson{json_array(groups)});
    fields.emplace_back("first_devices", wave.first_devices);
    waves.push_back({json_object(fields)});
  }
  return {json_array(waves)};
}

RawJson groups_json(const rules::RunResult& run) {
  std::vector<RawJson> groups;
  for (const auto& label : run.labels) {
    groups.push_back({json_object({{"devices", label.label},
                                   {"targets", std::uint64_t{label.targets}},
                                   {"ran", std::uint64_t{label.ran}},
                                   {"harmed", std::uint64_t{label.harmed}},
                                   {"run_it_now", std::uint64_t{label.runs}}})});
  }
  return {json_array(groups)};
}

RawJson guardrails_json(const rules::RunResult& run) {
  std::vector<RawJson> guardrails;
  for (const auto& each : run.status.guardrails) {
    guardrails.push_back({json_object({{"guardrail", each.guardrail},
                                       {"segment", each.segment},
                                       {"verdict", std::string(rules::name_of(each.verdict))},
                                       {"voted", std::uint64_t{each.voted}},
                                       {"exceeded", std::uint64_t{each.exceeded}},
                                       {"frozen", each.frozen},
                                       {"sentence", each.sentence}})});
  }
  return {json_array(guardrails)};
}

// What each run is told with.
JsonFields run_fields(const rules::RunResult& run) {
  JsonFields fields{{"seed", run.seed},
                    {"end", std::string(name_of(run.end))},
                    {"state", std::string(rules::name_of(run.status.state))},
                    {"end_s", run.end_s},
                    {"targets", std::uint64_t{run.status.targets}},
                    {"reached", std::uint64_t{run.status.reached}},
                    {"ran", std::uint64_t{run.ran}},
                    {"harmed", std::uint64_t{run.harmed}},
                    {"done", std::uint64_t{run.status.done}},
                    {"failed", std::uint64_t{run.status.failed}},
                    {"unreachable", std::uint64_t{run.status.unreachable}},
                    {"reverted", std::uint64_t{run.status.reverted}}};
  add_time(fields, "halted_s", run.stopped_s);
  if (!run.stopped_by.empty()) fields.emplace_back("halted_by", run.stopped_by);
  add_time(fields, "finished_s", run.finished_s);
  return fields;
}

RawJson spread_json(std::vector<std::uint64_t> values) {
  const Spread spread(std::move(values));
  if (spread.empty()) return {json_object({{"runs", std::uint64_t{0}}})};
  return {json_object({{"runs", std::uint64_t{spread.count()}},
                       {"least", spread.least()},
                       {"median", spread.quantile(50)},
                       {"p90", spread.quantile(90)},
                       {"most", spread.most()}})};
}

RawJson spreads_json(const std::vector<rules::RunResult>& runs) {
  std::vector<std::uint64_t> ran, harmed, halted_s, finished_s;
  for (const auto& run : runs) {
    ran.push_back(run.ran);
    harmed.push_back(run.harmed);
    if (run.stopped_s) halted_s.push_back(*run.stopped_s);
    if (run.finished_s) finished_s.push_back(*run.finished_s);
  }
  return {json_object({{"ran", spread_json(std::move(ran))},
                       {"harmed", spread_json(std::move(harmed))},
                       {"halted_s", spread_json(std::move(halted_s))},
                       {"finished_s", spread_json(std::move(finished_s))}})};
}

}  // namespace

std::string simulation_json(const rules::Simulation& simulation, const std::vector<rules::RunResult>& runs) {
  std::vector<std::string> faults;
  for (const auto& fault : simulation.faults) faults.push_back(fault.text);
  auto first = run_fields(runs.front());
  first.emplace_back("waiting_for", runs.front().status.waiting_for);
  first.emplace_back("waves", waves_json(simulation, runs.front()));
  first.emplace_back("groups", groups_json(runs.front()));
  first.emplace_back("guardrails", guardrails_json(runs.front()));
  first.emplace_back("timeline", timeline_json(runs.front()));
  std::vector<RawJson> all;
  for (const auto& run : runs) all.push_back({json_object(run_fields(run))});
  return json_object({{"rule", RawJson{rule_json(simulation.rule)}},
                      {"fleet", RawJson{fleet_plan_json(simulation.rule, simulation.fleet)}},
                      {"faults", faults},
                      {"earliest_openings_s", numbers(rules::earliest_openings(simulation))},
                      {"warnings", rules::warnings_of(simulation)},
                      {"first_run", RawJson{json_object(first)}},
                      {"runs", RawJson{json_array(all)}},
                      {"spread", spreads_json(runs)}});
}

}  // namespace muster::ctl
