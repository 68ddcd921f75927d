// Operators beyond their role: every command under every set of roles, and people that the configuration does not name.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

constexpr int not_authorised = 0x87;

struct Permission {
  std::string command;
  std::string role;  // that it needs
};

// The page's table of commands: "| `beginBlob` | operate | …".
std::vector<Permission> permissions() {
  std::ifstream page(MUSTER_SOURCE_DIR "/docs/control-api.md");
  static const std::regex row(R"(^\| `([A-Za-z]+)` \| ([a-z]+) \|.*)");
  std::vector<Permission> found;
  for (std::string line; std::getline(page, line);) {
    if (std::smatch match; std::regex_match(line, match, row)) found.push_back({match[1], match[2]});
  }
  return found;
}

// Fields with which each command is well formed, and starts nothing even for who may give it.
const nlohmann::json& fields_of() {
  static const std::string digest(64, 'a');
  static const nlohmann::json table = {
      {"beginBlob", {{"digest", digest}, {"size", 4}}},
      {"putBlob", {{"digest", digest}, {"offset", 0}, {"data", "YWJjZA=="}}},
      {"endBlob", {{"digest", digest}}},
      {"publishRelease", {{"envelope", "AAAA"}}},
      {"listReleases", nlohmann::json::object()},
      {"getRelease", {{"release", "none@1"}}},
      {"moveRelease", {{"envelope", "AAAA"}}},
      {"getReleaseEvidence", {{"release", "none@1"}, {"digest", digest}}},
      {"checkRollout", {{"rule", "rollout: x"}, {"file", "x.yaml"}}},
      {"startRollout", {{"rule", "rollout: x"}, {"file", "x.yaml"}}},
      {"approveRollout", {{"rollout", "none"}}},
      {"pauseRollout", {{"rollout", "none"}}},
      {"resumeRollout", {{"rollout", "none"}}},
      {"releaseHold", {{"rollout", "none"}}},
      {"holdWave", {{"rollout", "none"}, {"before", "swap"}}},
      {"changePace", {{"rollout", "none"}, {"pace", {{"per_minute", 1}}}}},
      {"abortRollout", {{"rollout", "none"}, {"mode", "keep"}}},
      {"stopGroup", {{"rollout", "none"}, {"group", "region=eu"}, {"reason", "r"}}},
      {"continueGroup", {{"rollout", "none"}, {"group", "region=eu"}}},
      {"cancelDevice", {{"rollout", "none"}, {"device", "none"}, {"reason", "r"}}},
      {"readmitDevice", {{"rollout", "none"}, {"device", "none"}}},
      {"overrideDevice", {{"device", "none"}, {"plane", "model"}, {"release", "none@1"}, {"reason", "r"}}},
      {"clearOverride", {{"device", "none"}, {"plane", "model"}}},
      {"getRollout", {{"rollout", "none"}}},
      {"listRollouts", nlohmann::json::object()},
      {"listDevices", nlohmann::json::object()},
      {"getDevice", {{"device", "none"}}},
      {"explainDevice", {{"device", "none"}}},
      {"giveOrder", {{"scope", "device/none"}, {"order", "resume"}}},
      {"listAudit", {{"limit", 1}}},
      {"listEvidence", {{"device", "none"}}},
      {"getEvidence", {{"device", "none"}, {"bundle", digest}}},
      {"getMetrics", nlohmann::json::object()}};
  return table;
}

class HostileOperator : public World {
 protected:
  void SetUp() override {
    open({.operators = {{"ops", "[view, operate, approve]"},
                        {"viewer", "[view]"},
                        {"worker", "[operate]"},
                        {"checker", "[approve]"}}});
  }
};

