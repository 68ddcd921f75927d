// The rollout engine with ten guardrails, each judged by class and region: what a health summary costs before and after
// the update, what a state report and the first wave cost, the memory that a device takes, and the restart with all
// votes. Each size in each round is a new engine.
#include <malloc.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine/engine.h"
#include "tests/bench/engine_fleet.h"
#include "tests/bench/engine_restart.h"
#include "tests/bench/lib/clock.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace {

using namespace muster::rules;
using namespace muster::bench;

constexpr double bytes_max = 400, report_us_max = 2, wave_s_max = 1, restart_s_max = 5;
constexpr std::uint32_t window_s = 60, observe_windows = 5;

StartRollout guarded_rollout(std::uint64_t seed) {
  auto start = rollout_of(seed);
  auto& rule = start.rule;
  rule.baseline_window_s = window_s;
  rule.waves = {rule.waves[0]};  // so that votes are all there is between the commits and the end
  for (const char* metric : {"p50_ms", "p95_ms", "p99_ms", "peak_ram_mb", "dropped_frames", "cpu_percent",
                             "temperature_c", "edit_distance", "delegate_active", "crash_count"}) {
    Guardrail guardrail;
    guardrail.name = metric;
    guardrail.metric = metric;
    const bool state = guardrail.metric == "crash_count";
    guardrail.against = state ? Against::absolute : guardrail.metric == "p95_ms" ? Against::control : Against::baseline;
    guardrail.limit = 0.1;
    guardrail.by = {Attribute::device_class, Attribute::region};
    guardrail.observe_s = observe_windows * window_s;
    rule.guardrails.push_back(guardrail);
  }
  return start;
}

DeviceHealth health_of(std::size_t i) {
  DeviceHealth health;
  health.device = id_of(i);
  health.window_s = window_s;
  const auto level = 20.0 + static_cast<double>(i % 50);
  for (const auto reading : {Reading::p50_ms, Reading::p95_ms, Reading::p99_ms, Reading::peak_ram_mb,
                             Reading::dropped_frames, Reading::cpu_percent, Reading::temperature_c})
    health.readings.set(reading, level);
  health.readings.set(Reading::crash_count, 0);
  health.readings.delegate_active = "npu";
  health.readings.tasks = {{"edit_distance", level / 1000}};
  return health;
}

struct Figures {
  double before_us = 0, after_us = 0, voting_us = 0, report_us = 0, wave_s = 0, bytes = 0;
};

class Life {
 public:
  Life(std::size_t devices, std::uint64_t seed) : devices_(devices), seed_(seed), heap_before_(heap_bytes()) {}

  Figures run() {
    Figures figures;
    for (std::size_t i = 0; i < devices_; ++i) {
      step(DeviceSeen{id_of(i)});
      step(report_of(i, 1));
    }
    step(Command{"alice", "", 1, guarded_rollout(seed_)});
    figures.before_us = all_measure(devices_);
    now_s_ += window_s;
    figures.wave_s = step(Tick{});
    figures.report_us = all_report();
    const auto reached = commit();
    for (std::uint32_t window = 1; window < observe_windows; ++window) {
      now_s_ += window_s;
      figures.after_us = canaries_measure(reached);
    }
    now_s_ += window_s;
    figures.voting_us = canaries_measure(reached);
    effects_ = std::vector<Effect>();
    figures.bytes = (heap_bytes() - heap_before_) / static_cast<double>(devices_);
    const auto& guardrails = engine_.status("bench")->guardrails;
    std::size_t voted = 0;
    for (const auto& each : guardrails) voted += each.voted;
    if (voted != 10 * reached.size()) break_off("%zu votes by %zu devices", voted, reached.size());
    return figures;
  }

  // What a store would hold when all of the first wave have voted.
  Records records() {
    Records records;
    records_ = &records;
    (void)run();
    records_ = nullptr;
    return records;
  }

 private:
  double step(decltype(Event::what) what) {
    effects_.clear();
    const Event event{now_s_, std::move(what)};
    const auto start = Clock::now();
    engine_.step(event, effects_);
    const double taken_s = seconds_since(start);
    if (records_ != nullptr) keep(effects_, *records_);
    return taken_s;
  }

