#include "operator/render/rollout_text.h"

#include <algorithm>

#include "operator/render/bar.h"
#include "operator/render/guardrail_text.h"
#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr std::size_t bar_width_max = 40;
constexpr std::size_t bar_width_min = 6;

std::string versions_text(const RolloutView& view) {
  std::string text;
  for (const auto& version : view.versions) {
    text += (text.empty() ? "" : ", ") + harmless(version.plane) + " " + harmless(version.name) + "@" +
            harmless(version.version);
  }
  return text;
}

std::string share_text(const WaveView& wave) {
  if (wave.first_devices != 0) return count_text(wave.first_devices, "device");
  return wave.percent == 0 ? "ring" : std::to_string(wave.percent) + " %";
}

// "3 failed" and the like, for counts that are not zero.
void append_count(std::string& text, std::uint64_t count, const char* word) {
  if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + word;
}

std::string wave_counts(const WaveView& wave) {
  if (wave.state == "pending" && wave.devices == 0) return "pending";  // its devices are chosen when it opens
  std::string text = std::to_string(wave.done) + "/" + std::to_string(wave.devices);
  std::string extra;
  append_count(extra, wave.failed, "failed");
  append_count(extra, wave.unreachable, "unreachable");
  append_count(extra, wave.retrying, "retrying");
  append_count(extra, wave.holding, "holding");
  append_count(extra, wave.rehearsing, "rehearsing");
  if (wave.gate == "manual" && wave.state != "done") extra += extra.empty() ? "manual gate" : ", manual gate";
  return extra.empty() ? text : text + "  " + extra;
}

std::string totals(const RolloutView& view) {
  std::string text = "reached " + std::to_string(view.reached) + " of " + count_text(view.targets, "device") + ", " +
                     std::to_string(view.done) + " done";
  append_count(text, view.failed, "failed");
  append_count(text, view.rolled_back, "rolled back");
  append_count(text, view.unreachable, "unreachable");
  append_count(text, view.reverted, "reverted");
  append_count(text, view.retrying, "retrying");
  append_count(text, view.holding, "holding");
  append_count(text, view.held_by_other, "held by another rollout");
  append_count(text, view.rehearsing, "rehearsing");
  append_count(text, view.awaiting_window, "waiting for a maintenance window");
  append_count(text, view.stopped, "stopped");
  append_count(text, view.cancelled_count, "cancelled");
  return text;
}

std::string headline(const RolloutView& view, std::uint64_t now_s, const Style& style) {
  auto text = painted(harmless(view.rollout), Paint::strong, style) + "  " +
              painted(harmless(view.state), paint_of_state(view.state), style);
  if (auto versions = versions_text(view); !versions.empty()) text += "  " + versions;
  if (view.shadow) text += ", in the shadow";
  if (view.priority != 0) text += "  priority " + std::to_string(view.priority);
  const auto end = view.ended_s != 0 ? view.ended_s : now_s;
  if (view.started_s != 0 && end >= view.started_s) text += "  " + duration_text(end - view.started_s);
  return text;
}

// "; waves: rule lines 7, 8, 9", each once; empty when the broker does not say.
std::string rule_lines(const std::vector<WaveView>& waves) {
  std::vector<std::uint32_t> found;
  for (const auto& wave : waves) {
    if (wave.line != 0 && std::find(found.begin(), found.end(), wave.line) == found.end()) found.push_back(wave.line);
  }
  if (found.empty()) return {};
  std::string text = found.size() == 1 ? "; waves: rule line " : "; waves: rule lines ";
  for (std::size_t i = 0; i < found.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(found[i]);
  return text;
}

std::string failure_line(const FailureView& failure, const Style& style) {
  auto text = "  " + painted(harmless(failure.device), Paint::bad, style) + "  " + harmless(failure.error);
  if (!failure.detail.empty()) text += ": " + harmless(failure.detail);
  return failure.acknowledged ? text + "  (acknowledged)" : text;
}

// "stopped  region=de  with revert, by alice, 2026-11-22 10:05 UTC: wrong labels there"
std::string exclusion_line(const char* what, const ExclusionView& one, const Style& style) {
  auto text = "  " + painted(what, Paint::waiting, style) + "  " + harmless(one.name) + "  " +
              (one.revert ? "with revert, " : "") + "by " + harmless(one.who) + ", " + moment_text(one.since_s);
  return one.why.empty() ? text : text + ": " + harmless(one.why);
}

}  // namespace

Paint paint_of_state(const std::string& state) {
  if (state == "completed" || state == "healthy" || state == "committed" || state == "done") return Paint::good;
  if (state == "halted" || state == "failed" || state == "safe_mode") return Paint::bad;
  if (state == "aborted" || state == "reverting" || state == "paused" || state == "awaiting_approval" ||
      state == "rolled_back" || state == "degraded" || state == "recovering") {
    return Paint::waiting;
  }
  return Paint::plain;
}

