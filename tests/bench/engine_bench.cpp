// Measures the rollout engine against its budgets (design.md): bytes a device, microseconds a report, the time to open
// a wave of 10 %, to restore. Usage: engine_bench [devices …]; without arguments 10 000, 100 000 and 1 000 000.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "rules/condition/compile.h"
#include "rules/engine/engine.h"

namespace {

using namespace muster::rules;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Heap in use; large blocks are counted apart by glibc.
std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

muster::Sha256 digest_of(std::uint8_t n) {
  muster::Sha256 digest;
  digest.bytes.fill(n);
  return digest;
}

std::string id_of(std::size_t i) {
  return "gateway-" + std::to_string(100'000'000 + i);
}

DeviceReport report_of(std::size_t i) {
  static const char* const regions[] = {"eu", "us", "ap"};
  DeviceReport report;
  report.device = id_of(i);
  report.boot_id = 1;
  report.seq = 1;
  report.facts.device_class = "rk3566";
  report.facts.region = regions[i % 3];
  report.facts.site = "plant-" + std::to_string(i % 500);
  report.facts.customer = "acme";
  report.facts.os_version = "12";
  report.facts.memory_mb = 2048;
  report.facts.tags = {"line-" + std::to_string(i % 4)};
  report.active = {digest_of(1), digest_of(2), digest_of(3)};
  return report;
}

Rule rule_of() {
  Rule rule;
  rule.rollout = "bench";
  rule.seed = 7;
  rule.targets_text = "device.class == \"rk3566\" && device.region in [\"eu\", \"us\", \"ap\"]";
  rule.targets = compile_condition(rule.targets_text, target_vocabulary()).program;
  rule.versions = {{Plane::model, "reader", "2"}};
  Wave canary;
  canary.name = "canary";
  canary.percent = 10;
  Wave all;
  all.name = "all";
  all.percent = 100;
  rule.waves = {canary, all};
  return rule;
}

class Bench {
 public:
  explicit Bench(std::size_t devices) : devices_(devices), heap_before_(heap_bytes()) {}

  void run() {
    std::printf("%zu devices\n", devices_);
    join();
    repeat("repeated report", [](DeviceReport&) {});
    open_wave();
    repeat("report of an attempt under way", [](DeviceReport& report) {
      report.attempt = AttemptState::fetching;
      report.attempt_epoch = 1;
    });
    commit();
    restore();
  }

 private:
  double step(decltype(Event::what) what) {
    effects_.clear();
    const Event event{now_s_, std::move(what)};
    const auto start = Clock::now();
    engine_.step(event, effects_);
    const double taken_s = seconds_since(start);
    for (auto& effect : effects_) {
      if (auto* persist = std::get_if<Persist>(&effect); persist != nullptr && keeping_) {
        records_.emplace_back(persist->key, persist->value.value_or(""));
      }
    }
    return taken_s;
  }

  void join() {
    double taken_s = 0;
    for (std::size_t i = 0; i < devices_; ++i) {
      taken_s += step(DeviceSeen{id_of(i)});
      taken_s += step(report_of(i));
    }
    report_line("first report, with connect", taken_s);
    report_heap("known");
  }

  template <typename Change>
  void repeat(const char* name, Change change) {
    double taken_s = 0;
    ++seq_;
    for (std::size_t i = 0; i < devices_; ++i) {
      auto report = report_of(i);
      report.seq = seq_;
      change(report);
      taken_s += step(std::move(report));
    }
    report_line(name, taken_s);
  }

  double start_rollout() {
    StartRollout start;
    start.rule = rule_of();
    start.rule_text = "rollout: bench";
    start.releases = {{Plane::model, "reader", "2", digest_of(9), 1}};
    return step(Command{"alice", "", 1, std::move(start)});
  }

  void open_wave() {
    const double taken_s = start_rollout();
    std::size_t assigned = 0;
    for (const auto& effect : effects_) assigned += std::holds_alternative<Assign>(effect) ? 1u : 0u;
    std::printf("  start and open a wave of 10 %%   %8.3f s   %zu assigned\n", taken_s, assigned);
    effects_ = std::vector<Effect>();
    report_heap("in a rollout");
  }

  // The canary commits; the last of its reports opens the wave of 100 %.
  void commit() {
    double taken_s = 0;
    double longest_s = 0;
    ++seq_;
    for (std::size_t i = 0; i < devices_; ++i) {
      DeviceStatus status;
      if (!engine_.device(id_of(i), status) || status.assigned_epoch == 0) continue;
      auto report = report_of(i);
      report.seq = seq_;
      report.attempt = AttemptState::committed;
      report.attempt_epoch = status.assigned_epoch;
      report.active[1] = digest_of(9);
      const double once_s = step(std::move(report));
      taken_s += once_s;
      longest_s = std::max(longest_s, once_s);
    }
    std::printf("  canary commits                 %8.3f s   the last one, which opens 100 %%: %.3f s\n", taken_s,
                longest_s);
    effects_ = std::vector<Effect>();
    report_heap("all assigned");
  }

  void restore() {
    keeping_ = true;
    Engine old = std::exchange(engine_, Engine());
    records_.clear();
    // Records as a store would hold them: made by a second life of the same fleet.
    for (std::size_t i = 0; i < devices_; ++i) step(report_of(i));
    start_rollout();
    std::vector<std::pair<std::string, std::string>> stored;
    std::size_t bytes = 0;
    // Later records of a key replace earlier ones.
    std::vector<std::pair<std::string, std::string>> newest(records_.rbegin(), records_.rend());
    std::stable_sort(newest.begin(), newest.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& record : newest) {
      if (!stored.empty() && stored.back().first == record.first) continue;
      bytes += record.first.size() + record.second.size();
      stored.push_back(std::move(record));
    }
    Engine fresh;
    const auto start = Clock::now();
    const auto fault = fresh.restore(stored);
    std::printf("  restore                        %8.3f s   %zu records, %.0f B a device%s%s\n", seconds_since(start),
                stored.size(), static_cast<double>(bytes) / static_cast<double>(devices_),
                fault.empty() ? "" : "   FAULT: ", fault.c_str());
  }

  void report_line(const char* name, double taken_s) const {
    std::printf("  %-30s %8.3f µs each\n", name, taken_s * 1e6 / static_cast<double>(devices_));
  }
  void report_heap(const char* name) const {
    std::printf("  memory, %-22s %8.0f B a device\n", name,
                static_cast<double>(heap_bytes() - heap_before_) / static_cast<double>(devices_));
  }

  std::size_t devices_;
  std::size_t heap_before_;
  std::uint64_t now_s_ = 1'000'000;
  std::uint64_t seq_ = 1;
  bool keeping_ = false;
  Engine engine_;
  std::vector<Effect> effects_;
  std::vector<std::pair<std::string, std::string>> records_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {10'000, 100'000, 1'000'000};
  for (const auto size : sizes) {
    if (size == 0) {
      std::fprintf(stderr, "usage: engine_bench [devices …]: each a number of devices from 1\n");
      return 2;
    }
    Bench(size).run();
  }
  return 0;
}
