// One simulated world: the rollout engine, the devices of a described fleet, and an operator who approves. Only
// simulation.h's functions use it. One thread.
//   world.cpp          time, events into the engine, effects out of it, the end
//   world_devices.cpp  what a device does with an assignment, and its link
//   world_shadow.cpp   the same of a rollout that switches nothing
//   world_health.cpp   when a device sends a health summary
//   world_result.cpp   what is told of the run
//
// What is left out against a real fleet, because it changes nothing that the engine decides or only its cost: most
// reports in the middle of an attempt, and health summaries that repeat what is known. A device sends one summary for
// the time before its update, anew every few hours while it waits; then one after its interval, so that a bad state
// shows at once, and one for each observation, or as many as it takes for its silence not to vote. They say what the
// many between them would have said.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/engine.h"
#include "rules/simulate/agenda.h"
#include "rules/simulate/draws.h"
#include "rules/simulate/measuring.h"
#include "rules/simulate/simulation.h"
#include "rules/simulate/timeline.h"

namespace muster::rules {

using PlaneBits = std::uint8_t;  // set: the plane has the rule's release; else what it had before

struct SimulatedDevice {
  std::uint32_t assigned_epoch = 0, attempt_epoch = 0;  // what the broker wants, and what it works on
  std::uint32_t soak_s = 0;                             // of its assignment
  // When it does something next, 0: nothing. Entries of the agenda with other times have been overtaken.
  std::uint32_t step_at_s = 0, health_at_s = 0, link_at_s = 0, later_at_s = 0;
  std::uint32_t fetch_left_s = 0;  // of a download that a lost link has interrupted
  std::uint32_t committed_s = 0;   // since when it has the rule's releases for good, or in the shadow; 0: it has not
  std::uint32_t measured_s = 0;    // the end of its last summary's window
  std::uint32_t seq = 0;
  std::uint32_t label = 0;
  std::uint16_t group = 0;
  std::uint16_t links = 0;      // changes of its link so far
  std::uint16_t summaries = 0;  // since it committed, up to 65,535
  FaultBits faults = 0;         // that hit it where they apply
  AttemptState attempt = AttemptState::idle;
  DeviceState state = DeviceState::healthy;
  std::uint8_t attempts = 0;
  std::uint8_t error = 0;  // 0: none; 1: its own; from 2 on: of a fault
  PlaneBits wanted = 0, active = 0, previous = 0;
  HoldPoint hold : 2 = HoldPoint::none;  // of its assignment
  bool same : 1 = false;                 // it names what the attempt at work is about
  bool online : 1 = true, hung : 1 = false, target : 1 = false;
  bool fails : 1 = false;   // the attempt at work will
  bool shadow : 1 = false;  // what it wants is to run beside what is active
  bool ran : 1 = false, harmed : 1 = false, counted : 1 = false;
};
static_assert(sizeof(SimulatedDevice) <= 80, "a million of them are kept beside the engine's own");

class World {
 public:
  // Both must outlive the world.
  World(const Simulation& simulation, const FleetIds& ids, std::uint64_t seed);
  [[nodiscard]] RunResult run();

 private:
  using Number = FleetIds::Number;
  using Kind = Agenda::Kind;

  // --- world.cpp ---
  void populate();
  [[nodiscard]] FaultBits faults_of(Number device, std::string_view id, std::string_view facts) const;
  void start();
  void live();
  void happen(const Agenda::Entry& entry);
  void tell(const Event& event);
  void tell_now(decltype(Event::what) what);
  void take(const Assign& assign);
  [[nodiscard]] static bool is_under_way(AttemptState attempt);  // world_devices.cpp, as the next two
  bool goes_on(Number device);
  void wait_in(Number device, AttemptState hold);
  void take(const Audit& audit);
  void look_at_status();
  [[nodiscard]] bool is_vote_awaited(const RolloutStatus& status) const;
  void approve();
  [[nodiscard]] bool over();
  [[nodiscard]] bool somebody_comes_back() const;
  [[nodiscard]] std::uint64_t quiet_s() const;

  // --- world_devices.cpp ---
  void begin(Number device);
  void step(Number device);
  void activate(Number device);
  void finish(Number device);
  void later(Number device);
  void plan_later(Number device);
  void change_link(Number device);
  void come_back(Number device);
  void put_back(Number device, std::uint8_t error);
  void report(Number device);
  void set_step(Number device, std::uint64_t at_s);
  void set_later(Number device, std::uint64_t at_s);
  void meet_faults(Number device);
  [[nodiscard]] FaultBits at_work(const SimulatedDevice& device) const;
  [[nodiscard]] bool has_kind(FaultBits bits, Fault::Kind kind) const;  // one of these faults is of it
  [[nodiscard]] bool has_release_of(const SimulatedDevice& device, const Fault& fault) const;
  [[nodiscard]] const LinkQuality& link_of(const SimulatedDevice& device) const;
  [[nodiscard]] std::uint64_t until_link_changes_s(Number device);

  // --- world_shadow.cpp ---
  void begin_shadow(Number device);
  void end_shadow(Number device, bool failed);
  void shadow_later(Number device);
  void read_shadow(const Measuring::Who& who, Readings& readings) const;

  // --- world_health.cpp ---
  void plan_first_summary(Number device);
  void plan_summary(Number device, std::uint64_t at_s);
  void summarise(Number device);
  [[nodiscard]] std::uint64_t observation_s(const SimulatedDevice& device) const;

  // --- world_result.cpp ---
  void prepare_result();
  void complete_result();
  void note_assigned(Number device);
  [[nodiscard]] std::uint64_t since_start_s() const { return now_s_ - start_s; }
  // As the agenda has it; what lies beyond is never.
  [[nodiscard]] static std::uint32_t moment(std::uint64_t at_s) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(at_s, UINT32_MAX));
  }

  // SimulatedDevice::error.
  static constexpr std::uint8_t own_error = 1, fault_error = 2;

  // Times in the world are Unix seconds. Devices have been there for a while when the rollout starts.
  static constexpr std::uint64_t start_s = simulated_start_s, settled_s = 3'600;
  // A broker ticks each second. Only pace counts seconds; for what else comes in time ten are as good.
  [[nodiscard]] std::uint64_t tick_every_s() const { return simulation_.rule.pace.any() ? 1 : 10; }

  const Simulation& simulation_;
  const FleetIds& ids_;
  Draws draws_;
  Measuring measuring_;
  Engine engine_;
  std::vector<Effect> effects_;
  std::vector<SimulatedDevice> devices_;
  Agenda agenda_;
  Event report_{0, DeviceReport()}, health_{0, DeviceHealth()};  // made anew from the old one, without allocating
  std::array<Sha256, plane_count> before_{}, release_{};         // what each plane has, and what the rule gives it
  PlaneBits rule_planes_ = 0;
  std::uint64_t observe_s_ = 0;  // the shortest observation of a guardrail; 0: there is none
  std::uint64_t silent_s_ = 0;   // the shortest time after which silence votes
  std::uint64_t now_s_ = start_s - settled_s;
  std::uint64_t asked_s_ = 0, approve_at_s_ = 0;  // what waits for the operator has done so since, and gets it then
  std::uint64_t progress_s_ = start_s;            // when something last happened that is not a measurement or a link
  std::uint64_t late_fault_s_ = 0;                // when a fault last began on a device that had committed
  std::uint32_t working_ = 0;                     // devices with a step or a later fault before them
  Timeline timeline_;
  RunResult result_;
};

}  // namespace muster::rules
