// Who may use which topic and which command, in both directions, against the real broker's access checks.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

constexpr int not_authorised = 0x87;

class AccessRules : public World {
 protected:
  void SetUp() override {
    open({.operators = {{"ops", "[view, operate, approve]"},
                        {"viewer", "[view]"},
                        {"worker", "[view, operate]"},
                        {"checker", "[approve]"}}});
  }
  static ByteView text(std::string_view text) { return ByteView(text); }
};

TEST_F(AccessRules, ADevicePublishesOnlyItsOwn) {
  auto device = device_session("gw-a");
  const auto mine = state_report({.device = "gw-a"});
  EXPECT_LT(device->publish("muster/v1/device/gw-a/state", mine, true), 0x80);
  EXPECT_LT(device->publish("muster/v1/device/gw-a/health", health_summary({.device = "gw-a"})), 0x80);
  EXPECT_LT(device->publish("muster/v1/device/gw-a/link", text("1"), true), 0x80);

  EXPECT_EQ(device->publish("muster/v1/device/gw-b/state", state_report({.device = "gw-b"}), true), not_authorised);
  EXPECT_EQ(device->publish("muster/v1/device/gw-b/health", health_summary({.device = "gw-b"})), not_authorised);
  EXPECT_EQ(device->publish("muster/v1/device/gw-b/link", text("0"), true), not_authorised);
  EXPECT_EQ(device->publish("muster/v1/device/gw-b/chunk/get", chunk_get({}, 0, 1)), not_authorised);
  EXPECT_EQ(refused("foreign_device"), 4);
  for (const std::string topic :
       {"muster/v1/device/gw-a/assignment", "muster/v1/device/gw-a/directive", "muster/v1/device/gw-a/chunk",
        "muster/v1/device/gw-a/ack", "muster/v1/group/region=eu/directive", "muster/v1/fleet/directive",
        "muster/v1/trust/root", "muster/v1/rollout/m-1", "muster/v1/metrics"}) {
    EXPECT_EQ(device->publish(topic, text("x"), true), not_authorised) << topic;
  }
  EXPECT_EQ(refused("acl_write"), 9);
  for (const std::string topic : {"muster/v1/device/gw-a/shell", "muster/v1/device/gw-a", "muster/v2/device/gw-a/state",
                                  "muster/v1/device//state"}) {
    EXPECT_EQ(device->publish(topic, text("x"), true), not_authorised) << topic;
  }
  EXPECT_EQ(refused("unknown_topic"), 4);
  EXPECT_TRUE(device->connected());
  EXPECT_EQ(this->device("gw-b"), nlohmann::json::object());
}

TEST_F(AccessRules, ADeviceReadsOnlyItsOwn) {
  auto device = device_session("gw-a");
  for (const std::string filter :
       {"muster/v1/device/gw-a/assignment", "muster/v1/device/gw-a/#", "muster/v1/group/region=eu/directive",
        "muster/v1/group/+/directive", "muster/v1/fleet/directive", "muster/v1/trust/root"}) {
    EXPECT_TRUE(device->subscribe(filter)) << filter;
  }
  const std::vector<std::string> foreign = {"muster/v1/device/gw-b/assignment",
                                            "muster/v1/device/+/state",
                                            "muster/v1/device/#",
                                            "muster/v1/#",
                                            "muster/#",
                                            "#",
                                            "+/v1/device/gw-b/state",
                                            "muster/v1/+/gw-b/state",
                                            "muster/v1/rollout/m-1",
                                            "muster/v1/rollout/+",
                                            "muster/v1/metrics",
                                            "$CONTROL/#",
                                            "$CONTROL/muster/v1/response",
                                            "$share/g/muster/v1/device/+/state"};
  for (const auto& filter : foreign) EXPECT_FALSE(device->subscribe(filter)) << filter;
  EXPECT_EQ(refused("acl_subscribe"), static_cast<long>(foreign.size()));

  // Whatever was tried above, nothing of another device arrives.
  auto other = device_session("gw-b");
  device->forget();
  ASSERT_LT(other->publish("muster/v1/device/gw-b/state", state_report({.device = "gw-b"}), true), 0x80);
  ASSERT_LT(device->publish("muster/v1/device/gw-a/link", text("1"), true), 0x80);
  ASSERT_TRUE(device->wait_for("muster/v1/device/gw-a/link", 5s).has_value());
  EXPECT_EQ(device->received_count("muster/v1/device/gw-b"), 0u);
}

