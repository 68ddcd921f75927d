// The MCU client as a process (the posix port): a flash that the factory wrote, the real bootloader, TLS to a broker.
// Tests only; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

struct McuSettings {
  std::string region = "eu";
  std::string device_class = "cortex-m3";
  std::string firmware = "good";  // how the factory's firmware behaves
  std::uint32_t watchdog_ms = 1500;
  std::uint32_t check_ms = 8000;
  std::uint32_t health_ms = 500;
  std::uint32_t healthy_ms = 3000;
  std::uint32_t keepalive_s = 30;
  std::uint32_t backoff_ms = 300;             // the longest wait between attempts to connect
  std::uint32_t security_version = 0;         // of the factory's firmware
  std::uint16_t port = 0;                     // it connects there; 0: the broker's
  std::vector<std::string> environment = {};  // additions, "NAME=value"
};

// By how much a device's own times are longer than its settings say, so that they bear what memcheck takes. Sanitizers
// slow it by less than the settings bear.
[[nodiscard]] std::uint32_t device_slowness();

// What the posix port takes for a firmware image; two of different `tag` are different images. `size` bytes of it.
[[nodiscard]] std::string mcu_firmware(const std::string& behaviour, const std::string& tag, std::size_t size = 3000);

class McuDevice {
 public:
  McuDevice(std::string folder, std::string name, std::uint16_t broker_port, const Keys& keys,
            McuSettings settings = {});

  void start();
  // Starts it so that its power fails during flash operation `n` (counted from this start, over its resets); `seed`
  // says how much of that operation takes place.
  void start_with_cut(std::uint64_t n, std::uint64_t seed);
  void kill_hard() { process_.kill_hard(); }
  // The watchdog's reset, now; the process goes on as the next start.
  void bite() const;
  // Switches it off: how many flash operations there were since start(), over all resets.
  [[nodiscard]] std::uint64_t stop();
  void stop_quietly();  // the same, also in the middle of a reset
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] std::optional<int> wait_exit(Milliseconds patience) { return process_.wait_exit(patience); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& flash() const { return flash_; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::size_t log_count(const std::string& text) const;
  [[nodiscard]] bool log_has(const std::string& text, std::size_t from = 0) const {
    return log().find(text, from) != std::string::npos;
  }
  // "a" or "b": the firmware slot of the newest start; empty before the first.
  [[nodiscard]] std::string running_slot() const;

 private:
  void launch(const std::vector<std::string>& more);

  std::string folder_, name_, flash_;
  std::uint16_t port_;
  McuSettings settings_;
  Process process_;
};

}  // namespace muster::e2e
