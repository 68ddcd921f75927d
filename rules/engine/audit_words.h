// The fixed words of Audit::what, one place for the engine, the host, musterctl and the documentation. Constants only.
#pragma once

#include <string_view>

namespace muster::rules::audit {

// --- a rollout ---
inline constexpr std::string_view rollout_started = "rollout.started";
inline constexpr std::string_view rollout_completed = "rollout.completed";
inline constexpr std::string_view rollout_paused = "rollout.paused";
inline constexpr std::string_view rollout_resumed = "rollout.resumed";
inline constexpr std::string_view rollout_halted = "rollout.halted";
inline constexpr std::string_view rollout_reverting = "rollout.reverting";  // abort with revert was ordered
inline constexpr std::string_view rollout_aborted = "rollout.aborted";
inline constexpr std::string_view rollout_superseded = "rollout.superseded";  // one of higher priority took devices
inline constexpr std::string_view rollout_forgotten = "rollout.forgotten";    // an ended one made room for a new one
inline constexpr std::string_view pace_changed = "pace.changed";
inline constexpr std::string_view failures_acknowledged = "failures.acknowledged";
inline constexpr std::string_view group_stopped = "group.stopped";
inline constexpr std::string_view group_continued = "group.continued";

// --- a wave ---
inline constexpr std::string_view wave_opened = "wave.opened";
inline constexpr std::string_view wave_awaiting_approval = "wave.awaiting_approval";
inline constexpr std::string_view wave_approved = "wave.approved";
inline constexpr std::string_view wave_held = "wave.held";  // the state of a release keeps the next one from opening
inline constexpr std::string_view wave_hold_set = "wave.hold_set";  // an operator has its devices hold
inline constexpr std::string_view wave_holding = "wave.holding";    // the first of its devices holds
inline constexpr std::string_view wave_released = "wave.released";  // who holds in it goes on
inline constexpr std::string_view wave_done = "wave.done";
inline constexpr std::string_view wave_refilled = "wave.refilled";  // others take the place of stopped devices

// --- a guardrail ---
inline constexpr std::string_view guardrail_passed = "guardrail.passed";
inline constexpr std::string_view guardrail_failed = "guardrail.failed";
inline constexpr std::string_view guardrail_waived = "guardrail.waived";  // a wave goes on without its verdict
inline constexpr std::string_view segment_frozen = "segment.frozen";

// --- a device ---
inline constexpr std::string_view device_joined = "device.joined";  // belongs to a wave that had opened before
inline constexpr std::string_view device_failed = "device.failed";
inline constexpr std::string_view device_retrying = "device.retrying";  // its attempt failed and is tried again
// The steps of a rehearsal: it was done and goes back, it has gone back and goes forward again, it has done all.
inline constexpr std::string_view device_rehearsing_back = "device.rehearsing_back";
inline constexpr std::string_view device_rehearsing_forth = "device.rehearsing_forth";
inline constexpr std::string_view device_rehearsed = "device.rehearsed";
inline constexpr std::string_view device_recovered = "device.recovered";  // failed before, runs the versions after all
inline constexpr std::string_view device_not_revertible = "device.not_revertible";  // a plane that may not go back
inline constexpr std::string_view device_cancelled = "device.cancelled";    // an operator took it out of a rollout
inline constexpr std::string_view device_readmitted = "device.readmitted";  // … and let it in again
inline constexpr std::string_view device_overridden =
    "device.overridden";  // an operator's own release for a plane of it
inline constexpr std::string_view override_cleared = "override.cleared";
inline constexpr std::string_view device_not_reverted = "device.not_reverted";  // it tried to go back and could not

// --- orders and commands ---
inline constexpr std::string_view order_given = "order.given";
inline constexpr std::string_view order_withdrawn = "order.withdrawn";
inline constexpr std::string_view command_refused = "command.refused";

}  // namespace muster::rules::audit
