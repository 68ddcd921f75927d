#include "operator/rollout_report.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "operator/render/moment.h"
#include "rules/engine/audit_words.h"

namespace muster::ctl {
namespace {

namespace audit = rules::audit;

constexpr std::string_view evidence_received = "evidence.received";

// What keeps a rollout from going on, or takes back what it did.
constexpr std::string_view measures[] = {
    audit::rollout_paused,  audit::rollout_halted,   audit::rollout_reverting,     audit::rollout_aborted,
    audit::segment_frozen,  audit::group_stopped,    audit::device_cancelled,      audit::rollout_superseded,
    audit::order_given,     audit::order_withdrawn,  audit::failures_acknowledged, audit::rollout_resumed,
    audit::group_continued, audit::device_readmitted};

// What can be the first sign that something is wrong.
constexpr std::string_view triggers[] = {audit::guardrail_failed, audit::rollout_halted,   audit::rollout_paused,
                                         audit::segment_frozen,   audit::group_stopped,    audit::rollout_reverting,
                                         audit::rollout_aborted,  audit::device_cancelled, audit::rollout_superseded};

template <typename Words>
bool is_one_of(const Words& words, const std::string& what) {
  return std::find(std::begin(words), std::end(words), what) != std::end(words);
}

std::string prefix_of(const RolloutView& rollout) {
  return "rollout " + rollout.rollout + ": ";
}

// Whether `text` names this release, and not one whose name or version only contains its.
bool names(std::string_view text, const std::string& ref) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; };
  for (auto at = text.find(ref); at != std::string_view::npos; at = text.find(ref, at + 1)) {
    const auto end = at + ref.size();
    const bool begins = at == 0 || !(is_part(text[at - 1]) || text[at - 1] == '.');
    const bool goes_on = end < text.size() &&
                         (is_part(text[end]) || (text[end] == '.' && end + 1 < text.size() && is_part(text[end + 1])));
    if (begins && !goes_on) return true;
  }
  return false;
}

std::string release_ref(const VersionView& version) {
  return version.name + "@" + version.version;
}

// Engine entries about a device or an order begin with the rollout; an order names the release that it is about.
bool concerns(const RolloutView& rollout, const AuditEntry& entry) {
  if (entry.subject == rollout.rollout) return true;
  if (entry.why.starts_with(prefix_of(rollout))) return true;
  if (entry.what != audit::order_given && entry.what != audit::order_withdrawn) return false;
  return std::any_of(rollout.versions.begin(), rollout.versions.end(),
                     [&](const VersionView& version) { return names(entry.why, release_ref(version)); });
}

// "probe_failed: exit code 1; wave canary (10 %): …" → error and detail.
ReportedFailure failure_of(const RolloutView& rollout, const AuditEntry& entry) {
  ReportedFailure failure;
  failure.device = entry.subject;
  failure.time_s = entry.time_s;
  auto text = told_of(rollout, entry);
  text.resize(std::min(text.size(), text.rfind("; wave ")));
  const auto end = text.find_first_of(":;");
  failure.error = text.substr(0, end);
  if (end != std::string::npos) failure.detail = text.substr(std::min(text.size(), end + 2));
  failure.cause = rules::cause_of(failure.error);
  return failure;
}

void add_failures(RolloutReport& report, const std::vector<AuditEntry>& entries) {
  std::map<std::string, ReportedFailure> failures;
  for (const auto& entry : report.entries) {
    if (entry.what == audit::device_failed) failures[entry.subject] = failure_of(report.rollout, entry);
    if (entry.what != audit::device_recovered) continue;
    if (const auto known = failures.find(entry.subject); known != failures.end()) known->second.recovered = true;
  }
  for (const auto& entry : entries) {
    if (entry.what != evidence_received) continue;
    const auto from = failures.find(entry.who);
    if (from != failures.end() && entry.time_s >= from->second.time_s) from->second.bundles.push_back(entry.subject);
  }
  for (auto& [device, failure] : failures) report.failures.push_back(std::move(failure));
  std::stable_sort(report.failures.begin(), report.failures.end(),
                   [](const ReportedFailure& a, const ReportedFailure& b) { return a.time_s < b.time_s; });
}

class LeftToDo {
 public:
  explicit LeftToDo(const RolloutReport& report) : report_(report), view_(report.rollout) {}

  std::vector<std::string> sentences() {
    about_state();
    about_devices();
    about_exclusions();
    about_release();
    add("Say what the cause was, and what will keep it from coming back:");
    return std::move(sentences_);
  }

