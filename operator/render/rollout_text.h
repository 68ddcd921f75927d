// A rollout as text: the frame that `rollout watch` redraws, the line it prints on each change where there is no
// terminal, and the table of `rollout list`. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

// One line each for the rollout, its waves with their bars, the totals, its guardrails' verdicts in numbers and what it
// waits for; no line wider than `columns` (at least 20), so that redrawing in place can count on one row a line.
// `now_s` gives the elapsed time.
[[nodiscard]] std::vector<std::string> rollout_frame(const RolloutView& view, std::uint64_t now_s, std::size_t columns,
                                                     const Style& style);

// The same with the failed devices and the table of guardrails: `rollout status NAME`.
[[nodiscard]] std::string rollout_text(const RolloutView& view, std::uint64_t now_s, std::size_t columns,
                                       const Style& style);

// "reader-2 running: wave canary 1/10 done; 3 of 100 reached; 1 failed (dev-7: probe_failed)"
[[nodiscard]] std::string rollout_line(const RolloutView& view);

[[nodiscard]] std::string rollout_table(const std::vector<RolloutView>& views, std::size_t columns, const Style& style);

// The colour of a rollout's or a device's state.
[[nodiscard]] Paint paint_of_state(const std::string& state);

}  // namespace muster::ctl