TEST_F(HostileOperator, EveryCommandAsksForItsRole) {
  const auto commands = permissions();  // all there are: tests/unit/broker compares the page with the broker's table
  ASSERT_EQ(commands.size(), fields_of().size()) << "a command came or went: give it fields here";
  const std::map<std::string, std::set<std::string>> may = {{"viewer", {"view"}},
                                                            {"worker", {"view", "operate"}},
                                                            {"checker", {"view", "approve"}},
                                                            {"ops", {"view", "operate", "approve"}}};
  long expected = refused("role");
  for (const auto& [user, roles] : may) {
    auto session = operator_session(user);
    for (const auto& [command, role] : commands) {
      ASSERT_TRUE(fields_of().contains(command)) << command << " came: give it fields here";
      const auto response = session->control(command, fields_of()[command]);
      ASSERT_TRUE(response.contains("command")) << user << " got no answer to " << command;
      const auto error = response.value("error", "");
      const bool for_the_role = response.value("kind", "") == "refused" &&
                                error.find("needs the role " + role + ", which " + user) != std::string::npos;
      EXPECT_EQ(for_the_role, !roles.contains(role)) << user << " " << command << ": " << response.dump();
      EXPECT_NE(response.value("kind", ""), "usage") << "its fields are wrong: " << response.dump();
      if (!roles.contains(role)) ++expected;
    }
  }
  EXPECT_EQ(refused("role"), expected);
  EXPECT_TRUE(ops().control("listRollouts")["data"]["rollouts"].empty()) << "something was started";
  expect_audit_intact();
}

TEST_F(HostileOperator, APersonWhomNobodyNamedCommandsNothing) {
  auto stranger = operator_session("stranger");
  const std::string_view request = "{\"commands\":[{\"command\":\"getMetrics\",\"correlationData\":\"c\"}]}";
  const long counted = refused("acl_write");
  EXPECT_FALSE(stranger->subscribe("$CONTROL/muster/v1/response"));
  EXPECT_FALSE(stranger->subscribe("muster/v1/#"));
  EXPECT_EQ(stranger->publish("$CONTROL/muster/v1", ByteView(request)), not_authorised);
  EXPECT_EQ(refused("acl_write"), counted + 1);
  EXPECT_TRUE(throughout(500ms, [&] { return stranger->received_count("") == 0; }));
  // A certificate that says operator makes no operator, but whoever has one may be a device by that name: no more.
  EXPECT_EQ(stranger->publish("muster/v1/fleet/directive", ByteView(request), true), not_authorised);
}

TEST_F(HostileOperator, AnOperatorIsNoDevice) {
  auto worker = operator_session("worker");
  const long counted = refused("acl_write");
  EXPECT_EQ(worker->publish("muster/v1/device/worker/state", state_report({.device = "worker"}), true), not_authorised);
  EXPECT_EQ(worker->publish("muster/v1/device/gw-0/chunk/get", chunk_get({}, 0, 1)), not_authorised);
  EXPECT_EQ(refused("acl_write"), counted + 2);
  EXPECT_EQ(device("worker"), nlohmann::json::object());
}

// Roles are looked up for each command: one that was taken away is gone at once, in the same connection.
TEST_F(HostileOperator, ATakenRoleIsGone) {
  auto worker = operator_session("worker");
  const nlohmann::json order = {{"scope", "device/gw-9"}, {"order", "resume"}};
  EXPECT_TRUE(worker->control("giveOrder", order).contains("data"));
  broker().reload({.operators = {{"ops", "[view, operate, approve]"}, {"worker", "[view]"}}});
  EXPECT_EVENTUALLY(5s, worker->control("giveOrder", order).value("kind", "") == "refused");
}

// A reason that devices would refuse must not be sealed: the order would be none, and everybody would think it stood.
TEST_F(HostileOperator, AReasonThatDevicesRefuseIsRefusedBefore) {
  start_fleet(1);
  const auto order = [&](const std::string& reason) {
    return ops().control("giveOrder", {{"scope", "fleet"}, {"order", "safe_mode"}, {"reason", reason}});
  };
  EXPECT_EQ(order(std::string("bell\a")).value("kind", ""), "usage");
  EXPECT_EQ(order(std::string("nothing\0", 8)).value("kind", ""), "usage");
  EXPECT_EQ(device_state("gw-0"), "healthy");
  EXPECT_TRUE(order("größer als erlaubt\n\tsiehe Akte").contains("data"));
  EXPECT_EVENTUALLY(10s, device_state("gw-0") == "safe_mode");
}

}  // namespace
}  // namespace muster::e2e
