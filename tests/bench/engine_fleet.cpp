#include "tests/bench/engine_fleet.h"

#include <malloc.h>

#include "rules/condition/compile.h"

namespace muster::bench {

using namespace rules;

// Heap in use; large blocks are counted apart by glibc.
double heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

Sha256 digest_of(std::uint8_t n) {
  Sha256 digest;
  digest.bytes.fill(n);
  return digest;
}

std::string id_of(std::size_t i) {
  return "gateway-" + std::to_string(100'000'000 + i);
}

DeviceReport report_of(std::size_t i, std::uint64_t seq) {
  static const char* const regions[] = {"eu", "us", "ap"};
  DeviceReport report;
  report.device = id_of(i);
  report.boot_id = 1;
  report.seq = seq;
  report.facts.device_class = "rk3566";
  report.facts.region = regions[i % 3];
  report.facts.site = "plant-" + std::to_string(i % 500);
  report.facts.customer = "acme";
  report.facts.os_version = "12";
  report.facts.memory_mb = 2048;
  report.facts.tags = {"line-" + std::to_string(i % 4)};
  report.active = {digest_of(1), digest_of(2), digest_of(3)};
  return report;
}

StartRollout rollout_of(std::uint64_t seed) {
  StartRollout start;
  auto& rule = start.rule;
  rule.rollout = "bench";
  rule.seed = seed;
  rule.targets_text = "device.class == \"rk3566\" && device.region in [\"eu\", \"us\", \"ap\"]";
  rule.targets = compile_condition(rule.targets_text, target_vocabulary()).program;
  rule.versions = {{Plane::model, "reader", "2"}};
  Wave canary;
  canary.name = "canary";
  canary.percent = 10;
  Wave all;
  all.name = "all";
  all.percent = 100;
  rule.waves = {canary, all};
  start.rule_text = "rollout: bench";
  start.releases = {{Plane::model, "reader", "2", digest_of(9), 1}};
  return start;
}

std::string size_text(std::size_t devices) {
  const auto digits = std::to_string(devices);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text + " devices";
}

double per_device_us(double seconds, std::size_t devices) {
  return seconds * 1e6 / static_cast<double>(devices);
}

}  // namespace muster::bench
