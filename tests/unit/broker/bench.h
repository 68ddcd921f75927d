// The plugin on a bench: an installation, a recorder in place of the broker, and what a test needs to play devices and
// operators against it.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "broker-plugin/plugin.h"
#include "tests/unit/broker/fixtures.h"

namespace muster::broker::test {

class Bench {
 public:
  explicit Bench(std::string_view extra_yaml = "") : installation(extra_yaml) {}

  // Starts the plugin over the same folder; a failure is a test failure.
  void start();
  // The error of a start that must fail.
  [[nodiscard]] std::string start_error();
  void stop() { plugin.reset(); }

  // Sends commands and gives the responses; each is the JSON of one command with its fields.
  std::vector<nlohmann::json> request(const std::string& user, const std::vector<std::string>& commands);
  nlohmann::json command(const std::string& user, const std::string& fields);

  // Uploads the release's file and publishes it; gives the answer to publishRelease.
  nlohmann::json publish(const SignedRelease& release, const std::string& user = "alice");

  // A device's message; true when the broker may deliver it.
  bool message(const std::string& device, const std::string& leaf, ByteView payload, bool retain);
  bool report(const ReportFields& fields);

  // Ticks until the condition holds.
  [[nodiscard]] bool tick_until(const std::function<bool()>& done);
  [[nodiscard]] nlohmann::json rollout(const std::string& name);
  [[nodiscard]] nlohmann::json metrics();
  // Waits until the device's retained assignment has this epoch, opens it, gives the model manifest in it.
  [[nodiscard]] Sha256 assigned(const std::string& device, std::uint64_t epoch);

  Installation installation;
  RecordingPort port;
  std::unique_ptr<Plugin> plugin;

 private:
  int clients_ = 0;
};

// A rule for devices of class linux over one release of plane model.
[[nodiscard]] std::string rule_text(const std::string& rollout, const std::string& release,
                                    const std::string& gate = "auto");

}  // namespace muster::broker::test
