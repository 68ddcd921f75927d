// The guardrails of one rollout at work: what devices measured becomes votes, votes are counted by segment, and each
// segment's test gives a verdict. Decides nothing else: the engine's core says what follows (verdicts.cpp). Pure; owned
// by the engine. Results depend on the four basic operations of IEEE 754 doubles and on the order of events alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/control_drift.h"
#include "rules/engine/event.h"
#include "rules/engine/record.h"
#include "rules/engine/rule.h"
#include "rules/engine/rule_lines.h"
#include "rules/engine/segment.h"
#include "rules/engine/status.h"
#include "rules/engine/watch.h"

namespace muster::rules {

class Guards {
 public:
  // The guardrails of `rule`, which must outlive this, and where they stand. `delegate`: what the releases ask to be
  // run by; empty: they do not say.
  void adopt(const Rule& rule, const RuleLines& lines, std::string_view delegate);
  [[nodiscard]] bool any() const { return !runs_.empty(); }
  // Some guardrail compares with what was before the update.
  [[nodiscard]] bool compares() const;

  // --- segments ---
  // At the start, with the packed facts of every target: the segments that share the error rate.
  void plan(const std::vector<std::string_view>& targets);
  // A device was assigned: it belongs to its segments from now on, and no longer to the control cohort. True when it
  // is the first of one.
  [[nodiscard]] bool reach(WatchIndex watch, std::string_view facts);
  // True when a segment that these facts belong to is frozen.
  [[nodiscard]] bool frozen(std::string_view facts) const;
  void freeze(std::size_t guardrail, std::uint16_t segment);
  // Whether a device is in the segment: a reached one stays in that of the facts with which it was assigned.
  [[nodiscard]] bool in_segment(std::size_t guardrail, std::uint16_t segment, WatchIndex watch, bool reached,
                                std::string_view facts) const;

  // --- measuring ---
  // A device that was not assigned has been given something by somebody else: what becomes of it is no drift of the
  // devices that were left alone, and it is of the control cohort no more.
  void leave_control(WatchIndex watch);
  // A summary, whose window ended at `end_s`, of a device that was not assigned yet.
  void measure_before(WatchIndex watch, const DeviceHealth& health, std::uint64_t end_s);
  // One of a device that was assigned and has not begun to change what it runs: what was not measured before, was
  // there.
  void remember_before(WatchIndex watch, const DeviceHealth& health);
  // One of a device that is done. True when it voted, or voted worse than before.
  [[nodiscard]] bool measure_after(WatchIndex watch, const DeviceHealth& health, std::uint64_t end_s);
  // How near it is to its vote now; out before it was reached. Each change is to be told. True when it is one.
  // REQUIRES: `watch` is one.
  bool follow(WatchIndex watch, Nearness nearness);
  // After how long a silence it votes; 0: never, all its votes are bad already.
  [[nodiscard]] std::uint64_t silence_due_s(WatchIndex watch) const;
  // It was told to go back: where it has not voted, nothing is expected of it any more.
  void excuse(WatchIndex watch);
  // Nothing was heard of a reached device for so long. True when it voted.
  [[nodiscard]] bool silent(WatchIndex watch, std::uint64_t silence_s);
  // True when the control cohort has drifted so far since this was last true that the record is to know.
  [[nodiscard]] bool take_drift();

  // --- members that leave ---
  // A reached one is assigned no more, in its place: its votes are history. What it measured before the update stays,
  // and is one of the control cohort's again.
  void begin_anew(WatchIndex watch, bool reached, bool withdrawn);
  // As if it had never been in, or (kept) as history.
  void leave(WatchIndex watch, bool reached, bool withdrawn, bool kept);

