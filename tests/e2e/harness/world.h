// The fixture of the end-to-end tests: a folder, a broker, agents, an operator at musterctl and one on a raw
// connection. When a test has failed, the ends of all logs are printed before the folder goes. Tests only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/e2e/harness/agent.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/ctl.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/session.h"

namespace muster::e2e {

// A release to build, sign and publish. Files beside model.txt are named in `files`.
struct ReleaseToMake {
  std::string name, version;
  std::string model_txt = "good";  // of the file model.txt; empty: there is none
  std::string plane = "model";
  std::string probes = "[{ exec: good-file, timeout: 5s }]";
  std::string more = {};                                        // lines added to the release file
  std::vector<std::pair<std::string, std::string>> files = {};  // name and content
  std::uint32_t security_version = 1;
};

class World : public ::testing::Test {
 protected:
  World();
  ~World() override;

  // Starts the broker and the operators' connections. Tests that want other settings give them before anything else.
  void open(BrokerSettings settings = {});
  Agent& add_agent(const std::string& name, AgentSettings settings = {});  // made, not started
  // Started agents gw-0 … gw-(n-1), waited for until the broker has their reports.
  void start_fleet(std::size_t count, const AgentSettings& settings = {});
  Agent& agent(std::size_t index) { return *agents_.at(index); }
  Agent& agent_named(const std::string& name);
  [[nodiscard]] std::size_t agent_count() const { return agents_.size(); }

  Broker& broker() { return *broker_; }
  Ctl& ctl() { return *ctl_; }  // as "ops", with all roles
  [[nodiscard]] Ctl ctl_as(const std::string& user) const { return Ctl(broker_->port(), keys_, user); }
  Session& ops();                     // a raw connection as "ops", opened again when it was lost
  void leave_ops() { ops_.reset(); }  // so that it is opened anew: the broker is about to be killed
  [[nodiscard]] std::unique_ptr<Session> device_session(
      const std::string& name) const;  // connected with its certificate
  [[nodiscard]] std::unique_ptr<Session> operator_session(const std::string& name) const;

  void make_release(const ReleaseToMake& release);   // build, sign, publish by musterctl
  void build_release(const ReleaseToMake& release);  // build and sign only
  [[nodiscard]] std::string release_folder(const std::string& ref) const { return folder_.file("releases/" + ref); }
  Sha256 published_blob(const std::string& content);  // publishes it as the release blob@1: devices may fetch it
  // Writes `text` as NAME.yaml and starts it by musterctl; fails the test when that is refused.
  void start_rollout(const std::string& name, const std::string& text);
  [[nodiscard]] std::string rule_file(const std::string& name, const std::string& text);

  // --- looking ---
  [[nodiscard]] std::size_t agents_with(const std::string& model_txt) const;  // whose active model says so
  [[nodiscard]] nlohmann::json status(const std::string& rollout);
  [[nodiscard]] std::string state(const std::string& rollout);
  [[nodiscard]] long count(const std::string& rollout, const std::string& field);  // targets, reached, done, failed, …
  [[nodiscard]] nlohmann::json device(const std::string& name);
  [[nodiscard]] std::string device_state(const std::string& name);
  [[nodiscard]] nlohmann::json metrics();
  [[nodiscard]] long refused(const std::string& reason);
  [[nodiscard]] nlohmann::json audit();  // all entries
  [[nodiscard]] std::size_t audit_count(const std::string& what);
  void expect_audit_intact();  // by `musterctl audit verify`

  Folder folder_;
  const Keys& keys_;

 private:
  void look_at_reports();

  std::unique_ptr<Broker> broker_;
  std::unique_ptr<Ctl> ctl_;
  std::unique_ptr<Session> ops_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

// A rule with fast settings. `waves` is the YAML list.
[[nodiscard]] std::string rule(const std::string& name, const std::string& versions, const std::string& waves,
                               const std::string& targets = "device.region in [\"eu\", \"us\"]",
                               const std::string& more = {});

}  // namespace muster::e2e
