// A real Mosquitto on a free loopback port, over TLS with client certificates, with or without Muster's plugin.
// Tests only; one thread.
#pragma once

#include <signal.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

struct BrokerSettings {
  std::map<std::string, std::string> operators = {{"ops", "[view, operate, approve]"}, {"viewer", "[view]"}};
  std::uint64_t chunk_bytes_per_s = 0;  // 0: no cap
  std::uint64_t evidence_mb = 256;      // of all devices together
  bool with_plugin = true;
  std::optional<std::uint64_t> disk_bytes = {};  // the data folder lies on a disk of this size
  std::string data_dir = {};                     // empty: one of its own
  std::string more_config = {};                  // lines added to mosquitto.conf
  std::string more_plugin_config = {};           // lines added to the plugin's configuration
};

class Broker {
 public:
  // Writes its configuration below `folder`; start() runs it.
  Broker(std::string folder, const Keys& keys, BrokerSettings settings = {});

  // Starts and waits until it accepts connections; false (with the log in the test's output) when it ended instead.
  [[nodiscard]] bool start();
  // Starts a broker that is expected to refuse: its exit code and what it printed.
  [[nodiscard]] Finished start_refused();
  void kill_hard() { process_.kill_hard(); }  // kill -9
  void stop();                                // SIGTERM, and waits for the orderly end
  // Like start(), but an end before it accepts connections is no failure: false then.
  [[nodiscard]] bool start_or_end();
  void ask_to_stop() const { process_.signal(SIGTERM); }
  [[nodiscard]] std::optional<int> wait_exit(Milliseconds patience) { return process_.wait_exit(patience); }
  // Additions to its environment, "NAME=value", from the next start on.
  void set_environment(std::vector<std::string> environment) { environment_ = std::move(environment); }
  // Writes the plugin's configuration again and sends SIGHUP.
  void reload(const BrokerSettings& settings);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] std::uint64_t resident_kib() const;  // its memory now; 0 when it does not run
  [[nodiscard]] const Keys& keys() const { return keys_; }
  [[nodiscard]] std::string data_dir() const {
    return settings_.data_dir.empty() ? folder_ + "/data" : settings_.data_dir;
  }
  void take_port_of(const Broker& other);  // before start: to meet it there
  [[nodiscard]] std::string plugin_config() const { return folder_ + "/muster.yaml"; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool log_has(const std::string& text) const { return log().find(text) != std::string::npos; }

 private:
  void write_config() const;
  void write_plugin_config() const;
  [[nodiscard]] Launch launch() const;

  std::string folder_;
  const Keys& keys_;
  BrokerSettings settings_;
  std::uint16_t port_;
  std::vector<std::string> environment_;
  Process process_;
};

// A port on 127.0.0.1 that nothing listens on now.
[[nodiscard]] std::uint16_t free_port();
[[nodiscard]] bool accepts_connections(std::uint16_t port);

}  // namespace muster::e2e
