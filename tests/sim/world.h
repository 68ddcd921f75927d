// One simulated world: a broker, its devices, the network between them, operators, and everything that goes wrong, all
// of it decided by one seed. First trouble, with the checkers watching for what must never happen; then everything
// heals, and each rollout must end or say what it waits for. Runs as fast as the machine can, on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/broker.h"
#include "tests/sim/catalogue.h"
#include "tests/sim/checker.h"
#include "tests/sim/device.h"
#include "tests/sim/network.h"
#include "tests/sim/operators.h"
#include "tests/sim/options.h"

namespace muster::sim {

struct Outcome {
  std::optional<Checker::Violation> violation;  // none: all went well
  std::uint64_t digest = 0;                     // of the whole trace
  std::uint64_t steps = 0, lived_ms = 0;
  std::size_t rollouts = 0, completed = 0, aborted = 0;
  std::size_t shadowed = 0;             // … of them that only shadow, and completed
  std::size_t released = 0, taken = 0;  // waves let go; times that one rollout took devices from another
  std::size_t passes = 0, fails = 0, freezes = 0, waivers = 0;  // of guardrails, in the audit record

  // Of several worlds; without their violations and digests.
  Outcome& operator+=(const Outcome& other);
  [[nodiscard]] std::string describe() const;  // in one line
};

class World {
 public:
  explicit World(const Options& options);
  Outcome run();
  [[nodiscard]] const Trace& trace() const { return trace_; }

 private:
  void populate();
  [[nodiscard]] Network::Ports ports();
  void run_until(std::uint64_t until_ms);
  void watch_broker();
  void every_minute();
  void trouble_for_devices();
  void crash_loop(DeviceNumber number);
  void operate();
  void put_back_old_copy();
  void heal();
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] FinalView final_view() const;
  [[nodiscard]] Outcome outcome() const;
  [[nodiscard]] bool failed();
  void log(const std::string& text) { trace_.line(scheduler_.now_ms(), "world", text); }

  Options options_;
  Trace trace_;
  Scheduler scheduler_;
  Random random_;
  Catalogue catalogue_;
  Checkers checkers_;
  Broker broker_;
  Network network_;
  std::vector<std::unique_ptr<Device>> devices_;
  Operators operators_;
  bool healed_ = false, restarting_ = false;
  bool any_violation_ = false;  // some checker has one
  std::uint64_t events_ = 0;
  std::optional<Checker::Violation> violation_;
};

// Runs the world of one seed. On a failure the report has the seed, its options and the end of the trace. The whole
// trace goes to `trace_path` unless that is empty; to one that ends in ".failed" only after a failure.
struct SeedReport {
  Outcome outcome;
  std::string text;  // empty when all went well
};
[[nodiscard]] SeedReport run_seed(std::uint64_t seed, const std::string& trace_path);

}  // namespace muster::sim
