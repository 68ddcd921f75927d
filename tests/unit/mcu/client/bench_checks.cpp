// What must hold on every device after every step, whatever happened to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "edge-client/agent/transitions.h"
#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

// The two have other numbers for their one state beside those of the wire.
edge::AttemptPhase on_linux(Phase phase) {
  if (phase == Phase::rolling_back) return edge::AttemptPhase::rolling_back;
  return static_cast<edge::AttemptPhase>(wire_state(phase));
}

// The Linux agent's table has a line from one to the other.
bool may_follow(Phase from, Phase to) {
  const auto [begin, end] = edge::attempt_table();
  return std::any_of(begin, end,
                     [&](const auto& line) { return line.from == on_linux(from) && line.to == on_linux(to); });
}

}  // namespace

// Each change of the phase has a note; each must be a line of the table.
void Bench::follow_phases(const Effects& effects) {
  for (std::uint32_t i = 0; i < effects.count; ++i) {
    if (effects.items[i].kind != EffectKind::note) continue;
    const auto next = static_cast<Phase>(effects.items[i].number);
    story_.push_back("phase " + std::to_string(effects.items[i].number) + " error " +
                     std::to_string(static_cast<unsigned>(effects.items[i].error)));
    ASSERT_TRUE(may_follow(phase_, next)) << static_cast<unsigned>(phase_) << " to " << effects.items[i].number << "\n"
                                          << story();
    phase_ = next;
    if (next != Phase::committed) continue;
    committed_now_ = true;
    for (std::uint32_t plane = 0; plane < plane_count; ++plane)
      committed_.insert(machine_.active(static_cast<Plane>(plane)));
  }
  ASSERT_EQ(phase_, machine_.state().phase) << story();
}

bool Bench::safe_mode_wanted() const {
  const auto& orders = machine_.orders();
  for (std::uint8_t scope = 0; scope < scopes_max; ++scope) {
    std::uint64_t safe = 0;
    std::uint64_t resumed = 0;
    for (std::uint32_t i = 0; i < orders.count; ++i) {
      const auto& standing = orders.orders[i];
      if (standing.scope != scope) continue;
      if (standing.kind == OrderKind::safe_mode) safe = std::max(safe, standing.epoch);
      if (standing.kind == OrderKind::resume) resumed = std::max(resumed, standing.epoch);
    }
    if (safe > resumed) return true;
  }
  return machine_.state().safe_mode_latched;
}

void Bench::check() {
  const auto& now = machine_.state();
  ASSERT_EQ(std::memcmp(&now, &durable_state_, sizeof now), 0) << "not durable\n" << story();
  ASSERT_EQ(std::memcmp(&machine_.orders(), &durable_orders_, sizeof durable_orders_), 0) << story();
  ASSERT_NE(now.phase, Phase::rolling_back) << story();
  ASSERT_EQ(now.device == DeviceState::safe_mode, safe_mode_wanted()) << story();
  ASSERT_EQ(off_, now.device == DeviceState::safe_mode) << story();
  for (std::uint32_t i = 0; i < plane_count; ++i) check_plane(static_cast<Plane>(i));
  committed_now_ = false;
  const auto known = boot();
  const auto& firmware = now.planes[index_of(Plane::firmware)];
  ASSERT_EQ(firmware.active, known.running) << story();
  if (machine_.settled()) {
    ASSERT_EQ(known.active, known.running) << story();
    ASSERT_NE(known.outcome, TrialOutcome::requested) << story();
  }
}

void Bench::check_plane(Plane plane) {
  const auto i = index_of(plane);
  const auto& record = machine_.state().planes[i];
  ASSERT_GE(record.floor, floors_[i]) << story();
  const bool at_start = last_.count != 0 && plane == Plane::firmware && record.floor == boot().security_floor;
  ASSERT_TRUE(record.floor == floors_[i] || committed_now_ || at_start) << story();
  floors_[i] = record.floor;
  if (record.active != no_slot) {
    ASSERT_TRUE(slots_[i][record.active].intact) << "plane " << i << "\n" << story();
    ASSERT_GE(slots_[i][record.active].security_version, record.floor) << "plane " << i << "\n" << story();
  }
  if (record.previous == no_slot) return;
  ASSERT_TRUE(slots_[i][record.previous].intact) << "plane " << i << "\n" << story();
  ASSERT_EQ(committed_.count(slots_[i][record.previous].manifest), 1u) << "plane " << i << "\n" << story();
  ASSERT_TRUE(record.previous != record.active || !machine_.settled()) << "plane " << i << "\n" << story();
}

}  // namespace muster::mcu::testing
