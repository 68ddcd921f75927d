// What a release has the device wait for: before its files are fetched, and before anything is switched. Judged anew
// with each reading.
#include <cstdio>
#include <string_view>

#include "edge-client/agent/agent.h"

namespace muster::edge {
namespace {

bool is_part_of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool speaks_of(std::string_view condition, std::string_view name) {
  for (auto at = condition.find(name); at != std::string_view::npos; at = condition.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool begins = at == 0 || !is_part_of_a_name(condition[at - 1]);
    if (begins && (end == condition.size() || !is_part_of_a_name(condition[end]))) return true;
  }
  return false;
}

// "; battery_percent is 23", of each reading that the condition speaks of.
std::string readings_in(const std::string& condition, const ReadingList& readings) {
  std::string text;
  for (const auto& [name, value] : readings) {
    if (!speaks_of(condition, name)) continue;
    char number[32];
    (void)std::snprintf(number, sizeof number, "%.6g", value);
    text += (text.empty() ? "; " : ", ") + name + " is " + number;
  }
  return text.empty() ? "; none of its readings is known" : text;
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

// True when the attempt may not go on here: it waits, or has waited long enough and failed. It says so once for each
// condition, not with every reading.
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
    refuse_attempt(change->plane,
                   {ErrorCode::conditions_unmet, "waited " + until + readings_in(condition.source, readings_)});
    return true;
  }
  const auto text = "waits " + until;
  if (waits_for_.compare(0, text.size(), text) == 0) return true;
  waits_for_ = text + readings_in(condition.source, readings_);
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
