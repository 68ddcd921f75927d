#include "rules/condition/rule_standing.h"

namespace muster::rules {

void RuleStanding::rearm(std::uint64_t now_ms) {
  fired_ = gave_up_ = false;
  restarts_ = 0;
  not_false_ms_ = now_ms;
}

void RuleStanding::expect_clear(std::uint64_t now_ms, std::uint64_t window_ms) {
  fired_ = true;
  restarts_ = 1;
  next_restart_ms_ = now_ms + window_ms;
  not_false_ms_ = now_ms;
}

RuleStanding::Next RuleStanding::fire(bool restarts, std::uint64_t now_ms, std::uint64_t window_ms) {
  if (!fired_) {
    fired_ = true;
    restarts_ = 1;
    next_restart_ms_ = now_ms + window_ms;
    return Next::act;
  }
  if (!restarts || gave_up_ || now_ms < next_restart_ms_) return Next::nothing;
  if (restarts_ >= restarts_max) {
    gave_up_ = true;
    return Next::give_up;
  }
  next_restart_ms_ = now_ms + (window_ms << restarts_);
  ++restarts_;
  return Next::act;
}

bool RuleStanding::clear(std::uint64_t now_ms, std::uint64_t window_ms) {
  if (now_ms - not_false_ms_ < window_ms) return false;
  fired_ = gave_up_ = false;
  restarts_ = 0;
  return true;
}

}  // namespace muster::rules
