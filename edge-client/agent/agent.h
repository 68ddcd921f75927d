// The device's half of a rollout: takes events, changes its state, returns effects in order. Pure — no I/O, clock,
// thread or random device: the same events give the same effects, so every scenario and every power cut can be replayed
// in a test. One thread at a time.
//
// Everything that changes the state is in agent*.cpp: agent.cpp (time, transitions, reports), agent_start.cpp (what a
// start finds), agent_attempt.cpp (an assignment until its swap), agent_wait.cpp (what it waits for until then),
// agent_shadow.cpp (one that is only to run beside what is active), agent_probation.cpp (probes, soak, hold, commit,
// the way back), agent_orders.cpp (directives, safe mode), agent_recovery.cpp (the recovery policy).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edge-client/agent/durable_state.h"
#include "edge-client/agent/effect.h"
#include "edge-client/agent/event.h"
#include "edge-client/agent/recovery.h"
#include "edge-client/agent/transitions.h"

namespace muster::edge {

struct AgentSetup {
  std::string device_id;
  Facts facts;
  std::array<bool, plane_count> planes{};  // configured on this device
  std::vector<std::string> scopes;         // whose directives are obeyed: own device, own groups, fleet
  std::uint64_t health_window_ms = 60000;
};

// What a state report and a health summary say; a complete picture.
struct Snapshot {
  struct PlaneView {
    bool configured = false;
    SlotRef active, previous;
    Sha256 downloaded;  // newest complete and verified slot
    std::uint32_t security_floor = 0;
  };
  std::uint64_t boot_id = 0;
  DeviceState state = DeviceState::healthy;
  std::array<PlaneView, plane_count> planes{};
  wire::AttemptState attempt = wire::AttemptState::idle;
  std::uint64_t attempt_epoch = 0;
  Plane attempt_plane = Plane::model;
  ErrorCode error = ErrorCode::none;
  std::string detail;
  bool waits = false;  // for the conditions of a release, of which `detail` speaks
  std::uint64_t bytes_done = 0, bytes_total = 0;
  std::uint64_t assignment_epoch = 0, directive_epoch = 0;
  RecoveryAction last_action = RecoveryAction::none;
  bool updates_paused = false;
  std::string runtime;  // of the active model
};

class Agent {
 public:
  static constexpr std::uint32_t crashes_max = 3;     // starts after a crash on probation before going back
  static constexpr std::uint32_t flip_tries_max = 3;  // on the way back
  static constexpr std::uint64_t progress_report_ms = 5000;

  Agent(AgentSetup setup, DurableState state);

  // Adds its effects; when anything durable has changed, Persist comes before all others of the step. REQUIRES: Started
  // is the first event and comes once; now_ms never goes back.
  void step(const Event& event, std::vector<Effect>& effects);

  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] std::uint64_t newest_signed_s() const { return durable_.newest_signed_s; }
  [[nodiscard]] const DurableState& durable() const { return durable_; }

 private:
  // --- agent_start.cpp ---
  void on(const Started& started);
  void forget_damaged_previous(const Started& started);
  void find_kept_shadow();
  void check_active_slots(const Started& started);
  void recover_damaged_slot(Plane plane);
  [[nodiscard]] AttemptAim aim_of_repair() const;
  void resume_attempt();
  void resume_phase();
  void align_links(const Started& started);

  // --- agent.cpp ---
  void on(const Stopping&);
  void on(const Connected&);
  void on(const Tick&) {}
  void run_timers();
  void set_wake();
  // Moves the attempt by the table. A pair that the table lacks is a bug: it aborts in builds with assertions;
  // otherwise the attempt stays where it is and an error is logged.
  void advance(AttemptTrigger trigger, const std::string& why);
  void change_state(DeviceTrigger trigger, const std::string& why);
  void emit(Effect effect);
  void note(NoteLevel level, std::string text);
  std::uint64_t next_job();
  [[nodiscard]] bool on_probation() const { return is_on_probation(durable_.attempt.phase); }
  // The probes have passed and what runs is watched: in the soak, and in a hold after it.
  [[nodiscard]] bool watched() const;
  [[nodiscard]] bool settled() const;

  // --- agent_attempt.cpp ---
  void on(const AssignmentArrived& arrived);
  void on(const ManifestArrived& arrived);
  void on(const FilesArrived& arrived);
  void on(const SlotBuilt& built);
  void on(const FetchProgress& progress);
  void on(const JobFailed& failed);
  void take_pending();
  [[nodiscard]] std::optional<Fault> speaks_against(const Assignment& assignment) const;
  void begin_attempt(const Assignment& assignment);
  void begin_attempt(const Assignment& assignment, AttemptAim aim, AttemptTrigger trigger);
  [[nodiscard]] bool refuse_unconfigured();
  void start_fetch();
  void fetch_manifest();
  void check_manifests();
  void fetch_files();
  void build_slot();
  void go_on_staged();
  void refuse_attempt(Plane plane, Fault fault);
  void set_attempt_aside(Plane plane, const Fault& fault);
  void adopt_epoch(const Assignment& assignment);
  [[nodiscard]] bool skips_empty_plane();
  [[nodiscard]] const PlaneChange* change_at(std::size_t index) const;
  [[nodiscard]] AssignedRelease assigned(Plane plane) const;
  [[nodiscard]] SlotRef slot_ref(const AssignedRelease& release) const;
  void remember(const ReleaseInfo& release);
  [[nodiscard]] const ReleaseInfo* known(Plane plane, const Sha256& manifest) const;
  void clean_slots();

