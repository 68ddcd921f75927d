// Directives: the standing orders of every scope that this device belongs to, as a union.
#include <algorithm>
#include <utility>

#include "edge-client/agent/agent.h"

namespace muster::edge {
namespace {

// Within one scope the later of safe_mode and resume counts.
bool orders_safe_mode(const ScopeRecord& record) {
  std::uint64_t safe = 0;
  std::uint64_t resumed = 0;
  bool any = false;
  for (const auto& order : record.orders) {
    if (order.kind == OrderKind::safe_mode) {
      safe = std::max(safe, order.epoch);
      any = true;
    }
    if (order.kind == OrderKind::resume) resumed = std::max(resumed, order.epoch);
  }
  return any && safe > resumed;
}

// " by alice: reads nothing", as far as the order says so.
std::string words_of(const StandingOrder& order) {
  return (order.by.empty() ? "" : " by " + order.by) + (order.reason.empty() ? "" : ": " + order.reason);
}

}  // namespace

void Agent::on(const DirectiveArrived& arrived) {
  const auto& directive = arrived.directive;
  const auto subject = "directive " + std::to_string(directive.epoch) + " of " + directive.scope;
  if (std::find(setup_.scopes.begin(), setup_.scopes.end(), directive.scope) == setup_.scopes.end()) {
    out_->push_back(Refusal{ErrorCode::wrong_device, subject + ": this device is not in that scope"});
    return;
  }
  auto& scopes = durable_.scopes;
  auto record =
      std::find_if(scopes.begin(), scopes.end(), [&](const ScopeRecord& r) { return r.scope == directive.scope; });
  if (record == scopes.end()) {
    scopes.push_back({directive.scope, 0, {}});
    record = std::prev(scopes.end());
  }
  if (directive.epoch < record->epoch) {
    out_->push_back(Refusal{ErrorCode::replayed, subject + " is older than " + std::to_string(record->epoch)});
    return;
  }
  if (directive.epoch == record->epoch) {
    if (directive.orders != record->orders)
      out_->push_back(Refusal{ErrorCode::replayed, subject + " was taken before with other orders"});
    return;
  }
  const auto obeyed_until = std::exchange(record->epoch, directive.epoch);
  record->orders = directive.orders;
  durable_.newest_signed_s = std::max(durable_.newest_signed_s, directive.issued_s);
  dirty_ = report_due_ = true;
  note(NoteLevel::info, subject + " taken: " + std::to_string(directive.orders.size()) + " standing orders");

  obey_freezes();
  for (const auto& order : directive.orders) {
    const bool is_new = order.epoch > obeyed_until;
    if (order.kind == OrderKind::rollback && is_new) obey_rollback(order);
    if (order.kind == OrderKind::send_evidence && is_new) {
      note(NoteLevel::info, "evidence was asked for" + words_of(order) + "; this agent keeps none and sends none");
    }
    if (order.kind == OrderKind::resume && order.epoch > durable_.safe_mode_latched_epoch)
      durable_.safe_mode_latched = false;
  }
  dirty_ = true;
  settle_safe_mode("directive of " + directive.scope);
  take_pending();
}

// A rollback order is obeyed once, when it is first seen: it speaks of what was active then. What an operator assigns
// later stays.
void Agent::obey_rollback(const StandingOrder& order) {
  const Fault fault{ErrorCode::directed_rollback, "ordered" + words_of(order)};
  const auto& attempt = durable_.attempt;
  const bool in_attempt = (!settled() && attempt.phase != AttemptPhase::rolling_back) &&
                          std::any_of(attempt.changes.begin(), attempt.changes.end(), [&](const PlaneChange& change) {
                            return change.plane == order.plane && change.to.manifest == order.release;
                          });
  if (in_attempt) {
    if (on_probation()) {
      go_wrong(order.plane, fault);
    } else {
      refuse_attempt(order.plane, fault);
    }
    if (!shadows()) return;  // what is active may be the same release
  }
  const auto& record = durable_.planes[index_of(order.plane)];
  // On the way back already: what counts is where that way ends.
  auto active = record.active.manifest;
  bool at_last = false;
  for (const auto& step : attempt.back) {
    if (attempt.phase != AttemptPhase::rolling_back || step.plane != order.plane) continue;
    active = step.to.manifest;
    at_last = step.to_previous.empty();
  }
  if (active.is_zero() || active != order.release) return;
  auto reason = cannot_go_back(order.plane);
  if (at_last)
    reason = Fault{ErrorCode::no_previous,
                   "there is nothing further back on plane " + std::string(wire::EnumNamePlane(order.plane))};
  if (reason) {
    note(NoteLevel::warning, "the rollback that was ordered can not be done: " + reason->detail);
    durable_.attempt.error = reason->code;
    durable_.attempt.error_plane = order.plane;
    durable_.attempt.detail = reason->detail;
    return;
  }
  if (on_probation()) go_wrong(order.plane, fault);
  if (durable_.attempt.phase == AttemptPhase::rolling_back) {
    // One more step on the way back that is already being walked.
    durable_.attempt.back.push_back({order.plane, record.previous, SlotRef{}});
    dirty_ = true;
    return;
  }
  set_attempt_aside(order.plane, fault);
  send_back({order.plane}, fault);
}

void Agent::obey_freezes() {
  if (settled() || durable_.attempt.phase == AttemptPhase::rolling_back) return;
  for (const auto& change : durable_.attempt.changes) {
    if (change.to.empty() || !frozen(change.plane, change.to.manifest)) continue;
    const Fault fault{ErrorCode::frozen, change.to.name + "@" + change.to.version + " is frozen"};
    if (on_probation()) {
      go_wrong(change.plane, fault);
    } else {
      refuse_attempt(change.plane, fault);
    }
    return;
  }
}

bool Agent::frozen(Plane plane, const Sha256& manifest) const {
  return std::any_of(durable_.scopes.begin(), durable_.scopes.end(), [&](const ScopeRecord& record) {
    return std::any_of(record.orders.begin(), record.orders.end(), [&](const StandingOrder& order) {
      return order.kind == OrderKind::freeze && order.plane == plane && order.release == manifest;
    });
  });
}

bool Agent::updates_paused() const {
  return std::any_of(durable_.scopes.begin(), durable_.scopes.end(), [](const ScopeRecord& record) {
    return std::any_of(record.orders.begin(), record.orders.end(),
                       [](const StandingOrder& order) { return order.kind == OrderKind::pause_updates; });
  });
}

bool Agent::safe_mode_ordered() const {
  return std::any_of(durable_.scopes.begin(), durable_.scopes.end(), orders_safe_mode);
}

std::uint64_t Agent::directive_epoch() const {
  std::uint64_t newest = 0;
  for (const auto& record : durable_.scopes) newest = std::max(newest, record.epoch);
  return newest;
}

// Any scope that orders safe mode, or the device's own policy, is enough; leaving it takes the end of all of them.
void Agent::settle_safe_mode(const std::string& why) {
  const bool wanted = durable_.safe_mode_latched || safe_mode_ordered();
  const bool is = durable_.state == DeviceState::safe_mode;
  if (wanted && !is) change_state(DeviceTrigger::safe_mode_entered, why);
  if (!wanted && is) change_state(DeviceTrigger::safe_mode_left, why);
}

}  // namespace muster::edge
