// A real Mosquitto on a free loopback port without TLS and without the plugin, for the MCU client's MQTT alone. Tests
// only; one thread.
#pragma once

#include <signal.h>

#include <cstdint>
#include <string>

#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

class PlainBroker {
 public:
  // Lines for mosquitto.conf besides the listener. Persistent: every change is on disk before the next is looked at.
  explicit PlainBroker(const std::string& more_config = "allow_anonymous true\n", bool persistent = false);

  [[nodiscard]] bool start();  // and waits until it accepts connections
  void kill_hard() { process_.kill_hard(); }
  void stop_running() const { process_.signal(SIGSTOP); }
  void go_on() const { process_.signal(SIGCONT); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const Folder& folder() const { return folder_; }

 private:
  Folder folder_;
  std::uint16_t port_;
  Process process_;
};

}  // namespace muster::e2e
