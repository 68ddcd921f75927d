// The rollout engine against its budgets: bytes a device, microseconds a report, the time to open a wave of 10 %, and
// the time from an opened RocksDB to an engine that takes events. Each size in each round is a new engine; how the cost
// grows with the size is given as an exponent.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine/engine.h"
#include "tests/bench/engine_fleet.h"
#include "tests/bench/engine_restart.h"
#include "tests/bench/lib/clock.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/statistics.h"

namespace {

using namespace muster::rules;
using namespace muster::bench;

constexpr double bytes_max = 400, report_us_max = 2, wave_s_max = 1, restart_s_max = 5;
// Linear, with room for the rounds' spread and a sort's logarithm.
constexpr double exponent_max = 1.1;

struct Figures {
  double first_us = 0, repeated_us = 0, changing_us = 0, wave_s = 0, bytes = 0;
};

// One life of a fleet: everyone joins, says the same again, a wave opens, everyone reports an attempt under way, the
// canary commits and with that the rest is assigned: then the engine holds the most it ever does for this fleet.
class Life {
 public:
  Life(std::size_t devices, std::uint64_t seed) : devices_(devices), seed_(seed), heap_before_(heap_bytes()) {}

  Figures run() {
    Figures figures;
    figures.first_us = join();
    figures.repeated_us = all_report([](DeviceReport&) {});
    figures.wave_s = open_wave();
    figures.changing_us = all_report([](DeviceReport& report) {
      report.attempt = AttemptState::fetching;
      report.attempt_epoch = 1;
    });
    commit();
    effects_ = std::vector<Effect>();
    figures.bytes = (heap_bytes() - heap_before_) / static_cast<double>(devices_);
    return figures;
  }

  // What a store would hold once the first wave is open.
  Records records() {
    Records records;
    records_ = &records;
    join();
    open_wave();
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

  double join() {
    double taken_s = 0;
    for (std::size_t i = 0; i < devices_; ++i) {
      taken_s += step(DeviceSeen{id_of(i)});
      taken_s += step(report_of(i, seq_));
    }
    return per_device_us(taken_s, devices_);
  }

  template <typename Change>
  double all_report(Change change) {
    double taken_s = 0;
    ++seq_;
    for (std::size_t i = 0; i < devices_; ++i) {
      auto report = report_of(i, seq_);
      change(report);
      taken_s += step(std::move(report));
    }
    return per_device_us(taken_s, devices_);
  }

  double open_wave() {
    const double taken_s = step(Command{"alice", "", 1, rollout_of(seed_)});
    std::size_t assigned = 0;
    for (const auto& effect : effects_) assigned += std::holds_alternative<Assign>(effect) ? 1u : 0u;
    if (assigned != (devices_ + 9) / 10) break_off("the wave of 10 %% assigned %zu of %zu devices", assigned, devices_);
    return taken_s;
  }

  void commit() {
    ++seq_;
    for (std::size_t i = 0; i < devices_; ++i) {
      DeviceStatus status;
      if (!engine_.device(id_of(i), status) || status.assigned_epoch == 0) continue;
      auto report = report_of(i, seq_);
      report.attempt = AttemptState::committed;
      report.attempt_epoch = status.assigned_epoch;
      report.active[1] = digest_of(9);
      step(std::move(report));
    }
    DeviceStatus last;
    for (std::size_t i = 0; i < devices_; i += devices_ / 10) {
      if (!engine_.device(id_of(i), last) || last.assigned_epoch == 0) break_off("device %zu was never assigned", i);
    }
  }

  std::size_t devices_;
  std::uint64_t seed_;
  double heap_before_;
  std::uint64_t now_s_ = 1'000'000;
  std::uint64_t seq_ = 1;
  Records* records_ = nullptr;
  Engine engine_;
  std::vector<Effect> effects_;
};

struct Rows {
  Measure first, repeated, changing, wave, bytes, restart;