TEST_F(AccessRules, AnObserverReadsAndDoesNotWrite) {
  auto viewer = operator_session("viewer");
  EXPECT_TRUE(viewer->subscribe("muster/v1/#"));
  EXPECT_TRUE(viewer->wait_for("muster/v1/metrics", 10s).has_value());
  for (const std::string topic : {"muster/v1/device/gw-a/assignment", "muster/v1/fleet/directive",
                                  "muster/v1/device/gw-a/state", "muster/v1/metrics"}) {
    EXPECT_EQ(viewer->publish(topic, text("x"), true), not_authorised) << topic;
  }
}

TEST_F(AccessRules, RolesDecideAboutCommands) {
  make_release({.name = "m", .version = "1"});
  const auto rule_text = rule("m-1", "{ model: m@1 }", "[{ name: all, percent: 100, gate: manual, soak: 0s }]");
  const nlohmann::json start = {{"rule", rule_text}, {"file", "m-1.yaml"}};
  auto viewer = operator_session("viewer");
  auto worker = operator_session("worker");
  auto checker = operator_session("checker");
  EXPECT_TRUE(viewer->control("listReleases").contains("data"));
  EXPECT_TRUE(viewer->control("getMetrics").contains("data"));
  const long refused_before = refused("role");
  long expected = 0;
  const std::vector<std::pair<std::string, nlohmann::json>> commands = {
      {"startRollout", start},
      {"pauseRollout", {{"rollout", "m-1"}}},
      {"resumeRollout", {{"rollout", "m-1"}}},
      {"abortRollout", {{"rollout", "m-1"}}},
      {"approveRollout", {{"rollout", "m-1"}}},
      {"giveOrder", {{"scope", "fleet"}, {"order", "safe_mode"}}},
      {"publishRelease", {{"envelope", "AAAA"}}},
      {"beginBlob", {{"digest", std::string(64, 'a')}, {"size", 4}}}};
  for (const auto& [command, fields] : commands) {
    const auto response = viewer->control(command, fields);
    EXPECT_EQ(response.value("kind", ""), "refused") << command << ": " << response.dump();
    EXPECT_NE(response.value("error", ""), "") << command;
    ++expected;
  }
  // Approving is a role of its own.
  EXPECT_EQ(checker->control("startRollout", start).value("kind", ""), "refused");
  ++expected;
  EXPECT_TRUE(worker->control("startRollout", start).contains("data"));
  EXPECT_EQ(worker->control("approveRollout", {{"rollout", "m-1"}}).value("kind", ""), "refused");
  ++expected;
  EXPECT_TRUE(checker->control("getRollout", {{"rollout", "m-1"}}).contains("data"));
  EXPECT_EQ(refused("role") - refused_before, expected);
  EXPECT_EQ(ops().control("listRollouts")["data"]["rollouts"].size(), 1u);
}

TEST_F(AccessRules, WithoutARoleThereIsNoControl) {
  auto session = device_session("gw-a");
  EXPECT_FALSE(session->subscribe("$CONTROL/muster/v1/response"));
  EXPECT_EQ(session->publish("$CONTROL/muster/v1", text("{\"commands\":[{\"command\":\"getMetrics\"}]}")),
            not_authorised);
  EXPECT_TRUE(throughout(300ms, [&] { return session->received_count("") == 0; }));
}

