// Where the clauses of a rule stand in its file, so that each decision can name the line that made it. Kept beside the
// rule and no part of it: the same rule written differently is the same rule. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/record.h"

namespace muster::rules {

// What of a rule decides. Waves, gates and guardrails are numbered as in the rule; all others have the index 0.
enum class Clause : std::uint8_t {
  wave,
  gate,  // what it takes to leave a wave
  guardrail,
  failed_devices,
  failed_percent,
  failed_in_a_row,
  pace,
  retry,
  windows,
  baseline_window,
  attempt_timeout,
  priority,
  on_abort,
  keep_previous_for
};
inline constexpr Clause last_clause = Clause::keep_previous_for;

class RuleLines {
 public:
  // `line` from 1; 0: the rule's file does not decide it, but who started or changed the rollout. The newest counts.
  void put(Clause clause, std::size_t index, std::uint32_t line);
  void put(Clause clause, std::uint32_t line) { put(clause, 0, line); }

  // 0: the file does not have it, or nothing is known of the file.
  [[nodiscard]] std::uint32_t of(Clause clause, std::size_t index = 0) const;

  struct Part {
    Clause clause = Clause::wave;
    std::size_t index = 0;
  };
  // " (rule line 12)", " (rule lines 12, 14)", in that order and each once; " (rule default)" when the file has none of
  // them; empty when nothing is known of the file, or it does not decide.
  [[nodiscard]] std::string cite(Clause clause, std::size_t index = 0) const { return cite({{clause, index}}); }
  [[nodiscard]] std::string cite(const std::vector<Part>& parts) const;
  // The same for the end of what stands in brackets already: "; rule line 12".
  [[nodiscard]] std::string cite_within(Clause clause, std::size_t index = 0) const;

  void encode(ByteWriter& out) const;
  [[nodiscard]] bool decode(ByteReader& in);
  friend bool operator==(const RuleLines&, const RuleLines&) = default;

 private:
  struct Place {
    Part part;
    std::uint32_t line = 0;
    friend bool operator==(const Place& a, const Place& b) {
      return a.part.clause == b.part.clause && a.part.index == b.part.index && a.line == b.line;
    }
  };
  [[nodiscard]] const Place* find(const Part& part) const;
  [[nodiscard]] std::string name(const std::vector<Part>& parts) const;

  std::vector<Place> places_;  // a few dozen at most: each wave has two, each guardrail one
};

}  // namespace muster::rules
