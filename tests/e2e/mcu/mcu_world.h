// The fixture of the tests with MCU devices as processes: a World that also has devices without an operating system,
// and the releases that they run. When a test has failed, their logs are printed. Tests only; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/harness/world.h"
#include "tests/e2e/mcu/device.h"

namespace muster::e2e {

class McuWorld : public World {
 protected:
  ~McuWorld() override;

  McuDevice& add_device(const std::string& name, const McuSettings& settings = {});  // made, not started
  // Started, and waited for until the broker has its report.
  McuDevice& start_device(const std::string& name, const McuSettings& settings = {});
  [[nodiscard]] McuDevice& mcu(std::size_t index) { return *devices_.at(index); }
  [[nodiscard]] std::size_t mcu_count() const { return devices_.size(); }
  [[nodiscard]] bool is_connected(const McuDevice& device);

  // fw@VERSION, m@VERSION, c@VERSION; `more` are lines for the release file.
  void make_firmware(const std::string& version, const std::string& behaviour = "good", const std::string& more = {},
                     std::uint32_t security_version = 1);
  void make_model(const std::string& version, const std::string& more = {});  // trained; "bad": well-formed and useless
  void make_config(const std::string& version, const std::string& more = {});
  // All three with the same version; `versions_of` names them for a rule.
  void make_set(const std::string& version);
  [[nodiscard]] static std::string versions_of(const std::string& version);

  // A rollout with one wave over the devices of `region`; empty: over all.
  void roll_out(const std::string& name, const std::string& versions, const std::string& region = {});
  // And waits until it is completed.
  void must_roll_out(const std::string& name, const std::string& versions, const std::string& region = {});

  // --- looking ---
  [[nodiscard]] std::string active(const std::string& device_name,
                                   const std::string& plane);  // "none" when it is no release
  [[nodiscard]] std::string attempt_error(const std::string& device_name);
  [[nodiscard]] bool runs_set(const std::string& device_name, const std::string& version);

 private:
  std::vector<std::unique_ptr<McuDevice>> devices_;
};

}  // namespace muster::e2e