  // --- agent_wait.cpp ---
  enum class WaitPoint : std::uint8_t { fetch, swap };
  void look_at_conditions(const ReadingList& readings);
  [[nodiscard]] bool has_to_wait(WaitPoint point);
  [[nodiscard]] const PlaneChange* kept_waiting(WaitPoint point) const;
  [[nodiscard]] const WaitCondition& condition_of(const PlaneChange& change, WaitPoint point) const;

  // --- agent_shadow.cpp ---
  [[nodiscard]] bool shadows() const { return durable_.attempt.aim == AttemptAim::shadow; }
  [[nodiscard]] bool refuse_shadow();
  [[nodiscard]] bool refuse_idle_shadow();
  [[nodiscard]] bool refuse_hindered_shadow();
  void start_shadow();
  void shadow_timer();
  void end_shadow();

  // --- agent_probation.cpp ---
  void on(const Activated& activated);
  void on(const ProbesPassed& passed);
  void swap_next();
  void run_probes(bool warm);
  [[nodiscard]] Hold hold() const;
  void start_watch();
  void count_watched_time();
  void start_soak();
  void soak_timer();
  void end_soak();
  [[nodiscard]] bool check_due();
  void commit();
  void go_wrong(Plane plane, Fault fault);
  void send_back(const std::vector<Plane>& planes, Fault fault);
  [[nodiscard]] std::optional<Fault> cannot_go_back(Plane plane) const;
  void flip_back();
  void flip_back_failed(const Fault& fault);
  void finish_back();
  void after_activation();

  // --- agent_orders.cpp ---
  void on(const DirectiveArrived& arrived);
  void obey_rollback(const StandingOrder& order);
  void obey_freezes();
  void settle_safe_mode(const std::string& why);
  [[nodiscard]] bool frozen(Plane plane, const Sha256& manifest) const;
  [[nodiscard]] bool updates_paused() const;
  [[nodiscard]] bool safe_mode_ordered() const;
  [[nodiscard]] std::uint64_t directive_epoch() const;

  // --- agent_recovery.cpp ---
  void on(const Readings& readings);
  void load_policy();
  void act(const RecoveryRule& rule);
  void act_in_soak(const RecoveryRule& rule);
  void give_up(const RecoveryRule& rule);
  void latch_safe_mode(const std::string& why);
  void roll_back_release(const std::string& why);

  AgentSetup setup_;
  DurableState durable_;
  bool dirty_ = false;  // durable_ differs from what was last persisted
  bool report_due_ = false;
  bool started_ = false;
  std::vector<Effect>* out_ = nullptr;  // during step()
  std::uint64_t now_ms_ = 0, now_s_ = 0;

  std::vector<ReleaseInfo> releases_;  // manifests at hand: active, previous, and those of the attempt
  std::optional<Assignment> pending_;  // waits for the end of a pause or of the way back
  std::uint64_t last_job_ = 0;
  std::uint64_t job_ = 0;      // the one awaited by the attempt; 0: none
  std::size_t job_index_ = 0;  // which change it works on, or which step back
  bool probing_warm_ = false;  // the awaited job is a probe run of the soak
  std::uint32_t flip_tries_ = 0;
  std::uint64_t flip_retry_ms_ = 0;  // 0: none due
  bool fetching_files_ = false;      // the job in `fetching` is for files, and no manifest
  std::string waits_for_;            // what keeps the attempt from going on; empty: nothing that a release asks for
  std::string said_of_wait_;         // the same without values, when it was last reported
  ReadingList readings_;             // the newest
  std::uint64_t bytes_done_ = 0, bytes_before_ = 0, bytes_total_ = 0;
  std::uint64_t progress_reported_ms_ = 0;
  std::uint64_t soak_mark_ms_ = 0, soak_left_ms_ = 0, soak_check_ms_ = 0, soak_overdue_ms_ = 0;
  std::uint64_t wake_ms_ = 0;
  std::uint64_t judged_from_ms_ =
      0;  // the recovery policy rests until then, one window after going back; 0: it does not
  std::array<Sha256, plane_count> downloaded_{};
  RecoveryPolicy policy_;
};

}  // namespace muster::edge
