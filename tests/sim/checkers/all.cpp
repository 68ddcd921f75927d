#include "tests/sim/checkers/all.h"

namespace muster::sim {

std::vector<std::unique_ptr<Checker>> make_checkers(const Releases& releases) {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(check_counts());
  all.push_back(check_durable_first());
  all.push_back(check_epochs_grow());
  all.push_back(check_wave_boundary());
  all.push_back(check_halt_means_halt());
  all.push_back(check_halt_comes());
  all.push_back(check_done_is_active());
  all.push_back(check_device_is_truthful());
  all.push_back(check_between_slots());
  all.push_back(check_previous_is_good());
  all.push_back(check_security_floor(releases));
  all.push_back(check_frozen_release());
  all.push_back(check_verdict_has_votes());
  all.push_back(check_frozen_segment());
  all.push_back(check_no_advance_on_inconclusive());
  all.push_back(check_audit_record());
  all.push_back(check_exits_have_reasons());
  all.push_back(check_pace_holds());
  all.push_back(check_rehearsal_first());
  all.push_back(check_nothing_passes_a_hold());
  all.push_back(check_a_shadow_switches_nothing());
  all.push_back(check_higher_goes_first());
  all.push_back(check_conditions_are_waited_for(releases));
  all.push_back(check_standing_orders());
  all.push_back(check_ends_or_names());
  all.push_back(check_same_after_restart());
  return all;
}

}  // namespace muster::sim
