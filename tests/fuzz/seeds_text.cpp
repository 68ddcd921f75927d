// Seeds of what is text, and of what the engine writes of its own.
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <variant>

#include "rules/condition/compile.h"
#include "rules/config/load_rule.h"
#include "rules/engine/engine.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/target.h"

namespace muster::fuzz {
namespace {

const std::string tree = MUSTER_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_files_below(const SeedFolder& seeds, const std::string& folder, const std::string& target,
                       const std::string& extension = "") {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tree + "/" + folder)) {
    if (!entry.is_regular_file() || (!extension.empty() && entry.path().extension() != extension)) continue;
    auto name = std::filesystem::relative(entry.path(), tree).string();
    for (auto& c : name) c = c == '/' ? '-' : c;
    seeds.write(target, name, read(entry.path()));
  }
}

void write_yaml_below(const SeedFolder& seeds, const std::string& folder, const std::string& target) {
  write_files_below(seeds, folder, target, ".yaml");
}

constexpr const char* target_conditions[] = {
    R"(device.class == "rk3566" && device.region in ["eu", "us"] && !("lab" in device.tags))",
    R"(device.memory_mb >= 2 * 512 || device.os_version != "1.2" || device.memory_mb in [1, 2.5, -3e2])",
    R"(!(device.id == "gw-1" || "npu" in device.accelerators) && true)", R"(device.site == "línea \"7\"" == false)"};
constexpr const char* recovery_conditions[] = {
    "gpu_oom_count > 2", "inference_p99_ms > 2 * slo_ms + 1 / 3 - -4",
    "crash_loop_count > 3 && (edit_distance <= 0.5 || camera_timeout_secs > 5)"};

void write_conditions(const SeedFolder& seeds) {
  int number = 0;
  const auto both = [&](const char* text, bool recovery) {
    const auto name = "seed-" + std::to_string(++number);
    seeds.write("condition_text", name, std::string(1, recovery ? '\1' : '\0') + "\7" + text);
    const auto compiled =
        rules::compile_condition(text, recovery ? rules::recovery_vocabulary() : rules::target_vocabulary());
    if (compiled.ok()) seeds.write("condition_program", name, compiled.program);
  };
  for (const auto* text : target_conditions) both(text, false);
  for (const auto* text : recovery_conditions) both(text, true);
}

void write_lines(const SeedFolder& seeds) {
  seeds.write(
      "statsd", "seed",
      "edit_distance:0.25|g\nframes:3|c|@0.1|#camera:1\np:41.5|ms\r\nq:+2|g\nq:-1e3|g\n:|\ndelegate_active:npu|s\n");
  const std::vector<std::string> topics = {"muster/v1/device/gw-17/state",
                                           "muster/v1/device/gw-17/chunk/get",
                                           "muster/v1/group/region=de/directive",
                                           "muster/v1/fleet/directive",
                                           "muster/v1/trust/root",
                                           "muster/v1/rollout/reader-3",
                                           "muster/v1/metrics",
                                           "group/tag=lab",
                                           "reader-deu@2.1.0",
                                           "muster/v1/+/gw-17/#",
                                           "$share/g/muster/v1/device/+/state",
                                           "$CONTROL/muster/v1/response"};
  int number = 0;
  for (const auto& topic : topics) {
    const auto name = "seed-" + std::to_string(++number);
    seeds.write("topic", name, topic);
    seeds.write("access", name, (number % 3 == 0 ? "ops\n" : number % 3 == 1 ? "gw-17\n" : "viewer\n") + topic);
  }
  seeds.write("text", "seed",
              "\x40gr\xc3\xb6\xc3\x9f"
              "er als erlaubt \xe2\x82\xac \xf0\x9f\x9a\x80 \x07 \xff end");
  seeds.write("base64", "seed", "SGVsbG8sIHdvcmxkIQ==");
  seeds.write("base64", "bytes", "YWJjZA==YQ==");
}

void write_requests(const SeedFolder& seeds) {
  const std::vector<std::string> commands = {
      R"({"command":"startRollout","correlationData":"c1","rule":"rollout: r\n","file":"r.yaml","reason":"go"})",
      R"({"command":"giveOrder","scope":"group/region=de","order":"freeze","plane":"model","release":"m@1","reason":"hot"})",
      R"({"command":"abortRollout","rollout":"r","mode":"revert"},{"command":"resumeRollout","rollout":"r","acknowledgeFailures":true})",
      R"({"command":"stopGroup","rollout":"r","group":"region=de","mode":"revert","reason":"hot"},{"command":"continueGroup","rollout":"r","group":"tag=lab"})",
      R"({"command":"releaseHold","rollout":"r","wave":"half","reason":"go"},{"command":"releaseHold","rollout":"r"})",
      R"({"command":"cancelDevice","rollout":"r","device":"gw-1","reason":"hot"},{"command":"readmitDevice","rollout":"r","device":"gw-1"})",
      R"({"command":"overrideDevice","device":"gw-1","plane":"model","release":"m@3","reason":"hot"},{"command":"clearOverride","device":"gw-1","plane":"model"})",
      R"({"command":"putBlob","digest":"0000000000000000000000000000000000000000000000000000000000000001","offset":4,"data":"YWJjZA=="})",
      R"({"command":"publishRelease","envelope":"AAAA"},{"command":"getMetrics"},{"command":"listDevices","after":"gw-1","limit":5})",
      R"({"command":"listAudit","after":18446744073709551615},{"command":"formatDisk"},5)",
      R"({"command":"listEvidence","device":"b-1","after":"b-1/0000000000000000000000000000000000000000000000000000000000000001"})",
      R"({"command":"getEvidence","device":"b-1","bundle":"0000000000000000000000000000000000000000000000000000000000000001","length":9})",
      R"({"command":"beginBlob","digest":"ff","size":4,"more":{"deep":[1,[2,[3]]]}})"};
  int number = 0;
  for (const auto& text : commands)
    seeds.write("control_request", "seed-" + std::to_string(++number), "{\"commands\":[" + text + "]}");
}