  // --- verdicts ---
  struct Run {
    const Guardrail* rule = nullptr;
    std::uint32_t line = 0;  // of the rule's file; 0: unknown
    std::string cited;       // "; rule line 12"; empty: nothing is known of the file
    enum class Kind : std::uint8_t { measurement, state, delegate, condition };
    Kind kind = Kind::measurement;
    std::optional<Reading> reading;
    std::optional<float> asked;  // delegate: what has to run the model, as a hash; nothing: what ran it before
    std::vector<Segment> segments;
    std::map<std::string, std::uint16_t, std::less<>> by_name;
    std::uint32_t planned = 0;  // segments known at the start
    std::size_t same_by = 0;    // the first guardrail with the same `by`: their segments have the same numbers
    ControlDrift drift;
    double drift_kept = 1;  // as the record knows it
  };
  [[nodiscard]] std::vector<Run>& runs() { return runs_; }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  // True when some segment's verdict has changed since this was last true: what follows is to be looked at.
  [[nodiscard]] bool take_decided();
  // Accepts every failed verdict of segments that are not frozen: who voted, of these watches of reached devices, does
  // not vote again, and counts begin at zero.
  void acknowledge(const std::vector<WatchIndex>& reached);
  [[nodiscard]] std::uint32_t failed_unacknowledged() const;
  // No segment that devices have reached is without a pass. `waived`: those are left out that have waited long enough,
  // and told.
  [[nodiscard]] bool open(std::uint64_t waited_s, std::vector<std::string>* waived);
  // When the next guardrail gives up waiting for a verdict, counted from when the wave opened; 0: none does.
  [[nodiscard]] std::uint64_t next_waiver_s(std::uint64_t waited_s) const;
  [[nodiscard]] std::vector<GuardrailStatus> status() const;
  // Each that has failed and was not accepted, in one sentence.
  [[nodiscard]] std::string failed_sentence() const;
  // Each that has no pass yet, in one sentence; empty when none is.
  [[nodiscard]] std::string missing_sentence() const;
  // "; guardrails: quality in region=de: pass, 0 of 120 exceeded; …" of segments with devices; empty without
  // guardrails.
  [[nodiscard]] std::string review() const;
  // "; 40 devices have not voted yet", of the guardrail that waits for most; empty when none does.
  [[nodiscard]] std::string votes_to_come() const;
  // "guardrail quality in region=de: 15 of 100 exceeded (tolerate 5 % at 99 %)"
  [[nodiscard]] std::string verdict_text(std::size_t guardrail, std::uint16_t segment) const;

  // "; its votes: latency fine, quality exceeded (region=de)" of a reached device; empty without guardrails.
  [[nodiscard]] std::string votes_of(WatchIndex watch) const;

  // --- records ---
  void encode(ByteWriter& out) const;
  [[nodiscard]] bool decode(ByteReader& in);
  void encode_watch(WatchIndex watch, ByteWriter& out) const;
  // Over the watch of a rollout that is not known any more.
  static void skip_watch(ByteReader& in);
  // Also counts the votes of a reached device.
  [[nodiscard]] bool decode_watch(WatchIndex& watch, bool reached, bool withdrawn, ByteReader& in);

  // --- counting again, for tests and assertions: begin, add every reached device, end says what differs ---
  using Recount = std::vector<std::vector<Segment>>;
  [[nodiscard]] Recount recount_begin() const;
  void recount_add(Recount& recount, WatchIndex watch, bool withdrawn, Nearness nearness) const;
  [[nodiscard]] std::string recount_end(const Recount& recount) const;

  Watches watches;

 private:
  // The number of the segment of these facts; nothing when it would be a new one.
  [[nodiscard]] static std::optional<std::uint16_t> find_segment(const Run& run, std::string_view name);
  [[nodiscard]] std::uint16_t segment_of(Run& run, std::string_view facts);
  std::uint16_t add_segment(Run& run, std::string name);
  [[nodiscard]] static bool is_in_control(const Run& run, const Gauge& gauge);
  void forget_control(Run& run, const Gauge& gauge);
  // Also sets votes that are none: `idle` and `excused`. True when what is counted has changed.
  bool cast(Run& run, WatchIndex watch, Gauge& gauge, Vote vote);
  // Takes the gauge out of those whose vote is waited for, or (step 1) adds it, as its device's nearness says.
  static void wait_for(Segment& segment, const Gauge& gauge, Nearness nearness, std::uint32_t step);
  bool vote_of_mean(Run& run, WatchIndex watch, Gauge& gauge, std::uint64_t end_s, bool may_wait);
  static void count(Segment& segment, Vote vote, bool withdrawn);
  static void count_departed(Segment& segment, Vote vote, bool withdrawn);

  std::vector<Run> runs_;
  const Rule* rule_ = nullptr;
  std::size_t frozen_ = 0;  // segments
  bool decided_ = true;     // after a restart too
  // The segment that held the wave when open() looked last: it is looked at first, so that a vote in one of a thousand
  // segments does not cost a look at all.
  std::size_t holding_run_ = 0, holding_segment_ = 0;
};

}  // namespace muster::rules
