// What a release has the device wait for: before its files are fetched, and before anything is switched. Judged anew
// with each reading.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "edge-client/agent/agent.h"
#include "rules/condition/names_in.h"

namespace muster::edge {
namespace {

// "; battery_percent is 23, idle is unknown": of each reading that the condition speaks of. Without values only which
// of them are known.
std::string readings_in(const WaitCondition& condition, const ReadingList& readings, bool values = true) {
  if (rules::check_program(condition.program) != rules::ProgramFault::none) return "; it cannot be read";
  std::string text;
  for (const auto& name : rules::names_in(condition.program)) {
    const auto found =
        std::find_if(readings.begin(), readings.end(), [&](const auto& each) { return each.first == name; });
    char is[32] = "unknown";
    if (found != readings.end()) (void)std::snprintf(is, sizeof is, "%.6g", found->second);
    if (found != readings.end() && !values) (void)std::snprintf(is, sizeof is, "known");
    text += (text.empty() ? "; " : ", ") + name + " is " + is;
  }
  return text;
}

}  // namespace

// What it is to go back to was waited for when it came, and a repair waits for nothing: there is nothing to run.
const WaitCondition& Agent::condition_of(const PlaneChange& change, WaitPoint point) const {
  static const WaitCondition none;
  const auto aim = durable_.attempt.aim;
  const bool repairs = aim == AttemptAim::repair || aim == AttemptAim::repair_first;
  const auto* release = known(change.plane, change.to.manifest);
  if (release == nullptr || repairs || change.to.manifest == durable_.planes[index_of(change.plane)].previous.manifest)
    return none;
  return point == WaitPoint::fetch ? release->fetch_when : release->swap_when;
}

const PlaneChange* Agent::kept_waiting(WaitPoint point) const {
  for (const auto& change : durable_.attempt.changes) {
    const auto& condition = condition_of(change, point);
    if (!condition.program.empty() && evaluate(condition.program, readings_) != rules::Outcome::yes) return &change;
  }
  return nullptr;
}

// True when the attempt may not go on here: it waits, or has waited long enough and failed. It says so anew for another
// condition, and when other readings of it are known, but not with every value.
bool Agent::has_to_wait(WaitPoint point) {
  auto& attempt = durable_.attempt;
  const auto* change = kept_waiting(point);
  if (change == nullptr) {
    report_due_ = report_due_ || !waits_for_.empty();
    waits_for_.clear();
    return false;
  }
  const auto& condition = condition_of(*change, point);
  if (attempt.wait_ends_s == 0) {
    attempt.wait_ends_s = now_s_ + known(change->plane, change->to.manifest)->wait_max_s;
    dirty_ = true;
  }
  const auto until = std::string(point == WaitPoint::fetch ? "to fetch " : "to switch to ") + change->to.name + "@" +
                     change->to.version + " until " + condition.source;
  if (now_s_ >= attempt.wait_ends_s) {
    refuse_attempt(change->plane, {ErrorCode::conditions_unmet, "waited " + until + readings_in(condition, readings_)});
    return true;
  }
  auto said = until + readings_in(condition, readings_, false);
  if (!waits_for_.empty() && said == said_of_wait_) return true;
  said_of_wait_ = std::move(said);
  waits_for_ = "waits " + until + readings_in(condition, readings_);
  report_due_ = true;
  note(NoteLevel::info, "attempt " + std::to_string(attempt.assignment.epoch) + " " + waits_for_);
  return true;
}

// While updates are paused nothing goes on that has waited; a download that may not go on stops all the same.
void Agent::look_at_conditions(const ReadingList& readings) {
  readings_ = readings;
  const auto phase = durable_.attempt.phase;
  if (phase == AttemptPhase::fetching && fetching_files_) {
    const bool waited = !waits_for_.empty();
    if (waited && updates_paused()) return;
    const bool waits = has_to_wait(WaitPoint::fetch);
    if (waits && job_ != 0) {
      emit(CancelJobs{});
      job_ = 0;
    }
    if (waited && !waits) fetch_files();
  } else if (phase == AttemptPhase::staged && !waits_for_.empty() && !updates_paused()) {
    go_on_staged();
  }
}

}  // namespace muster::edge
