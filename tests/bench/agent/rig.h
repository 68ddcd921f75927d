// What the agent's benchmarks stand on: a real broker with the plugin over TLS, musterctl, agents with a folder each,
// and an observer that says when something became visible. Main thread; nothing here returns an error: what breaks ends
// the program with a sentence (break_off).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/mqtt_client.h"
#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/ctl.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::bench {

using Clock = std::chrono::steady_clock;

[[nodiscard]] double ms_between(Clock::time_point from, Clock::time_point to);

class Rig;

// A muster-edge that updates the plane `model` and does nothing else: no notify command, no StatsD socket, a health
// window of a minute.
class Device {
 public:
  Device(const std::string& folder, std::string name, const std::string& tag, const Rig& rig);
  // Ends it and removes its folder, so that every round finds the memory that the one before used free again.
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] std::string data_dir() const { return folder_ + "/data"; }
  // Ends the agent and keeps its folder.
  void stop() { process_.kill_hard(); }
  [[nodiscard]] std::string log() const { return e2e::read_text(folder_ + "/edge.log"); }

 private:
  std::string folder_, name_;
  e2e::Process process_;
};

// How a program of the run connects by TLS, with the certificate `stem`.
[[nodiscard]] host::MqttOptions tls_client(std::uint16_t port, const e2e::Keys& keys, const std::string& stem,
                                           std::string id);

// An operator that listens to what devices are assigned and report. Handlers run on Paho's threads.
class Observer {
 public:
  Observer(std::uint16_t port, const e2e::Keys& keys);
  ~Observer();

  // When the newest assignment of this device became visible here; the moment zero of an update.
  [[nodiscard]] Clock::time_point assigned(const std::string& device, std::chrono::seconds patience);
  // When a report said that this attempt state was reached ("committed"); breaks off when it failed instead.
  [[nodiscard]] Clock::time_point reached(const std::string& device, const std::string& attempt,
                                          std::chrono::seconds patience);
  // Waits until the device has reported at all.
  void await_report(const std::string& device, std::chrono::seconds patience);

 private:
  struct Seen {
    std::string topic;
    std::string attempt;  // of a report
    Clock::time_point at;
  };
  void keep(host::MqttMessage&& message);
  [[nodiscard]] std::optional<Seen> wait_for(std::chrono::seconds patience,
                                             const std::function<bool(const Seen&)>& good);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Seen> seen_;
  std::unique_ptr<host::MqttClient> client_;
};

struct BigRelease {
  std::string file;
  std::size_t size = 0;  // bytes
};

class Rig {
 public:
  // `more_config` is added to mosquitto.conf.
  explicit Rig(const std::string& more_config = {});

  [[nodiscard]] const e2e::Broker& broker() const { return *broker_; }
  [[nodiscard]] const e2e::Keys& keys() const { return keys_; }
  [[nodiscard]] Observer& observer() { return *observer_; }
  [[nodiscard]] const e2e::Folder& folder() const { return folder_; }

  // A file of random bytes in the folder of the run.
  [[nodiscard]] std::string make_file(const std::string& name, std::size_t size, std::uint64_t seed);
  // Signs and publishes NAME@1 on the plane `model`, with this one file and no probes.
  void publish(const std::string& name, const std::string& file);
  // NAME@1 on the plane `firmware`: an image for either slot, for boards. No probes.
  void publish_firmware(const std::string& name, const std::string& slot_a, const std::string& slot_b);
  // big@1, one file of 100 MiB (16 MiB in a smoke run).
  BigRelease publish_big(const Options& options);
  // Started and known to the broker. `tag` is what a rollout names it by.
  [[nodiscard]] std::unique_ptr<Device> start_device(const std::string& name, const std::string& tag);
  // One wave over all devices with this tag.
  void start_rollout(const std::string& name, const std::string& release, const std::string& tag);
  // One wave of these versions ("{ firmware: fw@1 }") over all devices for which this condition holds.
  void start_rollout_of(const std::string& name, const std::string& versions, const std::string& targets);

 private:
  void control(const std::vector<std::string>& args);
  // Builds, signs and publishes what lies in `source` with this release file.
  void publish_from(const std::string& source, const std::string& name, const std::string& release_file);

  e2e::Folder folder_;
  e2e::Keys keys_;
  std::unique_ptr<e2e::Broker> broker_;
  std::unique_ptr<e2e::Ctl> ctl_;
  std::unique_ptr<Observer> observer_;
};

// What devices and the peers' clients are started with: in the field they are other machines, and here they must not
// take the broker's or the server's processor time.
inline constexpr const char* client_niceness = "10";

// Runs a program to its end and gives how long that took; breaks off when it fails.
double timed_run_ms(const std::vector<std::string>& args, const std::vector<std::string>& environment = {});

// Processor time of all threads of a process so far, in ms.
[[nodiscard]] double cpu_ms(pid_t pid);

// Peers may be missing: breaks off and names the package when a program is not in PATH or /usr/sbin.
void require_program(const std::string& name, const std::string& package);

// Writes everything that is dirty to the disk, so that one measurement does not pay for the one before.
void settle_disk();

}  // namespace muster::bench
