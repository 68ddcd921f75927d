// A device around the real client: simulated NOR flash, the real bootloader, virtual time, and a port whose stream is a
// Broker in memory. A reset or a power cut ends everything that the client object could still do; the next start makes
// a new one on the same flash. Tests only; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcu-client/include/client.h"
#include "mcu-client/ports/posix/nor_flash.h"
#include "tests/unit/mcu/session/bench/broker.h"

namespace muster::mcu::sim {

struct DeviceSpec {
  std::string id = "mcu-0", device_class = "cortex-m3", region = "eu", memory_tier;
  std::vector<std::string> tags;
  std::uint32_t memory_mb = 1;
  std::size_t in_size = in_buffer_size, out_size = out_buffer_size, work_size = work_buffer_size;
  ClientSettings settings;
  std::uint64_t first_uptime_ms = 0;  // what the chip's clock says when it starts
  std::uint64_t unix_s = 0;           // what the right clock says at virtual time 0; 0: there is no clock
  std::uint64_t seed = 1;             // of its entropy
  std::uint32_t watchdog_ms = 0;      // 0: there is none
  // What the application says before each start.
  std::int16_t utc_offset_min = limits::utc_offset_unsaid;
};

[[nodiscard]] Layout device_layout();

class Device {
 public:
  // `root` is the signed root document, `factory` the firmware in slot A. Ends the program when they do not fit.
  Device(const DeviceSpec& spec, Broker& broker, const Bytes& root, const Release& factory);
  // With what another one of the same spec has in its flash.
  Device(const DeviceSpec& spec, Broker& broker, const NorFlash& flash);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Power on, or any other start: the bootloader, then the client; resets that it orders at once take place. False,
  // with `start_error`, when nothing runs or the power was cut meanwhile.
  bool start(ResetCause cause = ResetCause::power_on);
  // One round of the firmware's loop. What the client's poll() said; a reset that it ordered has taken place then.
  bool poll();
  // The virtual time; the chip's own clock goes with it.
  void set_time(std::uint64_t now_ms) { now_ms_ = now_ms; }

  [[nodiscard]] bool running() const { return client_ != nullptr && alive(); }
  [[nodiscard]] Client& client() { return *client_; }
  [[nodiscard]] NorFlash& nor() { return nor_; }
  [[nodiscard]] Sha256 active(Plane plane) const { return client_->machine().active(plane); }
  [[nodiscard]] bool logged(const std::string& text) const;
  [[nodiscard]] std::size_t log_count(const std::string& text) const;
  // What the client's flash holds of this file of the active release.
  [[nodiscard]] Bytes file(Plane plane, const std::string& name) const;

  // --- the workload ---
  bool workload_lives = true;
  CheckResult sensor = CheckResult::healthy;
  CheckResult sensor_of_slot_b = CheckResult::healthy;  // firmware in slot B, which the tests put on trial
  WorkloadMode mode = WorkloadMode::normal;
  unsigned reloads = 0, runs = 0, restarts = 0;

  // --- what it saw ---
  int start_error = ok;
  unsigned starts = 0, resets = 0, bites = 0, feeds = 0;
  int running_slot = -1;
  std::uint64_t fed_ms = 0;
  std::vector<std::string> log;
  std::vector<std::uint32_t> random;  // every four bytes of entropy that were given

 private:
  Device(const DeviceSpec& spec, Broker& broker);
  void provision(const Bytes& root, const Release& factory);
  void fill_port();
  void begin(ResetCause cause);
  [[nodiscard]] bool alive() const { return !reset_ordered_ && nor_.has_power(); }
  static Device& of(void* self) { return *static_cast<Device*>(self); }

  const DeviceSpec spec_;
  const Layout layout_;
  Broker& broker_;
  NorFlash nor_;
  Port port_;
  Check checks_[1];
  Application application_;
  std::unique_ptr<std::uint64_t[]> in_, out_, work_;
  std::unique_ptr<Client> client_;
  bool reset_ordered_ = false;
  ResetCause cause_ = ResetCause::power_on;
  std::uint64_t now_ms_ = 0, started_ms_ = 0, random_ = 0;
};

}  // namespace muster::mcu::sim