  // Everybody begins an attempt, or says so, as in the bench of the engine without guardrails.
  double all_report() {
    double taken_s = 0;
    for (std::size_t i = 0; i < devices_; ++i) {
      auto report = report_of(i, 2);
      report.attempt = AttemptState::fetching;
      report.attempt_epoch = 1;
      taken_s += step(std::move(report));
    }
    return per_device_us(taken_s, devices_);
  }

  double all_measure(std::size_t count) {
    double taken_s = 0;
    for (std::size_t i = 0; i < count; ++i) taken_s += step(health_of(i));
    return per_device_us(taken_s, count);
  }

  double canaries_measure(const std::vector<std::size_t>& canaries) {
    double taken_s = 0;
    for (const auto i : canaries) taken_s += step(health_of(i));
    step(Tick{});  // what people see is told here
    return per_device_us(taken_s, canaries.size());
  }

  std::vector<std::size_t> commit() {
    std::vector<std::size_t> reached;
    for (std::size_t i = 0; i < devices_; ++i) {
      DeviceStatus status;
      if (!engine_.device(id_of(i), status) || status.assigned_epoch == 0) continue;
      reached.push_back(i);
      auto report = report_of(i, 3);
      report.attempt = AttemptState::committed;
      report.attempt_epoch = status.assigned_epoch;
      report.active[1] = digest_of(9);
      step(std::move(report));
    }
    if (reached.size() != (devices_ + 9) / 10)
      break_off("the wave reached %zu of %zu devices", reached.size(), devices_);
    return reached;
  }

  std::size_t devices_;
  std::uint64_t seed_;
  double heap_before_;
  std::uint64_t now_s_ = 1'000'000;
  Records* records_ = nullptr;
  Engine engine_;
  std::vector<Effect> effects_;
};

struct Rows {
  Measure before, after, voting, report, wave, bytes, restart;
  explicit Rows(const std::string& v)
      : before{"guardrails: summary before the update", v, "µs", "", {}, {}, {BudgetKind::ours_max, report_us_max}, ""},
        after{"guardrails: summary after the update", v, "µs", "", {}, {}, {BudgetKind::ours_max, report_us_max}, ""},
        voting{"guardrails: summary with ten votes",
               v,
               "µs",
               "",
               {},
               {},
               {},
               "once a device and rollout; its record is written anew"},
        report{"guardrails: report that changes an attempt", v, "µs", "", {}, {},
               {BudgetKind::ours_max, report_us_max},        ""},
        wave{"guardrails: open a wave of 10 %", v, "s", "", {}, {}, {BudgetKind::ours_max, wave_s_max}, ""},
        bytes{"guardrails: memory a device", v, "B", "", {}, {}, {BudgetKind::ours_max, bytes_max}, "all are measured"},
        restart{"guardrails: restart from RocksDB",
                v,
                "s",
                "",
                {},
                {},
                {BudgetKind::ours_max, restart_s_max},
                "with what all have measured, and the votes of a tenth"} {}
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const std::vector<std::size_t> sizes =
      options.quick ? std::vector<std::size_t>{2'000, 20'000} : std::vector<std::size_t>{10'000, 100'000, 1'000'000};
  for (const auto devices : sizes) {
    Rows rows(size_text(devices));
    const Restart restart(devices, Life(devices, options.seed).records());
    ::malloc_trim(0);
    for (int round = 0; round < options.rounds; ++round) {
      const auto figures = Life(devices, options.seed + static_cast<std::uint64_t>(round)).run();
      ::malloc_trim(0);
      const double restart_s = restart.seconds();
      ::malloc_trim(0);
      rows.report.add(figures.report_us);
      rows.restart.add(restart_s);
      rows.before.add(figures.before_us);
      rows.after.add(figures.after_us);
      rows.voting.add(figures.voting_us);
      rows.wave.add(figures.wave_s);
      rows.bytes.add(figures.bytes);
      std::fprintf(
          stderr,
          "round %d, %zu devices: %.0f B, %.2f/%.2f/%.2f µs a summary, %.2f µs a report, wave %.3f s, restart %.3f s\n",
          round + 1, devices, figures.bytes, figures.before_us, figures.after_us, figures.voting_us, figures.report_us,
          figures.wave_s, restart_s);
    }
    for (const auto* measure :
         {&rows.bytes, &rows.before, &rows.after, &rows.voting, &rows.report, &rows.wave, &rows.restart})
      print(*measure);
  }
  return 0;
}
