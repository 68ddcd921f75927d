#include "operator/commands/report.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "operator/audit_pages.h"
#include "operator/decode.h"
#include "operator/json_text.h"
#include "operator/render/report_text.h"
#include "operator/rollout_report.h"

namespace muster::ctl {
namespace {

constexpr std::size_t entries_max = 100'000;

// From the newest page backwards, as far as the rollout's start or entries_max: the record may be long, and a rollout
// is mostly young.
tl::expected<std::vector<AuditEntry>, Error> entries_since_start(ControlClient& client, const RolloutView& rollout) {
  const auto newest = fetch_audit_page(client, 0, 1);
  if (!newest) return tl::make_unexpected(newest.error());
  std::deque<AuditPage> pages;
  auto end = newest->head_seq;
  bool found = false;
  while (end != 0 && !found && pages.size() * audit_page_max < entries_max) {
    const auto after = end > audit_page_max ? end - audit_page_max : 0;
    auto page = fetch_audit_page(client, after, end - after);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    found = std::any_of(page->entries.begin(), page->entries.end(),
                        [&](const AuditEntry& entry) { return starts(rollout, entry); });
    pages.push_front(std::move(*page));
    end = after;
  }
  std::vector<AuditEntry> entries;
  for (auto& page : pages) std::move(page.entries.begin(), page.entries.end(), std::back_inserter(entries));
  return entries;
}

std::string json_of(const AuditEntry& entry) {
  return json_object({{"seq", entry.seq},
                      {"time_s", entry.time_s},
                      {"who", entry.who},
                      {"what", entry.what},
                      {"subject", entry.subject},
                      {"why", entry.why}});
}

std::string json_of(const ReportedFailure& failure) {
  return json_object({{"device", failure.device},
                      {"cause", std::string(name_of(failure.cause))},
                      {"error", failure.error},
                      {"detail", failure.detail},
                      {"time_s", failure.time_s},
                      {"recovered", failure.recovered},
                      {"evidence", failure.bundles}});
}

template <typename Items>
RawJson json_list(const Items& items) {
  std::vector<RawJson> texts;
  for (const auto& item : items) texts.push_back({json_of(item)});
  return {json_array(texts)};
}

std::string report_json(const RolloutReport& report, const std::string& status) {
  return json_object({{"rollout", RawJson{status}},
                      {"whole", report.whole},
                      {"trigger", RawJson{report.trigger ? json_of(*report.trigger) : "null"}},
                      {"failures", json_list(report.failures)},
                      {"measures", json_list(report.measures)},
                      {"left_to_do", report.left_to_do},
                      {"entries", json_list(report.entries)}});
}

}  // namespace

Outcome rollout_report(const Connection& connection, const std::string& rollout, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  const auto status = client.call({"getRollout", {{"rollout", rollout}}});
  if (!status) return tl::make_unexpected(status.error());
  auto view = decode_rollout(*status);
  if (!view) return tl::make_unexpected(std::move(view.error()));
  const auto entries = entries_since_start(client, *view);
  if (!entries) return tl::make_unexpected(entries.error());
  const auto report = make_report(std::move(*view), *entries);
  *terminal.out << (terminal.json ? report_json(report, *status) + "\n" : report_text(report));
  return ExitCode::ok;
}

}  // namespace muster::ctl