  explicit Rows(const std::string& v)
      : first{"engine: first report of a device, with its connect", v, "µs", "", {}, {}, {}, ""},
        repeated{"engine: repeated report", v, "µs", "", {}, {}, {BudgetKind::ours_max, report_us_max}, ""},
        changing{"engine: report that changes an attempt", v, "µs", "", {}, {},
                 {BudgetKind::ours_max, report_us_max},    ""},
        wave{"engine: start and open a wave of 10 %", v, "s", "", {}, {}, {BudgetKind::ours_max, wave_s_max}, ""},
        bytes{"engine: memory a device, all assigned", v, "B", "", {}, {}, {BudgetKind::ours_max, bytes_max}, ""},
        restart{"engine: restart from RocksDB",
                v,
                "s",
                "",
                {},
                {},
                {BudgetKind::ours_max, restart_s_max},
                "opened, every record checked and restored; the file cache is warm"} {}

  [[nodiscard]] std::vector<const Measure*> all() const {
    return {&bytes, &first, &repeated, &changing, &wave, &restart};
  }
};

// From each size to the next, of the cost of the whole fleet. Judged is the last step: there neither fleet fits into
// the processor's caches, which is a step of its own that has nothing to do with the algorithms.
void print_growth(const std::vector<std::size_t>& sizes, const std::vector<Rows>& rows) {
  for (std::size_t step = 1; step < sizes.size(); ++step) {
    const auto small = static_cast<double>(sizes[step - 1]), large = static_cast<double>(sizes[step]);
    const auto variant = size_text(sizes[step - 1]) + " to " + size_text(sizes[step]);
    const auto a = rows[step - 1].all(), b = rows[step].all();
    for (std::size_t i = 0; i < a.size(); ++i) {
      const bool for_each = a[i]->unit != "s";
      Measure growth{
          a[i]->measure + ", growth", variant, "1", "", {}, {}, {}, "exponent of the whole fleet's cost; 1 is linear"};
      if (step + 1 == sizes.size()) growth.budget = {BudgetKind::ours_max, exponent_max};
      for (std::size_t round = 0; round < a[i]->ours.size(); ++round) {
        const double cost_a = a[i]->ours[round] * (for_each ? small : 1),
                     cost_b = b[i]->ours[round] * (for_each ? large : 1);
        // Below 0 only where both costs are so small that the machine's noise is larger: a cost that does not grow.
        growth.add(std::max(0.0, growth_exponent(small, cost_a, large, cost_b)));
      }
      print(growth);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const std::vector<std::size_t> sizes =
      options.quick ? std::vector<std::size_t>{2'000, 20'000} : std::vector<std::size_t>{10'000, 100'000, 1'000'000};
  std::vector<Rows> rows;
  std::vector<std::unique_ptr<Restart>> restarts;
  for (const auto devices : sizes) {
    rows.emplace_back(size_text(devices));
    restarts.push_back(std::make_unique<Restart>(devices, Life(devices, options.seed).records()));
  }
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto figures = Life(sizes[i], options.seed + static_cast<std::uint64_t>(round)).run();
      ::malloc_trim(0);
      const double restart_s = restarts[i]->seconds();
      ::malloc_trim(0);
      rows[i].first.add(figures.first_us);
      rows[i].repeated.add(figures.repeated_us);
      rows[i].changing.add(figures.changing_us);
      rows[i].wave.add(figures.wave_s);
      rows[i].bytes.add(figures.bytes);
      rows[i].restart.add(restart_s);
      std::fprintf(stderr, "round %d, %zu devices: %.0f B, %.2f/%.2f/%.2f µs a report, wave %.3f s, restart %.3f s\n",
                   round + 1, sizes[i], figures.bytes, figures.first_us, figures.repeated_us, figures.changing_us,
                   figures.wave_s, restart_s);
    }
  }
  for (const auto& one : rows) {
    for (const auto* measure : one.all()) print(*measure);
  }
  print_growth(sizes, rows);
  return 0;
}
