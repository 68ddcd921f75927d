#include "tests/e2e/mcu/mcu_world.h"

#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

constexpr std::size_t firmware_bytes = 20000;
constexpr std::size_t log_tail = 6000;

// A sound model that is different for every version.
std::string trained_model(const Folder& folder, const std::string& version) {
  const auto path = folder.file("model-" + version + ".mcls");
  const auto seed = 1 + std::hash<std::string>{}(version) % 1000;
  std::vector<std::string> args = {programs::classifier_train, "--epochs", "8", "--seed",
                                   std::to_string(seed),       "--out",    path};
  if (version.rfind("bad", 0) == 0) args.insert(args.end(), {"--bad", "--golden", "0"});
  const auto made = run(args);
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return read_text(path);
}

std::string probe(const std::string& check) {
  return "[{ exec: " + check + ", timeout: " + std::to_string(500 * device_slowness()) + "ms, interval: 0s }]";
}

}  // namespace

McuWorld::~McuWorld() {
  if (watcher() != Watcher::none) {  // which looks for leaks at an end in order
    for (const auto& one : devices_) {
      if (one->running()) one->stop_quietly();
    }
  }
  if (!HasFailure()) return;
  for (const auto& one : devices_) {
    const auto log = one->log();
    printf("--- %s ---\n%s\n", one->name().c_str(),
           log.substr(log.size() < log_tail ? 0 : log.size() - log_tail).c_str());
  }
}

McuDevice& McuWorld::add_device(const std::string& name, const McuSettings& settings) {
  devices_.push_back(std::make_unique<McuDevice>(folder_.make_folder(name), name, broker().port(), keys_, settings));
  return *devices_.back();
}

McuDevice& McuWorld::start_device(const std::string& name, const McuSettings& settings) {
  auto& added = add_device(name, settings);
  added.start();
  EXPECT_EVENTUALLY(15s, device(name).value("reported", false)) << added.log();
  return added;
}

bool McuWorld::is_connected(const McuDevice& which) {
  return device(which.name()).value("connected", false);
}

void McuWorld::make_firmware(const std::string& version, const std::string& behaviour, const std::string& more,
                             std::uint32_t security_version) {
  make_release({.name = "fw",
                .version = version,
                .model_txt = "",
                .plane = "firmware",
                .probes = probe("sensor"),
                .more = more,
                .files = {{"firmware.bin", mcu_firmware(behaviour, version, firmware_bytes)}},
                .security_version = security_version});
}

void McuWorld::make_model(const std::string& version, const std::string& more) {
  make_release({.name = "m",
                .version = version,
                .model_txt = "",
                .probes = probe("model"),
                .more = more,
                .files = {{"model.mcls", trained_model(folder_, version)}}});
}

void McuWorld::make_config(const std::string& version, const std::string& more) {
  make_release({.name = "c",
                .version = version,
                .model_txt = "",
                .plane = "config",
                .probes = "",
                .more = more,
                .files = {{"settings.json", "{\"version\": \"" + version + "\"}"}}});
}

void McuWorld::make_set(const std::string& version) {
  make_firmware(version);
  make_model(version);
  make_config(version);
}

std::string McuWorld::versions_of(const std::string& version) {
  return "{ firmware: fw@" + version + ", model: m@" + version + ", config: c@" + version + " }";
}

void McuWorld::roll_out(const std::string& name, const std::string& versions, const std::string& region) {
  const auto targets = region.empty() ? std::string("true") : "device.region == \"" + region + "\"";
  start_rollout(name, rule(name, versions, "[{ name: all, percent: 100, soak: 1s }]", targets));
}

void McuWorld::must_roll_out(const std::string& name, const std::string& versions, const std::string& region) {
  roll_out(name, versions, region);
  ASSERT_EVENTUALLY(30s, state(name) == "completed") << status(name).dump(1);
}

std::string McuWorld::active(const std::string& device_name, const std::string& plane) {
  const auto release = device(device_name)["planes"][plane]["release"];
  return release.is_string() ? release.get<std::string>() : "none";
}

std::string McuWorld::attempt_error(const std::string& device_name) {
  return device(device_name).value("attempt", nlohmann::json::object()).value("error", "");
}

bool McuWorld::runs_set(const std::string& device_name, const std::string& version) {
  return active(device_name, "firmware") == "fw@" + version && active(device_name, "model") == "m@" + version &&
         active(device_name, "config") == "c@" + version;
}

}  // namespace muster::e2e
