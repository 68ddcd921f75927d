// A scenario file: commands ("> …"), comments ("# …") and, below each command, the trace that it gives (indented by
// two). Pure apart from reading rule files; one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker-plugin/readiness/required_policies.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {

// One command line, split at blanks; '…' keeps blanks together.
struct ScriptLine {
  std::vector<std::string> words;  // without key=value ones
  std::multimap<std::string, std::string> options;
  [[nodiscard]] std::string option(const std::string& key, const std::string& otherwise = {}) const;
  [[nodiscard]] std::vector<std::string> all(const std::string& key) const;  // in the order written
  std::vector<std::pair<std::string, std::string>> in_order;
};
[[nodiscard]] ScriptLine split_line(std::string_view text);

// gw- 1 120: gw-01 to gw-120.
[[nodiscard]] std::vector<std::string> ids_in_range(const std::string& prefix, std::uint64_t from, std::uint64_t to);

// What is left of the trace of many steps: no records, how many devices were assigned in place of each, and each
// rollout's last status, at the end.
[[nodiscard]] std::vector<std::string> summarised(const std::vector<std::string>& lines);

// The bytes of a file; throws when there is none.
[[nodiscard]] std::string text_of(const std::string& path);

class Script {
 public:
  Script() { world_.log = &lines_; }

  // The whole scenario with the traces as they are now: equal to `text` when nothing has changed.
  [[nodiscard]] std::string run(const std::string& text);

 private:
  void command(const ScriptLine& line);
  bool release_command(const ScriptLine& line);
  bool fleet_command(const ScriptLine& line);
  bool operator_command(const ScriptLine& line);
  bool exclusion_command(const ScriptLine& line);
  bool plan_command(const ScriptLine& line);
  bool evidence_command(const ScriptLine& line);
  void judge(const ScriptLine& line);
  void simulate(const ScriptLine& line);
  void plan(const std::string& rule_path, const std::string& fleet_path);
  void add_device(const std::string& id, const ScriptLine& line);
  void report(const std::string& id, const ScriptLine& line);
  void commit(const ScriptLine& line);
  void health(const std::vector<std::string>& ids, const ScriptLine& line);
  // A report is about to be sent: it carries the time, which is the device's too.
  void stamp(const std::string& id) { world_.devices[id].report.reported_s = world_.now_s; }
  [[nodiscard]] static Rule rule_of(const ScriptLine& line);
  // True when the host does not even ask the engine: one of the releases lacks the policy that is required.
  bool refused_by_host(const std::vector<std::string>& refs, const std::string& subject, const ScriptLine& line);
  void start(const Rule& rule, const RuleLines& lines, const ScriptLine& line);
  void start(const ScriptLine& line);
  void start_file(const ScriptLine& line);
  void order(const ScriptLine& line);
  void show(const std::string& rollout);
  void show_guardrails(const RolloutStatus& status);
  void show_exclusions(const RolloutStatus& status);
  void show_device(const std::string& id);
  void send(CommandBody body, const ScriptLine& line);

  World world_;
  std::vector<std::string> lines_;
  std::vector<broker::RequiredPolicy> required_;        // of the host
  std::map<std::string, broker::Readiness> readiness_;  // that manifests carry, by NAME@VERSION
};

}  // namespace muster::rules::test
