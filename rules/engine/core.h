// The engine's state and everything that changes it. Engine (engine.h) is its public face; nobody else includes this.
// One file of functions a concern:
//   core.cpp         events in, effects out, in the order effect.h asks for
//   reports.cpp      what devices say; what time does to them
//   deadlines.cpp    how long an attempt may take and a device be away
//   health.cpp       what they measure, and when silence says something
//   verdicts.cpp     what follows from the verdicts of guardrails
//   cohorts.cpp      who is a target, which wave a device belongs to, filling a wave
//   assignments.cpp  which rollout may have a device; assigning and taking back
//   rehearsal.cpp    devices that take the release, go back and take it again before anybody else
//   turns.cpp        whose turn it is at a rollout's pace
//   retries.cpp      attempts that failed and are tried again
//   windows.cpp      who waits for a maintenance window
//   waves.cpp        gates, halt, completion: the states of a rollout, as a table
//   start.cpp, commands.cpp  what operators ask for
//   sentences.cpp    the status, and the sentence that says what a rollout waits for
//   exclude.cpp      whom operators take out of a rollout, and let in again
//   ways_back.cpp    what ends the way back of a device, or of all, when they do not get there
//   override.cpp     releases that operators give to single devices
//   requirements.cpp  what releases that run on other planes ask of one that comes, or comes back
//   eligibility.cpp  which devices can run a rollout's releases, and how far their states let it go
//   holds.cpp        waves whose devices hold before the swap or the commit, and what lets them go on
//   priorities.cpp   rollouts of higher priority, and the devices that they take from others
//   shadow.cpp       rollouts that switch nothing, and what their devices measure
//   why.cpp          why one device has, or has not, what a rollout would give it
//   persist.cpp, restore.cpp  records out and in
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/condition/program.h"
#include "rules/engine/failure_cause.h"
#include "rules/engine/fleet.h"
#include "rules/engine/fleet_fit.h"
#include "rules/engine/judge.h"
#include "rules/engine/members.h"
#include "rules/engine/orders.h"
#include "rules/engine/overrides.h"
#include "rules/engine/rollout.h"
#include "rules/engine/timers.h"
#include "rules/engine/turn.h"

namespace muster::rules {

class Core {
 public:
  Core() : members_(fleet_) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  [[nodiscard]] std::string restore(const std::vector<std::pair<std::string, std::string>>& records);
  void step(const Event& event, std::vector<Effect>& effects);

