// Real Mosquitto brokers to measure: with Muster's plugin, or the same without it. Clients are told apart by their
// username over plain TCP, on both sides alike, so that TLS does not drown what is compared; musterctl uses a second
// listener with certificates. What cannot be started ends the program. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/process.h"

namespace muster::bench {

// Keys and certificates by musterctl, once a program.
class BenchKeys {
 public:
  BenchKeys();
  [[nodiscard]] std::string folder() const { return folder_.file("keys"); }
  [[nodiscard]] std::string operator_stem() const { return folder_.file("ops"); }
  [[nodiscard]] std::string server_stem() const { return folder() + "/server"; }

 private:
  e2e::Folder folder_;
};

class BenchBroker {
 public:
  enum class Kind { with_plugin, bare };

  // `data_dir` of an earlier broker to go on with; empty: a new one.
  BenchBroker(Kind kind, const BenchKeys& keys, const std::string& data_dir = {});
  ~BenchBroker();
  BenchBroker(const BenchBroker&) = delete;
  BenchBroker& operator=(const BenchBroker&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& data_dir() const { return data_dir_; }
  // SIGTERM, and waits until everything is on disk.
  void stop();
  // Builds, signs and publishes a release of one small file, by musterctl.
  void publish_release(const std::string& name, const std::string& version);
  void ctl(std::vector<std::string> args) const;
  // The most memory it ever had in RAM.
  [[nodiscard]] double peak_memory_mib() const;
  // CPU time of all its threads so far.
  [[nodiscard]] double cpu_seconds() const;

 private:
  void write_config(Kind kind) const;
  void wait_until_up();

  const BenchKeys& keys_;
  e2e::Folder folder_;
  std::string data_dir_;
  std::uint16_t port_ = 0, tls_port_ = 0;
  e2e::Process process_;
};

// Runs a program; breaks off with its words when it fails.
void run_or_break_off(const std::vector<std::string>& args, const std::vector<std::string>& environment = {});

}  // namespace muster::bench
