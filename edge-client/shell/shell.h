// The agent's body: gives events to the Agent and performs its effects, in order. What is written down is durable
// before anything that follows it happens. One object a program, on the loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "edge-client/agent/agent.h"
#include "edge-client/shell/config.h"
#include "edge-client/shell/connection.h"
#include "edge-client/shell/data_folder.h"
#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/fetcher.h"
#include "edge-client/shell/inbound.h"
#include "edge-client/shell/installer.h"
#include "edge-client/shell/journal.h"
#include "edge-client/shell/measurements.h"
#include "edge-client/shell/outbox.h"
#include "edge-client/shell/probes.h"
#include "edge-client/shell/process.h"
#include "edge-client/shell/shadow.h"
#include "edge-client/shell/slots.h"
#include "edge-client/shell/statsd.h"
#include "edge-client/shell/system_readings.h"
#include "edge-client/shell/trust_store.h"
#include "edge-client/shell/worker.h"
#include "host/log.h"

namespace muster::edge {

extern const char* const agent_version;

class Shell {
 public:
  // Locks the data folder, reads what is durable and checks the slots. Errors are damage, a folder in use, a disk that
  // refuses.
  [[nodiscard]] static tl::expected<std::unique_ptr<Shell>, Error> open(Config config, host::Log& log);
  ~Shell();

  // Until SIGTERM or SIGINT, which must be blocked in all threads.
  void run();
  // After run(): false when a thread is still in the middle of connecting. Then nothing is left to do but to end the
  // process.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  Shell(Config config, host::Log& log, DataFolder folder, TrustStore trust, DurableState state, Journal journal);

  // --- shell.cpp ---
  void feed(decltype(Event::what) what);
  void perform(Effect& effect);
  void perform_work(Effect& effect);
  void run_workload(WorkloadCommand command);
  void publish_report();
  void run_events();
  // False when the journal can not be written: what is left waits in `held_`.
  [[nodiscard]] bool perform_all();
  [[nodiscard]] std::uint64_t now_s() const;

  // --- shell_setup.cpp ---
  [[nodiscard]] tl::expected<void, Error> prepare();
  [[nodiscard]] Started look_at_disk() const;
  void connect_parts();
  void connect_shadow();
  void start_connection();
  void watch_signals();

  // --- shell_health.cpp ---
  void on_statsd(std::string_view datagram);
  void give_readings();
  void close_health_window();
  [[nodiscard]] bool send_health(const Bytes& summary, std::function<void(bool accepted)> acked);

  Config config_;
  host::Log& log_;
  DataFolder folder_;
  EventLoop loop_;
  SlotStore slots_;
  Journal journal_;
  TrustStore trust_;
  Agent agent_;
  Worker disk_worker_, probe_worker_;
  ProcessRunner processes_;
  std::optional<Fetcher> fetcher_;
  std::optional<Installer> installer_;
  std::optional<ProbeRunner> probes_;
  std::optional<ShadowRunner> shadow_;
  std::optional<Inbound> inbound_;
  std::optional<HealthOutbox> outbox_;
  std::optional<StatsdSocket> statsd_;
  std::optional<Connection> connection_;

  std::deque<decltype(Event::what)> events_;
  bool stepping_ = false;
  bool closed_ = true;
  std::deque<Effect> held_;             // effects that wait for the journal, the Persist first
  std::optional<Error> journal_error_;  // the last one
  EventLoop::TimerId wake_timer_ = 0;
  std::uint64_t report_seq_ = 0;
  bool report_due_ = false;

  Measurements measurements_, shadow_measurements_;
  SystemProbe system_;
  SystemReadings system_now_;
  std::uint64_t health_seq_ = 0, refused_ = 0;
  std::uint64_t window_start_s_ = 0, window_start_ms_ = 0;
  EventLoop::TimerId readings_timer_ = 0;
  std::uint64_t readings_given_ms_ = 0;
  int signal_fd_ = -1;
};

// Makes a new journal from the slots and links on disk, when the old one is damaged: `muster-edge --reset-journal`.
// Says what it found, one line a plane.
[[nodiscard]] tl::expected<std::string, Error> reset_journal(const Config& config);

}  // namespace muster::edge
