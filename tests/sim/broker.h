// The engine's host inside the broker, simulated: the real rules::Engine, a writer that commits in groups, an outbox
// that leaves from a later tick, and a disk that keeps exactly what was committed. It follows broker-plugin/core: what
// a step leaves is sealed and durable before any of it is published or answered; after a failure of the disk it stops
// deciding until it is started again. One object a world.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/engine.h"
#include "tests/sim/catalogue.h"
#include "tests/sim/checker.h"
#include "tests/sim/network.h"
#include "tests/sim/options.h"
#include "tests/sim/random.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/trace.h"

namespace muster::sim {

using Checkers = std::vector<std::unique_ptr<Checker>>;

class Broker {
 public:
  using Answered = std::function<void(bool ok, const std::string& message)>;

  Broker(const Options& options, Scheduler& scheduler, Random random, const Catalogue& catalogue,
         const Checkers& checkers, Trace& trace);
  void attach(Network& network) { network_ = &network; }

  void start();
  void crash();
  [[nodiscard]] bool up() const { return engine_ != nullptr; }
  [[nodiscard]] bool deciding() const { return up() && !stopped_; }

  void opened(const std::string& device);
  void closed(const std::string& device);
  void report(const rules::DeviceReport& report);
  void health(const HealthSummary& summary);
  // `answered` may never be called: a crash takes the operator's connection with it.
  void command(std::string who, std::string why, rules::CommandBody body, Answered answered);

  // --- trouble ---
  void set_disk_full(bool full) { disk_full_ = full; }
  void jump_clock(std::int64_t seconds) { clock_offset_s_ += seconds; }
  void keep_copy();      // of the data folder, as it is
  void put_back_copy();  // REQUIRES: not up
  void heal();           // the clock is right, the disk has room, no more crashes

  // --- what an operator sees ---
  [[nodiscard]] std::vector<rules::RolloutStatus> statuses() const;
  [[nodiscard]] const std::vector<AuditEntry>& audit() const { return disk_.audit; }

 private:
  // Where the last health summary of each device stands in the order of its own: boot, then number.
  using HealthOrders = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;
  struct Work {
    EngineStep step;
    std::vector<rules::RolloutStatus> publish;  // statuses that leave with it
    bool of_engine = false;
    std::map<std::uint64_t, Answered> answers;  // by correlation
    HealthOrders health;                        // records of the host's own
  };
  struct Disk {
    std::map<std::string, std::string> records;
    std::vector<AuditEntry> audit;
    std::vector<EngineStep> history;  // committed steps; only in worlds that go back to a copy
    std::map<std::string, std::shared_ptr<const edge::Assignment>> assignments;
    std::map<std::string, std::shared_ptr<const edge::Directive>> directives;
    HealthOrders health;
    std::uint64_t time_s = 0, sealed_s = 0, steps = 0;
  };

  [[nodiscard]] std::uint64_t now_s();
  // `beside` becomes durable with what the engine writes; not at all when that is nothing.
  [[nodiscard]] bool step(decltype(rules::Event::what) what, std::map<std::uint64_t, Answered> answers = {},
                          HealthOrders beside = {});
  void save_health();
  void submit(Work work);
  void tick();
  void publish_statuses();
  void renew();
  void write();
  void commit(std::vector<Work>& batch);
  void seal(const std::vector<Work>& batch);
  void release(std::vector<Work>& batch);
  void drain();
  [[nodiscard]] edge::Assignment sealed(const rules::Assign& assign) const;
  [[nodiscard]] edge::Directive sealed(const rules::Direct& direct) const;
  void later(std::uint64_t delay_ms, std::function<void()> task);
  void log(const std::string& text) { trace_.line(scheduler_.now_ms(), "broker", text); }
  void log_effects(const EngineStep& step);

  Options options_;
  Scheduler& scheduler_;
  Random random_;
  const Catalogue& catalogue_;
  const Checkers& checkers_;
  Trace& trace_;
  Network* network_ = nullptr;

  Disk disk_;
  std::optional<Disk> copy_;
  bool disk_full_ = false;
  std::int64_t clock_offset_s_ = 0;

  // --- of one life of the process ---
  std::uint64_t life_ = 0;
  std::unique_ptr<rules::Engine> engine_;
  bool stopped_ = false;
  std::uint64_t latest_s_ = 0, issued_s_ = 0;
  std::uint64_t last_correlation_ = 0;
  std::vector<Work> queue_, writing_;
  bool busy_ = false;
  std::deque<std::function<void()>> outbox_;
  std::vector<std::string> changed_;
  std::map<std::string, int> links_;  // connections a device
  std::uint64_t last_step_ = 0;
  HealthOrders health_, unsaved_health_;
  std::uint64_t health_saved_ms_ = 0;
};

}  // namespace muster::sim
