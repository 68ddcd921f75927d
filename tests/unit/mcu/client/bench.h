// A device around the update machine without a client: what is durable, the bootloader's own decision and the client's
// half of every effect, performed at once or not at all. Power can fail before and after each effect; the device then
// starts again from what was durable. After every step the invariants of a device are checked. One thread, tests only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "mcu-client/ports/posix/nor_flash.h"
#include "mcu-client/src/boot/boot.h"
#include "mcu-client/src/update/machine.h"

namespace muster::mcu::testing {

// Release `number` of a plane; higher numbers have security versions that are as high or higher.
[[nodiscard]] Sha256 release(Plane plane, unsigned number);
[[nodiscard]] std::uint32_t version_of(const Sha256& release);
inline constexpr unsigned nothing = 0;  // as a number: the plane is to be empty

struct Wanted {
  Plane plane;
  unsigned number;
};
[[nodiscard]] Assignment assignment(std::uint64_t epoch, std::initializer_list<Wanted> releases,
                                    std::uint32_t soak_s = 10, Hold hold = Hold::none);
[[nodiscard]] StandingOrder order(OrderKind kind, std::uint64_t epoch, Plane plane = Plane::firmware,
                                  unsigned number = 0);
[[nodiscard]] Directive directive(std::uint8_t scope, std::uint64_t epoch, std::initializer_list<StandingOrder> orders);

class Bench {
 public:
  enum class Job : std::uint8_t { none, fill, verify, checks };

  // With firmware 1 in slot A, nothing else.
  Bench();

  // --- power ---
  void start(ResetCause cause = ResetCause::power_on);
  // Fails at the n-th of the points before and after effects from now (1: the next).
  void cut_power_at(std::uint64_t n) { cut_at_ = points_ + n; }
  [[nodiscard]] std::uint64_t points() const { return points_; }
  // Both banks of the client's settings are damaged, or of the log that it shares with the bootloader.
  void forget_settings();
  void forget_boot_log();
  // Only the newest records of the log are damaged: what was written `steps` times before is read again.
  void recall_settings(std::size_t steps);
  void recall_boot_log(std::size_t steps);
  // The bytes of a slot change without anyone noticing before the next start; `header`: not even its manifest's digest
  // is left.
  void damage(Plane plane, std::uint8_t slot, bool header);

  // --- events ---
  void give(const Assignment& assignment);
  void give(const Directive& directive);
  void give(EventKind kind);
  void policy(RecoveryAction action, bool give_up = false);
  void pass(std::uint64_t ms);
  // What is under way ends well, or with `error`. False when nothing is.
  bool answer(ErrorCode error = ErrorCode::none);
  // Answers, waits and sends what is retained again until nothing moves any more: the attempt has ended, or waits in
  // its hold.
  void settle();
  // It is as far as the hold of its assignment lets it go.
  [[nodiscard]] bool waits() const;

  [[nodiscard]] const UpdateMachine& machine() const { return machine_; }
  [[nodiscard]] const UpdateState& state() const { return machine_.state(); }
  [[nodiscard]] Phase phase() const { return machine_.state().phase; }
  [[nodiscard]] Phase recalled_phase() const { return durable_state_.phase; }  // of the next start
  [[nodiscard]] BootState boot();
  [[nodiscard]] Job job() const { return job_; }
  [[nodiscard]] Plane job_plane() const { return job_plane_; }
  [[nodiscard]] unsigned active(Plane plane) const;  // its number
  [[nodiscard]] unsigned fills() const { return fills_; }
  [[nodiscard]] unsigned starts() const { return starts_; }
  [[nodiscard]] unsigned count(EffectKind kind) const;  // performed since the bench was made
  [[nodiscard]] const Effects& last() const { return last_; }
  [[nodiscard]] std::string story() const;  // for messages of failures

 private:
  void step(Event event);
  void perform(const Effects& effects);
  [[nodiscard]] bool perform(const Effect& effect);
  [[nodiscard]] bool cut();
  [[nodiscard]] bool tell_bootloader(int written);
  void follow_phases(const Effects& effects);
  void check();
  void check_plane(Plane plane);
  [[nodiscard]] bool safe_mode_wanted() const;

  NorFlash nor_;
  Port port_;
  Layout layout_;
  Flash flash_;
  UpdateMachine machine_;
  UpdateState durable_state_;
  Orders durable_orders_;
  std::vector<UpdateState> past_states_;  // the newest that were durable once; likewise the bootloader's
  std::vector<BootState> past_boots_;
  SlotFound slots_[plane_count][slots_per_plane];  // as they are, whatever the machine believes
  std::set<Sha256> committed_;                     // on any plane
  std::uint32_t floors_[plane_count] = {};
  std::vector<Assignment> retained_;
  std::vector<Directive> retained_directives_;
  Job job_ = Job::none;
  Plane job_plane_ = Plane::firmware;
  std::uint8_t job_slot_ = no_slot;
  Phase phase_ = Phase::idle;  // followed by the notes
  std::uint64_t now_ms_ = 1000, points_ = 0, cut_at_ = 0;
  unsigned fills_ = 0, starts_ = 0;
  unsigned counts_[32] = {};
  bool off_ = false;
  bool stopped_ = false;        // this start has ended: reset or cut
  bool committed_now_ = false;  // since the last check
  ResetCause next_cause_ = ResetCause::power_on;
  std::vector<std::string> story_;
  Effects last_;
};

}  // namespace muster::mcu::testing
