#include "tests/e2e/mcu/device.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <utility>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {

std::uint32_t device_slowness() {
  return watcher() == Watcher::memcheck ? static_cast<std::uint32_t>(slowness()) : 1;
}

std::string mcu_firmware(const std::string& behaviour, const std::string& tag, std::size_t size) {
  std::string image = "muster-posix-firmware " + behaviour + " " + tag + "\n";
  std::uint32_t seed = 1;
  for (const char c : tag) seed = seed * 31 + static_cast<unsigned char>(c);
  if (size > image.size()) image += noise(size - image.size(), seed);
  return image;
}

McuDevice::McuDevice(std::string folder, std::string name, std::uint16_t broker_port, const Keys& keys,
                     McuSettings settings)
    : folder_(std::move(folder)),
      name_(std::move(name)),
      flash_(folder_ + "/flash.bin"),
      port_(settings.port != 0 ? settings.port : broker_port),
      settings_(std::move(settings)) {
  const auto stem = keys.device(name_);
  write_text(folder_ + "/factory.bin", mcu_firmware(settings_.firmware, "factory"));
  const auto made = run({programs::provision,
                         "--board",
                         "posix",
                         "--flash",
                         flash_,
                         "--device-id",
                         name_,
                         "--class",
                         settings_.device_class,
                         "--region",
                         settings_.region,
                         "--memory-mb",
                         "1",
                         "--broker-name",
                         "localhost",
                         "--root",
                         keys.folder() + "/root.menv",
                         "--ca",
                         keys.ca(),
                         "--cert",
                         stem + ".crt",
                         "--key",
                         stem + ".key",
                         "--security-version",
                         std::to_string(settings_.security_version),
                         "--firmware",
                         folder_ + "/factory.bin"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
}

void McuDevice::start() {
  launch({});
}

void McuDevice::start_with_cut(std::uint64_t n, std::uint64_t seed) {
  launch({"--cut-at", std::to_string(n), "--cut-seed", std::to_string(seed)});
}

void McuDevice::launch(const std::vector<std::string>& more) {
  const auto slow = [](std::uint32_t time) { return std::to_string(time * device_slowness()); };
  std::vector<std::string> args = {programs::mcu,
                                   "--flash",
                                   flash_,
                                   "--port",
                                   std::to_string(port_),
                                   "--watchdog-ms",
                                   slow(settings_.watchdog_ms),
                                   "--check-ms",
                                   slow(settings_.check_ms),
                                   "--health-ms",
                                   slow(settings_.health_ms),
                                   "--healthy-ms",
                                   slow(settings_.healthy_ms),
                                   "--keepalive-s",
                                   slow(settings_.keepalive_s),
                                   "--backoff-ms",
                                   std::to_string(settings_.backoff_ms)};
  args.insert(args.end(), more.begin(), more.end());
  Launch launch;
  launch.args = watched_restarting_command(std::move(args));
  launch.log = folder_ + "/mcu.log";
  launch.environment = settings_.environment;
  process_ = Process(launch);
}

void McuDevice::bite() const {
  process_.signal(SIGALRM);
}

std::uint64_t McuDevice::stop() {
  const auto before = log().size();
  process_.signal(SIGTERM);
  EXPECT_TRUE(ended_well(process_.wait_exit(10s))) << name_ << " did not end within 10 s of SIGTERM";
  process_.kill_hard();
  const auto text = log();
  const std::string word = "MUSTER_MCU_OPERATIONS=";
  const auto at = text.find(word, before);
  EXPECT_NE(at, std::string::npos) << text.substr(before);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + word.size(), nullptr, 10);
}

void McuDevice::stop_quietly() {
  process_.signal(SIGTERM);
  EXPECT_TRUE(process_.wait_exit(10s).has_value()) << name_ << " did not end within 10 s of SIGTERM";
}

std::string McuDevice::running_slot() const {
  const auto text = log();
  const std::string word = "info: slot ";
  const auto at = text.rfind(word);
  return at == std::string::npos ? "" : text.substr(at + word.size(), 1);
}

std::string McuDevice::log() const {
  return read_text(folder_ + "/mcu.log");
}

std::size_t McuDevice::log_count(const std::string& text) const {
  const auto all = log();
  std::size_t count = 0;
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
  return count;
}

}  // namespace muster::e2e
