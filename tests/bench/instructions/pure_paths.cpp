// schemas, rules/condition and rules/engine, called as their host does.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rules/condition/compile.h"
#include "rules/condition/program.h"
#include "rules/engine/engine.h"
#include "schemas/wire.h"
#include "tests/bench/instructions/messages.h"
#include "tests/bench/instructions/paths.h"

namespace muster::instructions {
namespace {

constexpr std::size_t fleet = 1000;

// What was read must be used, or the compiler leaves the reading out.
void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "instruction_paths: %s\n", what);
  std::abort();
}

// --- schemas: verify one HealthSummary ---
AlignedBytes health;

void prepare_health() {
  const auto bytes = health_summary("gateway-000001", 1);
  health = AlignedBytes(ByteView(bytes));
}

void verify_health(std::size_t) {
  const wire::HealthSummary* summary = nullptr;
  must(verify(health.view(), summary) == WireFault::none, "the health summary is not valid");
}

// --- rules/condition: evaluate one targets condition ---
class Facts final : public rules::Environment {
 public:
  rules::Value lookup(std::string_view name) const override {
    static constexpr std::string_view tags[] = {"line-1", "outdoor"};
    if (name == "device.class") return rules::Value::of("rk3566");
    if (name == "device.region") return rules::Value::of("us");
    if (name == "device.memory_mb") return rules::Value::of(2048.0);
    if (name == "device.tags") return rules::Value::of_list(tags, 2);
    return {};
  }
};
Bytes condition;

void prepare_condition() {
  const auto compiled = rules::compile_condition(
      "device.class == \"rk3566\" && device.region in [\"eu\", \"us\"] && device.memory_mb >= 1024 && !(\"lab\" in "
      "device.tags)",
      rules::target_vocabulary());
  condition = Bytes(compiled.program.begin(), compiled.program.end());
  must(!condition.empty(), "the condition does not compile");
}

void evaluate_condition(std::size_t) {
  must(rules::evaluate(ByteView(condition), Facts()) == rules::Outcome::yes, "the condition is not met");
}

// --- rules/engine: a report of a device in a running rollout ---
Sha256 digest_of(std::uint8_t n) {
  Sha256 digest;
  digest.bytes.fill(n);
  return digest;
}

std::vector<std::string> ids;
std::unique_ptr<rules::Engine> engine;
std::vector<rules::Effect> effects;
std::vector<rules::DeviceReport> reports;  // of the next operations: making them is not the engine's work

rules::DeviceReport report_of(std::size_t device) {
  rules::DeviceReport report;
  report.device = ids[device];
  report.boot_id = 1;
  report.seq = 1;
  report.facts.device_class = "rk3566";
  report.facts.region = "eu";
  report.facts.site = "plant-" + std::to_string(device % 10);
  report.facts.customer = "acme";
  report.facts.os_version = "12";
  report.facts.memory_mb = 2048;
  report.facts.tags = {"line-1", "outdoor"};
  report.active = {digest_of(1), digest_of(2), digest_of(3)};
  return report;
}

void step(decltype(rules::Event::what) what) {
  effects.clear();
  engine->step({1'000'000, std::move(what)}, effects);
}

rules::Rule rule() {
  rules::Rule rule;
  rule.rollout = "counted";
  rule.seed = 7;
  rule.targets_text = "device.class == \"rk3566\"";
  rule.targets = rules::compile_condition(rule.targets_text, rules::target_vocabulary()).program;
  rule.versions = {{rules::Plane::model, "reader", "2"}};
  rules::Wave all;
  all.name = "all";
  all.percent = 100;
  rule.waves = {all};
  return rule;
}

void prepare_fleet() {
  engine = std::make_unique<rules::Engine>();
  ids.clear();
  for (std::size_t i = 0; i < fleet; ++i) ids.push_back("gateway-" + std::to_string(100'000 + i));
  for (std::size_t i = 0; i < fleet; ++i) {
    step(rules::DeviceSeen{ids[i]});
    step(report_of(i));
  }
  rules::StartRollout start;
  start.rule = rule();
  start.rule_text = "rollout: counted";
  start.releases = {{rules::Plane::model, "reader", "2", digest_of(9), 1}};
  step(rules::Command{"alice", "", 1, std::move(start)});
  rules::DeviceStatus status;
  must(engine->device(ids[0], status) && status.assigned_epoch == 1, "the rollout has assigned nothing");
}

void prepare_repeated() {
  prepare_fleet();
  reports.clear();
  for (std::size_t n = 0; n < 2 * operations; ++n) {
    reports.push_back(report_of(n % fleet));
    reports.back().seq = n / fleet + 2;
  }
}

// Each report says one thing more of the attempt than the one before.
void prepare_changing() {
  prepare_repeated();
  for (std::size_t n = 0; n < 2 * operations; ++n) {
    reports[n].attempt_epoch = 1;
    reports[n].attempt = n < operations ? rules::AttemptState::fetching : rules::AttemptState::verifying;
  }
}

void engine_report(std::size_t number) {
  step(std::move(reports[number]));
}

}  // namespace

const Path* pure_paths(std::size_t& count) {
  static const Path paths[] = {
      {"schemas_verify_health", prepare_health, verify_health},
      {"condition_evaluate", prepare_condition, evaluate_condition},
      {"engine_repeated_report", prepare_repeated, engine_report},
      {"engine_changing_report", prepare_changing, engine_report},
  };
  count = std::size(paths);
  return paths;
}

}  // namespace muster::instructions
