// A real muster-edge with its own folder, and what can be seen of it from outside: slots, calls of its workload
// commands, its log. Tests only; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::e2e {

struct AgentSettings {
  std::string region = "eu";
  std::string device_class = "rk3566";
  std::string tags = "[]";
  std::string device_id = {};    // in its configuration; empty: as its certificate says
  std::string certificate = {};  // stem; empty: one made for its name
  std::string more_config = {};  // lines added to its configuration
  std::string probe = {};        // the program behind the probe good-file; empty: the one that judges model.txt
  bool shadow = false;           // its allowlist has run-beside, what runs a release in the shadow
  std::optional<std::uint64_t> disk_bytes = {};  // its data folder lies on a disk of this size
  std::string host = "127.0.0.1";                // it connects there,
  std::uint16_t port = 0;                        // at this port; 0: the broker's
  std::string keepalive = "30s";
  std::string backoff = "{ first: 100ms, max: 500ms }";
  std::vector<std::string> environment = {};  // additions, "NAME=value"
};

class Agent {
 public:
  Agent(std::string folder, std::string name, std::uint16_t broker_port, const Keys& keys, AgentSettings settings = {});

  void start();
  // From the next start on.
  void set_environment(std::vector<std::string> environment) { settings_.environment = std::move(environment); }
  [[nodiscard]] std::optional<int> wait_exit(Milliseconds patience) { return process_.wait_exit(patience); }
  [[nodiscard]] Finished start_refused();  // an agent that is expected to end by itself: exit code and what it printed
  void kill_hard() { process_.kill_hard(); }
  void stop();
  void stop_quietly();  // the same, whatever it ends with
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string config_file() const { return folder_ + "/edge.yaml"; }
  [[nodiscard]] std::string data_dir() const { return folder_ + "/data"; }
  [[nodiscard]] std::string statsd_socket() const { return folder_ + "/statsd.sock"; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool log_has(const std::string& text) const { return log().find(text) != std::string::npos; }

  // The active slot's file; empty when the plane or the file is missing.
  [[nodiscard]] std::string active_file(const std::string& plane, const std::string& file) const;
  [[nodiscard]] std::string active_digest(const std::string& plane) const;  // the manifest digest, by the symlink
  [[nodiscard]] std::size_t slot_count(const std::string& plane) const;
  // What the workload was told, in order: "notify-model", "degraded", "normal", "restart".
  [[nodiscard]] std::vector<std::string> calls() const;
  [[nodiscard]] std::size_t call_count(const std::string& word) const;
  // Sends StatsD lines to the agent's socket, which must take them.
  void statsd(const std::string& lines) const;
  // The same while it may be down: false when nobody took them. Any thread.
  [[nodiscard]] bool offer_statsd(const std::string& lines) const;

 private:
  void write_config() const;
  [[nodiscard]] Launch launch() const;

  std::string folder_, name_;
  std::uint16_t port_;
  const Keys& keys_;
  AgentSettings settings_;
  Process process_;
};

}  // namespace muster::e2e
