#include "operator/render/report_text.h"

#include <algorithm>
#include <array>

#include "operator/render/moment.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr std::array causes = {rules::FailureCause::release, rules::FailureCause::infrastructure,
                               rules::FailureCause::refused, rules::FailureCause::unclear};

// What devices and operators wrote, as a cell of a table: neither a new line nor a column of it.
std::string cell(std::string_view text) {
  std::string safe;
  for (const char c : harmless(text)) {
    if (c == '|' || c == '\\' || c == '`' || c == '<') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const auto& each : cells) text += " " + each + " |";
  return text + "\n";
}

std::string moment(std::uint64_t time_s) {
  return moment_text(time_s) + (time_s == 0 ? "" : " UTC");
}

std::string line(const RolloutView& view, const AuditEntry& entry) {
  return row(
      {moment(entry.time_s), cell(entry.who), cell(entry.what), cell(entry.subject), cell(told_of(view, entry))});
}

std::string entry_table(const RolloutView& view, const std::vector<AuditEntry>& entries) {
  auto text = row({"time", "who", "what", "whom", "why"}) + row({"---", "---", "---", "---", "---"});
  const auto cut = entries.size() > report_entries_max ? entries.size() - report_entries_max : 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto from = report_entries_max / 2;
    if (i >= from && i < from + cut) {
      if (i == from) text += row({"…", "", "", "", std::to_string(cut) + " more, left out here: `--json` has all"});
      continue;
    }
    text += line(view, entries[i]);
  }
  return text;
}

std::string share_of(const RolloutView& view) {
  if (view.targets == 0) return {};
  return " (" + std::to_string((std::uint64_t{view.reached} * 100 + view.targets / 2) / view.targets) + " %)";
}

// ": 8 done, 2 failed"
std::string counts_of(const RolloutView& view) {
  std::string text;
  const auto add = [&](std::uint32_t count, const char* words) {
    if (count != 0) text += (text.empty() ? ": " : ", ") + std::to_string(count) + " " + words;
  };
  add(view.done, "done");
  add(view.failed, "failed");
  add(view.rolled_back, "rolled back by themselves");
  add(view.reverted, "taken back");
  add(view.unreachable, "unreachable");
  return text;
}

std::string head(const RolloutView& view) {
  auto text = "# Rollout " + cell(view.rollout) + ": " + cell(view.state) + "\n\n";
  for (const auto& version : view.versions)
    text += "- " + cell(version.plane) + " " + cell(version.name) + "@" + cell(version.version) + "\n";
  text += "- started " + moment(view.started_s) + " by " + cell(view.started_by) + "\n";
  if (view.ended_s != 0) {
    text += "- ended " + moment(view.ended_s) + ", after " +
            duration_text(view.ended_s - std::min(view.started_s, view.ended_s)) + "\n";
  }
  text += "- reached " + std::to_string(view.reached) + " of " + count_text(view.targets, "device") + share_of(view) +
          counts_of(view) + "\n";
  if (!view.waiting_for.empty()) text += "- " + cell(view.waiting_for) + "\n";
  return text;
}

std::string causes_of(const RolloutReport& report) {
  std::string text;
  for (const auto cause : causes) {
    if (const auto count = report.count(cause); count != 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(rules::words_of(cause));
  }
  return text;
}

std::string devices(const RolloutReport& report) {
  if (report.failures.empty()) return "No device failed.\n";
  auto text = count_text(report.failures.size(), "device") + " failed: " + causes_of(report) + ".\n\n" +
              row({"device", "cause", "error", "what it said", "when", "since then"}) +
              row({"---", "---", "---", "---", "---", "---"});
  for (const auto& failure : report.failures) {
    if (&failure - report.failures.data() == static_cast<std::ptrdiff_t>(report_devices_max)) {
      const auto more = report.failures.size() - report_devices_max;
      text += row({"…", "", "", "and " + std::to_string(more) + " more: `--json` has all", "", ""});
      break;
    }
    std::string since = failure.recovered ? "runs it after all" : "";
    if (!failure.bundles.empty())
      since += (since.empty() ? "" : "; ") + count_text(failure.bundles.size(), "evidence bundle") + ", the newest " +
               failure.bundles.back().substr(0, 12);
    text += row({cell(failure.device), std::string(name_of(failure.cause)), cell(failure.error), cell(failure.detail),
                 moment(failure.time_s), since});
  }
  return text;
}

}  // namespace

std::string report_text(const RolloutReport& report) {
  auto text = head(report.rollout) + "\n## What set it off\n\n";
  text += report.trigger ? moment(report.trigger->time_s) + ", " + cell(report.trigger->who) + ": " +
                               cell(report.trigger->what) + ". " + cell(told_of(report.rollout, *report.trigger)) + "\n"
                         : "Nothing stopped it.\n";
  text += "\n## Devices\n\n" + devices(report);
  if (!report.rollout.guardrails.empty()) {
    text += "\n## Guardrails\n\n";
    for (const auto& guardrail : report.rollout.guardrails) {
      text += "- " + cell(guardrail.name) + (guardrail.segment.empty() ? "" : " in " + cell(guardrail.segment)) + ": " +
              cell(guardrail.verdict) + ", " + cell(guardrail.sentence) + "\n";
    }
  }
  text += "\n## What was done\n\n";
  text += report.measures.empty() ? "Nothing was stopped, taken out or taken back.\n"
                                  : entry_table(report.rollout, report.measures);
  text += "\n## What is left to do\n\n";
  for (const auto& sentence : report.left_to_do) text += "- [ ] " + sentence + "\n";
  text += "\n## Timeline\n\n";
  if (!report.whole) text += "What was read of the audit record does not reach back to its start.\n\n";
  return text + entry_table(report.rollout, report.entries);
}

}  // namespace muster::ctl
