// The board mps2-an385 in QEMU: the real bootloader and firmware of build/mcu, a flash that is a file, and a way to one
// broker on the loopback. Tests only; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

// What the factory gives a board. `name` is its device id and what its certificate says.
struct BoardToMake {
  std::string name;
  std::string region = "eu";
  std::string firmware = {};  // linked for slot A; empty: firmware-a.bin of build/mcu
  bool with_certificates = true;
  std::string broker_name = "localhost";  // what the broker's certificate must say
};

class QemuBoard {
 public:
  // Makes the flash FOLDER/NAME.flash by muster-mcu-provision. A part of build/mcu that is missing is a failed test.
  QemuBoard(const std::string& folder, const BoardToMake& board, const Keys& keys);

  // Power on. The broker listens on `broker_port` of the loopback, or will.
  void start(std::uint16_t broker_port);
  void kill_hard() { process_.kill_hard(); }  // power off, at whatever it was doing
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& flash() const { return flash_; }

  // Everything that it has printed, over all its starts.
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::size_t log_count(const std::string& text) const;
  // Waits until `text` is in the log more than `before` times.
  [[nodiscard]] bool wait_for_log(const std::string& text, Milliseconds patience, std::size_t before = 0) const;

 private:
  [[nodiscard]] Launch launch(std::uint16_t broker_port) const;

  std::string name_, flash_, console_, trouble_;
  Process process_;
};

// A file of build/mcu; a failed test says how to make it when it is missing.
[[nodiscard]] std::string mcu_file(const std::string& name);

}  // namespace muster::e2e