// The records of an engine that has a rollout with two devices, each split again into what engine_records seals.
void write_engine_records(const SeedFolder& seeds) {
  rules::Engine engine;
  std::map<std::string, std::string> kept;
  std::uint64_t now_s = 1790000000;
  const auto step = [&](decltype(rules::Event::what) what) {
    std::vector<rules::Effect> effects;
    engine.step({now_s++, std::move(what)}, effects);
    for (const auto& effect : effects) {
      if (const auto* record = std::get_if<rules::Persist>(&effect); record != nullptr && record->value) {
        kept[record->key] = *record->value;
      }
    }
  };
  for (const auto* id : {"gw-1", "gw-2"}) {
    rules::DeviceReport report;
    report.device = id;
    report.boot_id = report.seq = 1;
    report.facts.device_class = "rk3566";
    report.facts.region = "eu";
    report.facts.tags = {"lab"};
    step(rules::DeviceSeen{id});
    step(std::move(report));
  }
  const std::string text =
      "rollout: r\nseed: 7\ntargets: 'device.region == \"eu\"'\nversions: { model: m@1 }\n"
      "waves: [{ name: canary, percent: 50, gate: manual, soak: 0s }, { name: all, percent: 100, gate: auto, soak: 1s "
      "}]\n"
      "retry: { attempts: 3 }\nwindows: [{ from: '00:00', to: '24:00' }]\nutc_offset: -03:30\n";
  auto rule = rules::load_rule(text, "r.yaml").rule;
  FUZZ_REQUIRE(rule.has_value(), "the seed's rule has an error");
  Sha256 manifest;
  manifest.bytes[0] = 1;
  step(rules::Command{"alice", "go", 1,
                      rules::StartRollout{*rule, text, {{rules::Plane::model, "m", "1", manifest, 1}}}});
  for (const auto* id : {"gw-1", "gw-2"}) {  // one of them was assigned, and is to try again
    rules::DeviceReport report;
    report.device = id;
    report.boot_id = 1;
    report.seq = 2;
    report.facts.device_class = "rk3566";
    report.facts.region = "eu";
    report.facts.utc_offset_min = 60;
    report.attempt = rules::AttemptState::failed;
    report.attempt_epoch = 1;
    report.attempt_error = "fetch_failed";
    step(std::move(report));
  }
  step(rules::Command{
      "alice", "hot", 2,
      rules::GiveOrder{"group/region=eu", rules::OrderKind::freeze, rules::Plane::model, manifest, "m@1"}});
  step(rules::Tick{});
  std::string all;
  for (const auto& [key, value] : kept) {
    constexpr std::size_t frame = 1 + 8;  // format version and checksum, which engine_records puts around it
    const auto body = value.substr(1, value.size() - frame);
    all += key + "\n" + static_cast<char>(body.size() >> 8) + static_cast<char>(body.size() & 255) + body;
  }
  FUZZ_REQUIRE(!all.empty(), "the engine kept nothing");
  seeds.write("engine_records", "all", all);
}

}  // namespace

void write_text_seeds(const SeedFolder& seeds) {
  write_conditions(seeds);
  write_lines(seeds);
  write_requests(seeds);
  write_engine_records(seeds);
  write_yaml_below(seeds, "rules/examples/releases", "release_yaml");
  write_yaml_below(seeds, "rules/examples/policies", "policy_yaml");
  write_yaml_below(seeds, "tests/unit/rule_config/bad", "policy_yaml");
  write_files_below(seeds, "rules/examples/policies/example/evidence", "release_evidence");
  write_yaml_below(seeds, "rules/examples", "rule_yaml");
  write_yaml_below(seeds, "tests/unit/rule_config/bad", "rule_yaml");
  write_yaml_below(seeds, "tests/unit/rule_config/bad", "release_yaml");
  write_yaml_below(seeds, "tests/unit/rule_config/bad", "fleet_yaml");
  seeds.write(
      "fleet_yaml", "good",
      "groups:\n  - { count: 800, class: rk3566, region: eu, site: p-7, customer: a, os_version: '12', memory_tier: "
      "l,\n"
      "      memory_mb: 2048, agent_version: 1.4 (beta), tags: [lab, fast], accelerators: [npu] }\n  - { count: 3 }\n");
}

}  // namespace muster::fuzz
