// Debian's rauc as its users run it: `rauc service` on a D-Bus of its own, two slots that are files, bundles signed by
// a key made here. Main thread; what breaks ends the program.
#pragma once

#include <string>

#include "tests/e2e/harness/process.h"

namespace muster::bench {

class Rauc {
 public:
  // Makes keys, configuration and slots of `slot_size` bytes below `folder`, and starts the bus.
  Rauc(std::string folder, std::size_t slot_size);

  // Makes the bundle that install() installs. REQUIRES: `image` is of the slots' size.
  void make_bundle(const std::string& image);
  void start_service();
  void stop_service() { service_.kill_hard(); }
  // From the command to its end: checked against its signature, in the slot, synced.
  [[nodiscard]] double install_ms();
  [[nodiscard]] pid_t service_pid() const { return service_.pid(); }
  // That install() put these bytes into the slot.
  void check_installed(const std::string& image) const;

 private:
  [[nodiscard]] std::string bus() const { return "DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + folder_ + "/bus"; }
  void write_configuration() const;

  std::string folder_;
  e2e::Process bus_, service_;
};

}  // namespace muster::bench