std::vector<std::string> rollout_frame(const RolloutView& view, std::uint64_t now_s, std::size_t columns,
                                       const Style& style) {
  const char* mark = style.unicode ? "…" : "~";
  columns = std::max<std::size_t>(columns, 20);
  std::size_t name_width = 0, share_width = 0, counts_width = 0;
  for (const auto& wave : view.waves) {
    name_width = std::max(name_width, display_width(harmless(wave.name)));
    share_width = std::max(share_width, share_text(wave).size());
    counts_width = std::max(counts_width, wave_counts(wave).size());
  }
  name_width = std::min(name_width, columns / 4);
  const auto taken = 2 + name_width + 2 + share_width + 2 + 2 + counts_width;
  const auto bar_width = std::clamp<std::size_t>(columns > taken ? columns - taken : 0, bar_width_min, bar_width_max);
  std::vector<std::string> lines{fit(headline(view, now_s, style), columns, mark)};
  for (std::size_t i = 0; i < view.waves.size(); ++i) {
    const auto& wave = view.waves[i];
    const bool open = wave.state == "open";
    const std::string pointer = open ? (style.unicode ? "▸ " : "> ") : "  ";
    lines.push_back(fit(pointer + padded(fit(harmless(wave.name), name_width, mark), name_width) + "  " +
                            padded(share_text(wave), share_width, Align::right) + "  " +
                            bar({wave.done, wave.failed, wave.unreachable, wave.devices}, bar_width, style) + "  " +
                            wave_counts(wave),
                        columns, mark));
  }
  // Sentences are never cut: their end says what to do, and which line of the rule decided.
  const auto add = [&](const std::string& sentence, Paint paint) {
    if (sentence.empty()) return;
    for (const auto& part : wrapped(sentence, columns - 2)) lines.push_back("  " + painted(part, paint, style));
  };
  add(totals(view), Paint::plain);
  add(guardrail_totals(view.guardrails), Paint::plain);
  add(harmless(view.waiting_for), paint_of_state(view.state));
  return lines;
}

std::string rollout_text(const RolloutView& view, std::uint64_t now_s, std::size_t columns, const Style& style) {
  std::string text;
  for (const auto& line : rollout_frame(view, now_s, columns, style)) text += line + "\n";
  text +=
      "  started " + moment_text(view.started_s) + (view.started_by.empty() ? "" : " by " + harmless(view.started_by));
  if (view.ended_s != 0) text += ", ended " + moment_text(view.ended_s);
  text += rule_lines(view.waves) + "\n";
  if (view.previous_kept_until_s > now_s)
    text += "  what its devices ran before is kept until " + moment_text(view.previous_kept_until_s) + "\n";
  for (const auto& failure : view.failures) text += failure_line(failure, style) + "\n";
  for (const auto& stop : view.stops) text += exclusion_line("stopped", stop, style) + "\n";
  for (const auto& cancelled : view.cancelled) text += exclusion_line("cancelled", cancelled, style) + "\n";
  if (const auto more = view.cancelled_count; more > view.cancelled.size())
    text += "  and " + std::to_string(more - view.cancelled.size()) + " cancelled earlier\n";
  if (!view.guardrails.empty()) text += "\n" + guardrail_table(view.guardrails, columns, style);
  return text;
}

std::string rollout_line(const RolloutView& view) {
  auto text = harmless(view.rollout) + " " + harmless(view.state) + ": ";
  if (view.wave < view.waves.size()) {
    const auto& wave = view.waves[view.wave];
    text += "wave " + harmless(wave.name) + " " + wave_counts(wave) + "; ";
  }
  text += totals(view);
  if (!view.failures.empty())
    text += " (" + harmless(view.failures.front().device) + ": " + harmless(view.failures.front().error) + ")";
  if (!view.waiting_for.empty()) text += "; " + harmless(view.waiting_for);
  return text;
}

std::string rollout_table(const std::vector<RolloutView>& views, std::size_t columns, const Style& style) {
  Table table({{"rollout", Align::left, 8},
               {"state", Align::left, 9},
               {"wave", Align::left, 4},
               {"reached", Align::right, 7},
               {"done", Align::right, 4},
               {"failed", Align::right, 6},
               {"back", Align::right, 4},
               {"versions", Align::left, 8},
               {"started", Align::left, 10}});
  for (const auto& view : views) {
    const auto wave = view.wave < view.waves.size() ? harmless(view.waves[view.wave].name) : std::string("-");
    table.add_row({harmless(view.rollout), painted(harmless(view.state), paint_of_state(view.state), style), wave,
                   std::to_string(view.reached) + "/" + std::to_string(view.targets), std::to_string(view.done),
                   std::to_string(view.failed), std::to_string(view.rolled_back), versions_text(view),
                   moment_text(view.started_s)});
  }
  return table.text(columns, style);
}

}  // namespace muster::ctl
