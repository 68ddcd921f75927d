// The device's half of a rollout on an MCU: takes events, changes its state, returns effects in order. Pure: no flash,
// clock or network; the same events give the same effects, so that every scenario and every power cut can be replayed
// in a test. The same rules as the Linux agent's (edge-client/agent), for two slots a plane and a firmware that changes
// by a reset. Freestanding C++17, no allocation; one thread.
//
// machine.cpp (start, time, transitions), machine_attempt.cpp (an assignment until its swap), machine_probation.cpp
// (checks, soak, hold, commit, the way back), machine_orders.cpp (directives, safe mode, the recovery policy's
// actions).
#pragma once

#include <cstdint>

#include "mcu-client/src/boot/boot_state.h"
#include "mcu-client/src/update/types.h"

namespace muster::mcu {

// --- events ---

// What a slot holds, as the client found it at its start or after filling it.
struct SlotFound {
  bool intact = false;  // complete, and every digest is right
  Sha256 manifest;      // zero: none, or not readable
  std::uint32_t security_version = 0;
};

struct Started {
  BootState boot;
  bool crashed = false;          // this reset was a watchdog's or a fault's
  bool boot_log_behind = false;  // it counts fewer starts than the settings: its newest records, or all, are lost
  SlotFound slots[plane_count][slots_per_plane];
};

struct Directive {
  std::uint8_t scope = 0;  // index among the device's scopes
  std::uint64_t epoch = 0;
  std::uint64_t issued_s = 0;
  std::uint8_t count = 0;
  bool too_many = false;  // it held more orders than `orders` can
  StandingOrder orders[orders_max];
};

enum class EventKind : std::uint8_t {
  started,  // the first, once: `started`
  tick,     // time passed
  connected,
  assignment,     // `assignment`: signed, for this device, not expired
  directive,      // `directive`: signed, of one of the device's scopes, not expired
  filled,         // of fill: `found` is what the slot holds now
  verified,       // of verify
  failed,         // of fill, verify or checks: `error`, `detail`, `plane`
  checks_passed,  // of checks
  policy,         // the recovery policy asks for `action`; `give_up`: restarts did not help
  policy_clear,   // every condition that had led to an action has been false for a whole window
  healthy,        // the device has run well for a while: crashes before count no more
};

struct Event {
  EventKind kind = EventKind::tick;
  std::uint64_t now_ms = 0;
  std::uint64_t now_s = 0;  // the client's clock or its lower bound
  const Started* started = nullptr;
  const Assignment* assignment = nullptr;
  const Directive* directive = nullptr;
  const SlotFound* found = nullptr;
  ErrorCode error = ErrorCode::none;
  Plane plane = Plane::firmware;
  RecoveryAction action = RecoveryAction::none;
  bool give_up = false;
  const char* detail = "";
};

// --- effects ---

enum class EffectKind : std::uint8_t {
  persist_state,    // durable BEFORE anything that follows in this step
  persist_orders,   // likewise
  fill,             // fetch, verify and write `plane`'s release of the assignment into `slot`; filled or failed answers
  verify,           // whether what the releases require of each other holds; verified or failed answers
  stop_jobs,        // what fill, verify and checks began is over; they do not answer
  request_trial,    // in the boot log: the firmware in `slot`, with the tag `number`; its starts are counted anew
  confirm_trial,    // in the boot log, with the security version `number`; durable BEFORE what follows
  raise_floor,      // in the boot log, to `number`
  switch_active,    // in the boot log: `slot` starts next
  clear_crashes,    // in the boot log, and in what the policy sees: what runs now is not what crashed
  clear_fallbacks,  // in the boot log
  reset,            // nothing follows
  run_checks,       // the boot checks and the probes of the releases in the attempt; `number` 1: again, in the soak
  activated,        // other releases are active: load policy and workload anew
  workload,         // run it as `mode` says; `number` 1: after safe mode, of which no measurement says anything
  restart_workload,
  report,         // a state report is due
  send_evidence,  // an order asks for the last events
  refused,        // an assignment or directive was not taken: `error`, `detail`, for the log and the evidence
  note,           // something happened that evidence should hold: `error` or the phase or state entered
};

enum class WorkloadMode : std::uint8_t { normal, degraded, off };

struct Effect {
  EffectKind kind = EffectKind::report;
  Plane plane = Plane::firmware;
  std::uint8_t slot = no_slot;
  WorkloadMode mode = WorkloadMode::normal;
  ErrorCode error = ErrorCode::none;
  std::uint32_t number = 0;
  const char* detail = "";
};

inline constexpr std::uint32_t effects_max = 24;  // of one step; more would be a bug

struct Effects {
  Effect items[effects_max];
  std::uint32_t count = 0;
};

class UpdateMachine {
 public:
  static constexpr std::uint8_t crashes_max = 3;     // starts after a crash on probation before going back
  static constexpr std::uint8_t crash_loop_max = 5;  // crashes in a row after which the workload stays off

  UpdateMachine() = default;

