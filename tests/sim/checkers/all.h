// The checkers, one function and one file each. Pure; called once a world.
#pragma once

#include <memory>

#include "tests/sim/checker.h"

namespace muster::sim {

[[nodiscard]] std::unique_ptr<Checker> check_wave_boundary();
[[nodiscard]] std::unique_ptr<Checker> check_halt_means_halt();
[[nodiscard]] std::unique_ptr<Checker> check_halt_comes();
[[nodiscard]] std::unique_ptr<Checker> check_done_is_active();
[[nodiscard]] std::unique_ptr<Checker> check_device_is_truthful();
[[nodiscard]] std::unique_ptr<Checker> check_between_slots();
[[nodiscard]] std::unique_ptr<Checker> check_previous_is_good();
[[nodiscard]] std::unique_ptr<Checker> check_security_floor(const Releases& releases);
[[nodiscard]] std::unique_ptr<Checker> check_same_after_restart();
[[nodiscard]] std::unique_ptr<Checker> check_audit_record();
[[nodiscard]] std::unique_ptr<Checker> check_epochs_grow();
[[nodiscard]] std::unique_ptr<Checker> check_frozen_release();
[[nodiscard]] std::unique_ptr<Checker> check_durable_first();
[[nodiscard]] std::unique_ptr<Checker> check_standing_orders();
[[nodiscard]] std::unique_ptr<Checker> check_counts();
[[nodiscard]] std::unique_ptr<Checker> check_ends_or_names();
[[nodiscard]] std::unique_ptr<Checker> check_frozen_segment();
[[nodiscard]] std::unique_ptr<Checker> check_no_advance_on_inconclusive();
[[nodiscard]] std::unique_ptr<Checker> check_verdict_has_votes();
[[nodiscard]] std::unique_ptr<Checker> check_exits_have_reasons();
[[nodiscard]] std::unique_ptr<Checker> check_pace_holds();
[[nodiscard]] std::unique_ptr<Checker> check_rehearsal_first();
[[nodiscard]] std::unique_ptr<Checker> check_nothing_passes_a_hold();
[[nodiscard]] std::unique_ptr<Checker> check_a_shadow_switches_nothing();
[[nodiscard]] std::unique_ptr<Checker> check_higher_goes_first();
[[nodiscard]] std::unique_ptr<Checker> check_conditions_are_waited_for(const Releases& releases);

}  // namespace muster::sim