  [[nodiscard]] std::vector<std::string> rollouts() const;
  [[nodiscard]] const Rollout* rollout(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> devices() const;
  [[nodiscard]] bool device(std::string_view id, DeviceStatus& status) const;
  void republish(std::vector<Effect>& effects) const;
  [[nodiscard]] std::string check() const;
  [[nodiscard]] bool wants_health(std::string_view id) const;
  [[nodiscard]] std::vector<DeviceReason> why(std::string_view id) const;
  [[nodiscard]] FleetFit fit(const StartRollout& body) const;  // eligibility.cpp
  [[nodiscard]] FleetFit unfit_for(std::string_view name) const;
  [[nodiscard]] ReleaseUses uses(const Sha256& manifest) const;
  [[nodiscard]] std::uint64_t stale_reports() const { return stale_reports_; }
  [[nodiscard]] const Troubles& troubles() const { return troubles_; }

 private:
  using Claims = std::vector<Rollout*>;

  // --- core.cpp ---
  void start();
  void flush(std::vector<Effect>& effects);
  void flush_records(std::vector<Effect>& effects);
  void settle_all();
  [[nodiscard]] Rollout* by_number(std::uint32_t number) const;
  // Rollouts that serve devices, strongest claim first: active ones before completed ones, those by priority, newer
  // before older.
  [[nodiscard]] Claims claims() const;
  void mark_persist(DeviceIndex index);
  void mark_assign(DeviceIndex index);
  [[nodiscard]] Assign assignment_of(DeviceIndex index) const;

  // --- reports.cpp ---
  void on(const DeviceReport& report);
  void learn_directive_epoch(const DeviceReport& report);
  void judge_all(DeviceIndex index);  // what its newest report means to the rollouts it is in
  void on(const DeviceSeen& seen);
  void on(const DeviceLost& lost);
  void on(const Tick& tick);
  void apply(MemberIndex index, Judgement judgement, std::string_view who);
  void fail(MemberIndex index, const Judgement& judgement, std::string_view who);
  void recover(MemberIndex index);
  void forget_failure(MemberIndex index, const std::string& why);

  // --- deadlines.cpp ---
  [[nodiscard]] std::uint64_t deadline_of(MemberIndex index) const;  // 0: none
  [[nodiscard]] std::uint64_t away_s(const Member& member) const;    // when one that is lost counts as unreachable
  [[nodiscard]] std::uint64_t counts_from_s(MemberIndex index) const;
  void leave_out_absence(MemberIndex index, std::uint64_t lost_s);
  void no_longer_idle(MemberIndex index);
  [[nodiscard]] bool is_missed(const Member& member) const;
  void arm(MemberIndex index);
  void expire(MemberIndex index);
  [[nodiscard]] Standing in_work(MemberIndex index) const;  // assigned, retrying, reverting, rehearsing or unreachable

  // --- health.cpp ---
  void on(const DeviceHealth& health);
  [[nodiscard]] static bool judges_health(const Member& member);
  [[nodiscard]] WatchIndex watch_of(MemberIndex index);
  void measure(MemberIndex index, const DeviceHealth& health);
  [[nodiscard]] std::uint64_t silent_since_s(const Member& member) const;
  void expire_silence(MemberIndex index);
  void voted(MemberIndex index);

  // --- verdicts.cpp ---
  void act_on_verdicts(Rollout& rollout);
  void follow_fail(Rollout& rollout, std::size_t guardrail, std::uint16_t segment);
  void freeze_segment(Rollout& rollout, std::size_t guardrail, std::uint16_t segment);
  [[nodiscard]] bool has_brought(const Rollout& rollout, std::size_t plane) const;
  void freeze_releases(Rollout& rollout, const std::string& why, bool only_brought);
  [[nodiscard]] std::uint64_t baseline_until_s(const Rollout& rollout) const;  // 0: nothing is compared
  [[nodiscard]] bool guards_open(Rollout& rollout);
  void note_waivers(Rollout& rollout);
  void halt_for(Rollout& rollout, const std::string& why);

  // --- eligibility.cpp ---
  void on(const ReleaseReach& reach);
  [[nodiscard]] bool versions_matter() const;  // some rollout asks for those of other planes
  [[nodiscard]] bool is_target(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] bool fits(const std::vector<KnownRelease>& releases, const std::vector<Sha256>& contrary,
                          DeviceIndex index) const;
  [[nodiscard]] UnfitDevice unfit(const std::vector<KnownRelease>& releases, const std::vector<Sha256>& contrary,
                                  DeviceIndex index) const;
  [[nodiscard]] FleetFit unfit_for(const Rule& rule, const std::vector<KnownRelease>& releases,
                                   const Rollout* running) const;
  [[nodiscard]] std::uint32_t without_site(const Rule& rule, const std::vector<DeviceIndex>& targets) const;
  [[nodiscard]] bool is_outside(const Rollout& rollout, MemberIndex index) const;  // the ring that opens next
  void look_outside_ring(Rollout& rollout);
  void note_outside_ring(Rollout& rollout, MemberIndex index);
  [[nodiscard]] const KnownRelease* held_by_state(const Rollout& rollout) const;  // what keeps its wave from opening

  // --- requirements.cpp ---
  // What is kept of a release for as long as something names it.
  struct Known {
    std::string text, version;  // "reader@2", "2"
    Plane plane = Plane::model;
    std::uint32_t security_version = 0;
    std::array<std::string, plane_count> version_min;  // that it needs of the other planes
  };
  [[nodiscard]] static Known known_of(const KnownRelease& release);
  void know_releases();
  void learn_releases();
  [[nodiscard]] std::vector<Sha256> contrary_to(const std::vector<KnownRelease>& releases) const;
  [[nodiscard]] const Known* contrary_on(const std::vector<Sha256>& contrary, DeviceIndex index) const;
  [[nodiscard]] std::string describe_contrary(const Known& asks, const std::vector<KnownRelease>& releases) const;
  [[nodiscard]] std::string fault_of_requirements(const Member& member, std::size_t plane) const;

  // --- cohorts.cpp ---
  [[nodiscard]] bool matches(ByteView program, DeviceIndex index) const;
  [[nodiscard]] CohortKey key_of(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] std::uint8_t wave_of(const Rollout& rollout, DeviceIndex index) const;  // no_wave: none open for it
  void reconsider(DeviceIndex index);
  void leave_or_stay(DeviceIndex index, const Claims& rollouts);
  void join(Rollout& rollout, DeviceIndex index);
  void fill_wave(Rollout& rollout);
  [[nodiscard]] std::vector<MemberIndex> pick_ring(Rollout& rollout);
  [[nodiscard]] std::vector<MemberIndex> pick_share(Rollout& rollout);

  // --- assignments.cpp ---
  // Whether a rollout may have a device's planes: now, perhaps later, or never. The worst plane decides.
  enum class Claim : std::uint8_t { free, held, lost };
  [[nodiscard]] Claim claim_on(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] Claim claim_on_plane(const Rollout& rollout, DeviceIndex index, std::uint32_t holder) const;
  [[nodiscard]] bool is_given_back(const Rollout& rollout, const Rollout* holder, DeviceIndex index) const;
  bool try_assign(MemberIndex index, bool its_turn = false);
  void leave_behind_what_failed(const Rollout& rollout, DeviceIndex index);
  void take_from_others(const Rollout& rollout, DeviceIndex index);
  void depart(MemberIndex index);
  void retry_unassigned(Rollout& rollout);
  void offer_devices_of(const Rollout& ended);
  void withdraw(MemberIndex index);
  [[nodiscard]] static Sequence reversed(const Rollout& rollout);
  [[nodiscard]] std::string fault_of_return(const Member& member, std::size_t plane) const;
  [[nodiscard]] std::string fault_of_prior(const Member& member, std::size_t plane) const;  // … whatever others run
  void issue(DeviceIndex index, MemberIndex member, Sequence sequence, std::uint64_t soak_s);
  void give(DeviceIndex index, std::uint32_t cause, Sequence sequence, std::uint64_t soak_s);
  [[nodiscard]] std::uint64_t next_epoch_of(DeviceIndex index) const;

  // --- holds.cpp ---
  [[nodiscard]] HoldPoint hold_for(DeviceIndex index) const;
  [[nodiscard]] bool is_held_back(const Member& member) const;
  [[nodiscard]] bool is_yet_to_hold(const Member& member) const;
  bool tell_hold(MemberIndex index);
  void note_holding(MemberIndex index);
  void leave_out_what_holds(DeviceIndex index, const Rollout& goes_back);
  void leave_out(MemberIndex index);
  [[nodiscard]] std::string hold_sentence(const Rollout& rollout) const;
  [[nodiscard]] std::string why_holding(const Member& member) const;

  // --- shadow.cpp ---
  [[nodiscard]] const Rollout* at_work_beside(const Rollout& rollout, DeviceIndex index) const;
  void end_shadows(DeviceIndex index, std::uint32_t cause);
  void offer_to_others(DeviceIndex index);
  void note_shadowing(MemberIndex index);
  void note_conditions(MemberIndex index);

  // --- priorities.cpp ---
  [[nodiscard]] static bool outranks(const Rollout& rollout, const Rollout& other);
  [[nodiscard]] const Rollout* outranked_by(const Rollout& rollout, DeviceIndex index) const;
  void supersede(MemberIndex index, const Rollout& by);
  void rules_out(MemberIndex index);
  void inherit_prior(MemberIndex index, const Rollout& by);
  [[nodiscard]] bool has_remains(const Member& member) const;
  void take_up_remains(MemberIndex index);
  void redirect_ways_back(MemberIndex index);
  void leave_unreached(MemberIndex index);
  std::string take_precedence(const Rollout& rollout);
  void note_superseded();
  // --- rehearsal.cpp ---
  [[nodiscard]] bool has_to_go_back(const Member& member) const;
  void await_rehearsal(MemberIndex index, Rehearsal stage, const std::string& why_recovered);
  void rehearse_back(MemberIndex index);
  void rehearse_forth(MemberIndex index);
  bool go_on_rehearsing(MemberIndex index, bool its_turn = false);
  bool fail_who_cannot_go_back(Rollout& rollout);
  void resume_rehearsals(Rollout& rollout);
  void leave_rehearsal(MemberIndex index);
  [[nodiscard]] std::string fault_of_rehearsal(const Member& member) const;
  [[nodiscard]] std::optional<Hold> hold_of(const Member& member) const;
  [[nodiscard]] std::uint32_t count_going_back(const Rollout& rollout) const;
  [[nodiscard]] std::string rehearsal_sentence(const Rollout& rollout) const;
  [[nodiscard]] static std::string rehearsal_of(const Member& member);
  [[nodiscard]] std::string why_rehearsing(MemberIndex index) const;

  // --- waves.cpp ---
  void set_state(Rollout& rollout, RolloutState state);
  void settle(Rollout& rollout);
  void settle_state(Rollout& rollout);
  void settle_waves(Rollout& rollout);
  void open_wave(Rollout& rollout);
  void close_wave(Rollout& rollout);
  void await_approval(Rollout& rollout);
  void halt(Rollout& rollout);
  void complete(Rollout& rollout);
  void finish_abort(Rollout& rollout);
  void reopen_if_empty(Rollout& rollout);
  [[nodiscard]] bool wave_healthy(const Rollout& rollout) const;

  // --- start.cpp, commands.cpp: each returns what to reply ---
  struct Answer {
    bool ok = false;
    std::string message;
    std::string subject;  // for the audit entry of a refusal
  };
  void on(const Command& command);
  [[nodiscard]] Answer run(const Command& command, const StartRollout& body);
  [[nodiscard]] Answer run(const Command& command, const ApproveWave& body);
  [[nodiscard]] Answer run(const Command& command, const PauseRollout& body);
  [[nodiscard]] Answer run(const Command& command, const ResumeRollout& body);
  [[nodiscard]] Answer run(const Command& command, const ReleaseHold& body);  // holds.cpp
  [[nodiscard]] Answer run(const Command& command, const HoldWave& body);
  [[nodiscard]] Answer run(const Command& command, const ChangePace& body);  // turns.cpp
  [[nodiscard]] Answer run(const Command& command, const AbortRollout& body);
  [[nodiscard]] Answer run(const Command& command, const GiveOrder& body);
  [[nodiscard]] Answer run(const Command& command, const StopGroup& body);  // exclude.cpp, as the next three
  [[nodiscard]] Answer run(const Command& command, const ContinueGroup& body);
  [[nodiscard]] Answer run(const Command& command, const CancelDevice& body);
  [[nodiscard]] Answer run(const Command& command, const ReadmitDevice& body);
  [[nodiscard]] Answer run(const Command& command, const OverrideDevice& body);  // override.cpp, as the next
  [[nodiscard]] Answer run(const Command& command, const ClearOverride& body);
  [[nodiscard]] std::string fault_of_start(const StartRollout& body) const;
  [[nodiscard]] std::string conflict_of_start(const StartRollout& body, const std::vector<DeviceIndex>& targets) const;
  [[nodiscard]] std::vector<DeviceIndex> targets_of(const StartRollout& body) const;
  [[nodiscard]] bool make_room(std::string_view who);
  Rollout& create(const Command& command, const StartRollout& body);
  void adopt(std::unique_ptr<Rollout> rollout);
  void acknowledge(Rollout& rollout);
  std::string abort(Rollout& rollout, bool revert, const std::string& who, const std::string& why,
                    const std::string& cited = {});
  [[nodiscard]] Rollout* find_rollout(std::string_view name) const;

  // --- turns.cpp ---
  void wait_for_turn(MemberIndex index);
  bool take_turn(MemberIndex index, bool its_turn);
  void change_site(DeviceIndex index);
  void offer_turns(Rollout& rollout);
  void resume_waiting(Rollout& rollout);
  void count_last_minute(Rollout& rollout);
  void line_up_again(Rollout& rollout);

  // --- ways_back.cpp ---
  [[nodiscard]] bool has_let_go(const Rollout& rollout, DeviceIndex index) const;
  bool leave_as_it_is(MemberIndex index);
  [[nodiscard]] Answer end_way_back(const Command& command, const CancelDevice& body, Rollout& rollout);
  [[nodiscard]] Answer end_ways_back(const Command& command, Rollout& rollout);

  // --- exclude.cpp ---
  [[nodiscard]] bool is_stopped(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] bool is_out_of(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] Rollout* find_serving(const std::string& name, Answer& answer) const;
  void review_stop(MemberIndex index);
  void begin_anew(MemberIndex index);
  void take_out(MemberIndex index, bool revert);
  void offer_freed();
  void settle_and_offer_freed();
  void fill_in_for_stopped(Rollout& rollout);
  [[nodiscard]] std::string standing_text(MemberIndex index) const;

  // --- override.cpp ---
  [[nodiscard]] std::string overridden(const std::vector<KnownRelease>& releases, DeviceIndex index) const;
  [[nodiscard]] std::string fault_of_override(DeviceIndex index, const KnownRelease& release) const;
  [[nodiscard]] std::string fault_of_members(DeviceIndex index, std::size_t overridden_plane) const;
  void leave_for_override(DeviceIndex index, std::size_t plane);
  [[nodiscard]] std::vector<DeviceOverride> overrides_of(DeviceIndex index) const;
  void flush_overrides(std::vector<Effect>& effects) const;

  // --- retries.cpp ---
  [[nodiscard]] bool wait_to_retry(MemberIndex index, const Judgement& judgement, std::string_view who);
  [[nodiscard]] bool may_try_again(MemberIndex index, bool its_turn);
  bool try_again(MemberIndex index, bool its_turn = false);
  void give_up(MemberIndex index);
  [[nodiscard]] std::uint64_t retry_due_s(MemberIndex index) const;  // 0: something else has to happen first
  void resume_retries(Rollout& rollout);
  void line_up_retries(Rollout& rollout);
  [[nodiscard]] std::string retrying_sentence(const Rollout& rollout) const;
  [[nodiscard]] std::string unmet_sentence(const Rollout& rollout) const;
  [[nodiscard]] std::string why_retrying(MemberIndex index) const;

  // --- windows.cpp ---
  [[nodiscard]] Zone zone_of_device(const Member& member) const;
  [[nodiscard]] bool may_go(MemberIndex index, bool its_turn);
  void go_on_in_window(DeviceIndex index);
  void await_window(MemberIndex index, Zone zone, std::uint64_t opens_s);
  void await_no_window(MemberIndex index);
  [[nodiscard]] bool waits_in_zone(const Rollout& rollout, MemberIndex index, Zone zone) const;
  bool open_windows(Rollout& rollout);  // true when one has
  void resume_windows(Rollout& rollout);
  [[nodiscard]] static std::string window_sentence(const Rollout& rollout);
  [[nodiscard]] std::string why_window(const Member& member) const;

  // --- sentences.cpp ---
  [[nodiscard]] bool sentence_can_wait(const Rollout& rollout, std::uint32_t targets) const;
  [[nodiscard]] bool refresh_status(Rollout& rollout) const;  // true when people see a difference
  [[nodiscard]] std::string waiting_for(const Rollout& rollout) const;
  [[nodiscard]] std::string wave_waits_for(const Rollout& rollout) const;
  [[nodiscard]] std::string frozen_sentence(const Rollout& rollout) const;
  [[nodiscard]] std::string idle_sentence(const Rollout& rollout) const;
  [[nodiscard]] std::string held_sentence(const Rollout& rollout, const std::string& wave) const;
  [[nodiscard]] std::string name_some(const Rollout& rollout, std::size_t wave, Standing standing) const;

  // --- why.cpp ---
  [[nodiscard]] std::string why_outside(const Rollout& rollout, DeviceIndex index) const;
  [[nodiscard]] std::string why_not_reached(MemberIndex index) const;
  [[nodiscard]] std::string why_in_no_wave(MemberIndex index) const;
  [[nodiscard]] std::string why_at_work(const Member& member) const;
  [[nodiscard]] std::string why_reached(MemberIndex index) const;
  [[nodiscard]] std::string why_excluded(const Member& member) const;
  [[nodiscard]] std::string why_failed(const Member& member) const;

  // --- persist.cpp ---
  [[nodiscard]] std::string device_record(DeviceIndex index) const;
  [[nodiscard]] static std::string rollout_record(const Rollout& rollout);
  [[nodiscard]] static std::string rule_record(const Rollout& rollout);
  [[nodiscard]] std::string engine_record() const;

  // --- restore.cpp ---
  [[nodiscard]] bool restore_engine(std::string_view value, std::uint64_t& rollouts);
  [[nodiscard]] bool restore_rule(std::string_view key, std::string_view value);
  [[nodiscard]] bool restore_rollout(std::string_view key, std::string_view value, std::vector<std::string>& seen);
  [[nodiscard]] bool restore_device(std::string_view key, std::string_view value);
  [[nodiscard]] bool restore_device_fields(Device& device, ByteReader& in, const std::vector<Handle>& digests);
  [[nodiscard]] bool restore_members(DeviceIndex index, ByteReader& in, const std::vector<Handle>& digests);
  void restore_controls();
  [[nodiscard]] std::string restore_all(const std::vector<std::pair<std::string, std::string>>& records);

  Fleet fleet_;
  Members members_;
  Orders orders_;
  Overrides overrides_;
  Timers timers_;
  std::map<std::uint32_t, std::unique_ptr<Rollout>> rollouts_;  // by number: by start
  std::map<Sha256, Known> known_;                               // every release that a rollout or an override names
  std::uint32_t last_number_ = 0;                               // of the newest rollout
  std::uint64_t directive_epoch_ = 0;                           // over all scopes; only grows
  bool started_ = false;                                        // an event has come
  std::uint64_t started_s_ = 0;  // time of the first event after a start: links are unknown before it
  std::uint64_t stale_reports_ = 0;
  Troubles troubles_;
  bool to_refresh_ = false;  // some rollout was touched in this step
  Turn turn_;
};

}  // namespace muster::rules