  // What was made durable before, and the planes that the device has: bit i is plane i. REQUIRES: before the first
  // event.
  void restore(std::uint8_t planes, const UpdateState& state, const Orders& orders);

  // REQUIRES: started is the first event; now_ms never goes back. The effects are those of this event, in order.
  void step(const Event& event, Effects& effects);

  [[nodiscard]] const UpdateState& state() const { return state_; }
  [[nodiscard]] const Orders& orders() const { return orders_; }
  [[nodiscard]] const SlotFound& slot(Plane plane, std::uint8_t slot) const { return slots_[index_of(plane)][slot]; }
  // Zero when the plane is empty.
  [[nodiscard]] const Sha256& active(Plane plane) const;
  // What a rollback would bring back now; no_slot when none may be.
  [[nodiscard]] std::uint8_t way_back(Plane plane) const;
  [[nodiscard]] WorkloadMode mode() const;
  // Whether the recovery policy is to be asked: not while pointers move or checks decide, nor in safe mode.
  [[nodiscard]] bool judging() const;
  [[nodiscard]] bool updates_paused() const;
  [[nodiscard]] std::uint64_t directive_epoch() const;
  [[nodiscard]] bool on_probation() const;
  [[nodiscard]] bool settled() const;
  // The slot of the newest release that is complete: what the attempt has fetched, else the active one; no_slot: none.
  [[nodiscard]] std::uint8_t downloaded(Plane plane) const;
  // When tick has something to do next, at the latest; 0: not by itself.
  [[nodiscard]] std::uint64_t wake_ms() const;

 private:
  // --- machine.cpp ---
  void start(const Started& started);
  [[nodiscard]] bool settle_running(bool boot_log_behind);
  void commit_again();
  [[nodiscard]] bool start_next(std::uint8_t slot);  // false
  void forget_damaged();
  void lose(Plane plane);
  void drop(Plane plane);
  [[nodiscard]] bool damaged(std::uint32_t plane) const;
  [[nodiscard]] bool settle_firmware(bool boot_log_behind);
  void settle_floor();
  void firmware_fell_back();
  void resume();
  void ask_for_trial(std::uint8_t slot);
  [[nodiscard]] bool has(Plane plane) const { return (std::uint32_t{planes_} >> index_of(plane) & 1u) != 0; }
  void forget_crashes();
  [[nodiscard]] bool ends() const;
  [[nodiscard]] const Change* change_of(Plane plane) const;
  void finish_step();
  void enter(Phase phase);
  void set_device(DeviceState state);
  void fail_with(Plane plane, ErrorCode error, const char* detail);
  Effect& emit(EffectKind kind);

  // --- machine_attempt.cpp ---
  void on_assignment(const Assignment& assignment);
  void take_pending();
  void begin(const Assignment& assignment, bool refetching);
  void refuse_shadow();
  [[nodiscard]] bool plan_changes();
  [[nodiscard]] Change plan(const AssignedRelease& release) const;
  void fill_next();
  void on_filled(const SlotFound& found);
  void on_verified();
  void go_on_staged();
  void on_failed(const Event& event);
  void refuse(Plane plane, ErrorCode error, const char* detail);
  void swap();
  [[nodiscard]] const AssignedRelease* assigned(Plane plane) const;

  // --- machine_probation.cpp ---
  void check();
  void on_checks_passed();
  void start_soak();
  void soak();
  void end_soak();
  void renew_trial();
  [[nodiscard]] Hold hold() const;
  [[nodiscard]] bool watched() const;
  void commit();
  void confirm(std::uint8_t slot, std::uint32_t version);
  void go_wrong(Plane plane, ErrorCode error, const char* detail);
  void send_back(std::uint8_t planes, ErrorCode error, const char* detail);
  void arrive_back();
  [[nodiscard]] ErrorCode cannot_go_back(Plane plane) const;

  // --- machine_orders.cpp ---
  void on_directive(const Directive& directive);
  void obey_rollback(const StandingOrder& order);
  void obey_freezes();
  void settle_safe_mode();
  void latch_safe_mode();
  void on_policy(RecoveryAction action, bool give_up);
  void roll_back_release();
  [[nodiscard]] bool frozen(Plane plane, const Sha256& manifest) const;
  [[nodiscard]] bool safe_mode_ordered() const;

  std::uint8_t planes_ = 0;
  UpdateState state_;
  Orders orders_;
  SlotFound slots_[plane_count][slots_per_plane];
  BootState boot_;
  Assignment pending_;      // epoch 0: none. Waits for the end of a pause or of the way back
  Effects* out_ = nullptr;  // during step()
  bool state_dirty_ = false, orders_dirty_ = false, report_due_ = false, confirmed_ = false;
  bool job_ = false;  // fill or checks are under way
  std::uint64_t now_ms_ = 0, now_s_ = 0;
  std::uint64_t soak_mark_ms_ = 0, soak_left_ms_ = 0, soak_check_ms_ = 0, soak_overdue_ms_ = 0;
};

}  // namespace muster::mcu
