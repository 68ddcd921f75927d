// A device with the real edge::Agent inside a simulated shell, disk and workload. It follows edge-client/shell: events
// wait until the step before them is done; a Persist is on the disk before anything behind it happens, and when the
// disk is full everything waits; one worker does all that touches slots and links, in order; what was begun but not
// synced when the power goes is there, or not, or in part. One object a device; survives its restarts.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge-client/agent/agent.h"
#include "tests/sim/broker.h"
#include "tests/sim/catalogue.h"
#include "tests/sim/checker.h"
#include "tests/sim/network.h"

namespace muster::sim {

class Device {
 public:
  struct Parts {
    Scheduler& scheduler;
    Network& network;
    const Catalogue& catalogue;
    const Checkers& checkers;
    Trace& trace;
  };
  Device(const Options& options, DeviceNumber number, Random random, Parts parts);

  // Puts a release on it as a factory does. REQUIRES: it was never started.
  void install(rules::Plane plane, const Sha256& manifest);
  void start();
  void crash();  // the power goes
  void stop();   // asked to end in order
  void leave();  // for ever
  void heal();
  void set_disk_full(bool full) { disk_full_ = full; }
  void set_facts(rules::DeviceFacts facts);  // REQUIRES: not running
  void jump_clock(std::int64_t seconds) { clock_offset_s_ += seconds; }

  void arrived(const Downward& message);
  void line_lost(LinkId id);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const rules::DeviceFacts& facts() const { return facts_; }
  [[nodiscard]] bool running() const { return agent_.has_value(); }
  [[nodiscard]] bool connected() const { return link_ != 0; }
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] DeviceView view() const;

 private:
  using What = decltype(edge::Event::what);
  enum class JobKind : std::uint8_t { manifest, files };
  struct FetchJob {
    std::uint64_t job = 0;
    JobKind kind = JobKind::manifest;
    Sha256 manifest;
    edge::Plane plane = edge::Plane::model;
    bool waiting = false;  // for the broker
  };

  // --- device.cpp: the shell's loop and the process ---
  void feed(What what);
  void run_events();
  [[nodiscard]] bool perform_all();
  void perform(const edge::Effect& effect);
  void publish_report();
  void connect_soon();
  void power_off();
  void reset_journal();
  [[nodiscard]] edge::Started look_at_disk(const edge::DurableState& state) const;
  [[nodiscard]] std::uint64_t now_s() const;
  [[nodiscard]] bool may_crash();
  void later(std::uint64_t delay_ms, std::function<void()> task);
  void wake_at(std::uint64_t at_ms);
  void log(const std::string& text) { parts_.trace.line(parts_.scheduler.now_ms(), id_, text); }
  void disk_changed();

  // --- device_work.cpp: fetching, slots, links, probes, readings ---
  void fetch(FetchJob job);
  void go_on_fetching();
  void finish_fetch();
  void worker(std::uint64_t duration_ms, std::function<void()> begin, std::function<void()> end);
  void build(const edge::BuildSlot& build);
  void activate(const edge::Activate& activate);
  void end_activation(const edge::Activate& activate);
  void remove_slots(const edge::RemoveSlots& remove);
  void run_probes(const edge::RunProbes& run);
  void end_probes(const edge::RunProbes& run);
  void run_shadow(const edge::RunShadow& run);
  void end_shadow_early(std::uint64_t job, edge::Plane plane);
  void give_readings();
  void look_again();
  void lose_unsynced();
  void damage_something();

  // --- device_health.cpp: health summaries ---
  void begin_measuring();
  void close_health_window();
  struct Workload {
    double slowness = 1, worseness = 1;
    bool crashes = false, partly = false, falls_back = false, silent = false;
  };
  void add_harms(Workload& workload, const Sha256& manifest, std::uint32_t windows) const;
  [[nodiscard]] std::optional<rules::Readings> measure();
  [[nodiscard]] std::optional<Workload> workload_beside() const;
  [[nodiscard]] bool has_clock() const;
  void send_waiting();
  void keep_unacknowledged();

  Options options_;
  DeviceNumber number_;
  Random random_;
  Parts parts_;
  std::string id_;
  rules::DeviceFacts facts_;
  std::vector<std::string> scopes_;
  DeviceDisk disk_;
  bool disk_full_ = false, gone_ = false, mended_ = false, starting_ = false;
  std::int64_t clock_offset_s_ = 0;
  std::deque<std::shared_ptr<const HealthSummary>> spool_;  // on its disk, for a connection

  // --- of one life of the process ---
  std::uint64_t life_ = 0;
  std::optional<edge::Agent> agent_;
  std::deque<What> events_;
  std::deque<edge::Effect> held_;
  bool stepping_ = false, ending_ = false;
  LinkId link_ = 0;
  std::uint64_t backoff_ = 0, report_seq_ = 0, wake_ = 0;
  std::optional<FetchJob> fetching_;
  std::uint64_t probing_ = 0;             // job
  std::optional<double> charge_;          // as the agent knows it
  std::vector<edge::RunShadow> shadows_;  // more than one only when the agent forgot to end one
  // Refused as expired: looked at again when the clock has been set back since.
  std::vector<std::pair<std::uint64_t, Downward>> expired_;
  std::uint64_t worker_free_ms_ = 0;
  struct UnsyncedLinks {
    std::size_t plane;
    edge::PlaneLinks before;
  };
  std::optional<UnsyncedLinks> unsynced_;
  std::uint32_t restarts_ = 0;
  std::deque<std::pair<std::uint64_t, std::shared_ptr<const HealthSummary>>> in_flight_;  // with when it was sent
  std::uint64_t boot_id_ = 0, health_seq_ = 0, window_start_s_ = 0, window_start_ms_ = 0;
  std::array<std::pair<Sha256, std::uint32_t>, rules::plane_count>
      running_for_{};  // releases, and for how many windows
};

}  // namespace muster::sim