 private:
  void about_state() {
    const auto& name = view_.rollout;
    const auto with_reason = [&](const std::string& command) {
      return "`musterctl rollout " + command + " --reason '…'`";
    };
    if (view_.state == "halted" || view_.state == "paused") {
      const auto resume = view_.state == "halted" ? "resume " + name + " --acknowledge-failures" : "resume " + name;
      add("Decide how it goes on: " + with_reason(resume) + ", or " + with_reason("abort " + name + " --revert") + ".");
    } else if (view_.state == "awaiting_approval") {
      add("Approve it or end it: " + with_reason("approve " + name) + ", or " + with_reason("abort " + name) + ".");
    } else if (view_.state == "reverting") {
      add("Wait until all have gone back: `musterctl rollout watch " + name + "`; or end that for one device, " +
          with_reason("cancel " + name + " --device ID") + ", or all, " + with_reason("abort " + name + " --keep") +
          ".");
    }
  }

  void about_devices() {
    const auto failed = std::count_if(report_.failures.begin(), report_.failures.end(),
                                      [](const ReportedFailure& failure) { return !failure.recovered; });
    const auto silent = std::count_if(report_.failures.begin(), report_.failures.end(),
                                      [](const ReportedFailure& failure) { return failure.bundles.empty(); });
    if (failed != 0 && silent != 0) {
      add("Ask devices that failed for evidence, " + count_text(static_cast<std::uint64_t>(silent), "device") +
          " sent none: `musterctl evidence request DEVICE`.");
    }
    if (view_.unreachable != 0) {
      add("Look for " + count_text(view_.unreachable, "unreachable device") +
          ": what is meant for them reaches them when they come back.");
    }
  }

  void about_exclusions() {
    for (const auto& stop : view_.stops)
      add("Let the stopped group in again, when its reason is gone: `musterctl rollout continue " + view_.rollout +
          " --group " + stop.name + "`.");
    if (view_.cancelled_count != 0)
      add("Readmit " + count_text(view_.cancelled_count, "cancelled device") + ", or leave them out for good.");
  }

  void about_release() {
    std::set<std::string> ordered;
    for (const auto& entry : report_.entries) {
      if (entry.what == audit::order_given && entry.who == "muster") ordered.insert(entry.subject);
    }
    for (const auto& scope : ordered)
      add("Its release was frozen by a guardrail in the scope " + scope + ": keep that, or thaw it.");
    const bool guilty = report_.count(rules::FailureCause::release) != 0 ||
                        std::any_of(report_.entries.begin(), report_.entries.end(),
                                    [](const AuditEntry& entry) { return entry.what == audit::guardrail_failed; });
    if (!guilty || view_.state == "completed") return;
    for (const auto& version : view_.versions)
      add("Retire what is not to be tried again: `musterctl release retire " + release_ref(version) +
          " --release-key KEY --reason '…'`.");
  }

  void add(std::string sentence) { sentences_.push_back(std::move(sentence)); }

  const RolloutReport& report_;
  const RolloutView& view_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::size_t RolloutReport::count(rules::FailureCause cause) const {
  return static_cast<std::size_t>(std::count_if(
      failures.begin(), failures.end(), [cause](const ReportedFailure& failure) { return failure.cause == cause; }));
}

std::string told_of(const RolloutView& rollout, const AuditEntry& entry) {
  const auto prefix = prefix_of(rollout);
  return entry.why.starts_with(prefix) ? entry.why.substr(prefix.size()) : entry.why;
}

bool starts(const RolloutView& rollout, const AuditEntry& entry) {
  return entry.what == audit::rollout_started && entry.subject == rollout.rollout;
}

RolloutReport make_report(RolloutView rollout, const std::vector<AuditEntry>& entries) {
  RolloutReport report;
  report.rollout = std::move(rollout);
  const auto begin = std::find_if(entries.rbegin(), entries.rend(),
                                  [&](const AuditEntry& entry) { return starts(report.rollout, entry); });
  report.whole = begin != entries.rend();
  const auto first = report.whole ? std::prev(begin.base()) : entries.begin();
  std::copy_if(first, entries.end(), std::back_inserter(report.entries),
               [&](const AuditEntry& entry) { return concerns(report.rollout, entry); });
  for (const auto& entry : report.entries) {
    if (!report.trigger && is_one_of(triggers, entry.what)) report.trigger = entry;
    if (is_one_of(measures, entry.what)) report.measures.push_back(entry);
  }
  add_failures(report, {first, entries.end()});
  report.left_to_do = LeftToDo(report).sentences();
  return report;
}

}  // namespace muster::ctl