TEST_F(AccessRules, AnAnswerGoesOnlyToWhoAsked) {
  auto curious = operator_session("viewer");
  ASSERT_TRUE(curious->subscribe("$CONTROL/muster/v1/response"));
  auto asking = operator_session("worker");
  EXPECT_TRUE(asking->control("listRollouts").contains("data"));
  EXPECT_TRUE(curious->control("getMetrics").contains("data"));
  EXPECT_EQ(curious->received_count("$CONTROL"), 1u);
}

TEST_F(AccessRules, MusterctlSaysWhatIsNotAllowed) {
  const auto order = ctl_as("viewer").run({"directive", "safe-mode", "--fleet"});
  EXPECT_EQ(order.exit_code, 10) << order.err;
  EXPECT_NE(order.err.find("viewer"), std::string::npos) << order.err;
  EXPECT_NE(order.err.find("operate"), std::string::npos) << order.err;
  // A device's certificate is no operator's.
  EXPECT_NE(ctl_as("gw-a").run({"rollout", "list"}).exit_code, 0);
}

TEST_F(AccessRules, OnlyCertificatesOfTheOwnAuthorityConnect) {
  const auto other = folder_.file("other-keys");
  ASSERT_EQ(run({programs::ctl, "keys", "init", other}).exit_code, 0);
  ASSERT_EQ(
      run({programs::ctl, "cert", "operator", "ops", "--ca", other, "--out", folder_.file("forged-ops")}).exit_code, 0);
  Session forged(broker().port(), keys_.ca(), folder_.file("forged-ops"));
  EXPECT_NE(forged.connect_refused(), "");
  // And nobody believes a broker of another authority.
  Session deceived(broker().port(), other + "/ca.crt", keys_.operator_("ops"));
  EXPECT_NE(deceived.connect_refused(), "");
}

// The name in a message, in its topic and in the certificate must be one.
TEST_F(AccessRules, ADeviceThatLiesAboutItsIdIsNotBelieved) {
  auto honest = device_session("gw-b");
  ASSERT_LT(honest->publish("muster/v1/device/gw-b/state", state_report({.device = "gw-b", .region = "eu"}), true),
            0x80);
  ASSERT_EVENTUALLY(5s, device("gw-b").value("reported", false));
  const auto before = device("gw-b").at("facts");
  auto liar = device_session("gw-a");
  const auto as_b = state_report({.device = "gw-b", .boot_id = 99, .region = "us"});
  EXPECT_EQ(liar->publish("muster/v1/device/gw-b/state", as_b, true), not_authorised);
  EXPECT_EQ(liar->publish("muster/v1/device/gw-a/state", as_b, true), not_authorised);
  EXPECT_EQ(liar->publish("muster/v1/device/gw-a/health", health_summary({.device = "gw-b"})), not_authorised);
  EXPECT_EQ(refused("foreign_device"), 3);
  EXPECT_EQ(device("gw-b").at("facts"), before);
  EXPECT_FALSE(device("gw-a").value("reported", false));
  // A client id is no identity: another device's changes nothing.
  Session borrowed(broker().port(), keys_.ca(), keys_.device("gw-a"), "gw-b");
  borrowed.connect();
  EXPECT_EQ(borrowed.publish("muster/v1/device/gw-b/state", as_b, true), not_authorised);
}

// The agent itself, configured with a name that is not its certificate's.
TEST_F(AccessRules, AnAgentWithAnotherDevicesNameGetsNowhere) {
  auto& agent = add_agent("gw-c", {.device_id = "gw-d"});
  agent.start();
  ASSERT_EVENTUALLY(15s, refused("foreign_device") + refused("acl_subscribe") > 0 || !agent.running());
  EXPECT_TRUE(throughout(1s, [&] { return !device("gw-d").value("reported", false); }));
  EXPECT_TRUE(agent.log_has("gw-d")) << agent.log();
}

}  // namespace
}  // namespace muster::e2e
