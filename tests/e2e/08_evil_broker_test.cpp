// The agent against a broker that lies: a plain Mosquitto without the plugin, where the test publishes whatever it
// likes as if it were Muster. Only what the control key signed for this device, newer than before and not expired, may
// move it.
#include <gtest/gtest.h>

#include <optional>

#include "schemas/assignment_generated.h"
#include "tests/e2e/harness/forger.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/world.h"
#include "trust/sha256.h"

namespace muster::e2e {
namespace {

const std::string assignment_topic = "muster/v1/device/gw-0/assignment";
const std::string directive_topic = "muster/v1/device/gw-0/directive";
const std::string group_topic = "muster/v1/group/region=eu/directive";
const std::string state_topic = "muster/v1/device/gw-0/state";
const std::string asks_topic = "muster/v1/device/gw-0/chunk/get";
const std::string chunk_topic = "muster/v1/device/gw-0/chunk";

class EvilBroker : public World {
 protected:
  void SetUp() override {
    forger_.emplace(keys_);
    open({.with_plugin = false});
    broker_ = operator_session("ops");
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/state"));
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/chunk/get"));
    const auto chain = read_text(keys_.folder() + "/root-chain.mrch");
    ASSERT_LT(broker_->publish("muster/v1/trust/root", ByteView(std::string_view(chain)), true), 0x80);
    add_agent("gw-0").start();
    ASSERT_TRUE(broker_->wait_for(state_topic, 10s).has_value());
  }
  [[nodiscard]] static Bytes sealed(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) {
    return Forger::sealed(kind, payload, key);
  }
  [[nodiscard]] Bytes sealed_assignment(const AssignmentToSend& given) const { return forger_->assignment(given); }
  [[nodiscard]] Bytes sealed_directive(const DirectiveToSend& given) const { return forger_->directive(given); }
  // An assignment that would make the agent ask for a blob at once.
  [[nodiscard]] static AssignmentToSend wish(std::uint64_t epoch, std::uint8_t marker) {
    return Forger::wish("gw-0", epoch, marker);
  }
  void publish(const std::string& topic, const Bytes& payload) {
    EXPECT_LT(broker_->publish(topic, payload, true), 0x80);
  }

  // Messages to the agent arrive in order: once it obeys this directive, everything before it has been judged.
  void barrier() {
    const auto degraded_before = agent(0).call_count("degraded");
    const auto normal_before = agent(0).call_count("normal");
    publish(directive_topic,
            sealed_directive(
                {.scope = "device/gw-0", .epoch = ++epoch_, .issued_s = now_s(), .expires_s = now_s() + 3600}));
    ASSERT_EVENTUALLY(10s, agent(0).call_count("degraded") == degraded_before + 1);
    publish(
        directive_topic,
        sealed_directive(
            {.scope = "device/gw-0", .epoch = ++epoch_, .issued_s = now_s(), .expires_s = now_s() + 3600, .order = 1}));
    ASSERT_EVENTUALLY(10s, agent(0).call_count("normal") == normal_before + 1);
  }
  void expect_refused(const std::string& what, const Bytes& envelope, const std::string& word) {
    SCOPED_TRACE(what);
    broker_->forget();
    const auto logged = agent(0).log().size();
    publish(assignment_topic, envelope);
    barrier();
    EXPECT_EQ(broker_->received_count(asks_topic), 0u) << "the agent asked for a blob";
    EXPECT_NE(agent(0).log().find(word, logged), std::string::npos) << agent(0).log().substr(logged);
    EXPECT_TRUE(agent(0).running());
  }
  std::optional<Forger> forger_;
  std::unique_ptr<Session> broker_;
  std::uint64_t epoch_ = 0;
};

TEST_F(EvilBroker, CannotAssignAnythingByItself) {
  expect_refused("noise", Bytes(300, 0x11), "wrong_kind");
  expect_refused("nothing: whoever clears the topic takes nothing back", Bytes{}, "");
  expect_refused("oversized", Bytes(70000, 0x11), "malformed");
  expect_refused("signed by a stranger",
                 sealed(wire::PayloadKind::assignment, assignment(wish(50, 1)), forger_->stranger()), "unknown_key");
  expect_refused("a directive for an assignment", sealed_directive({.scope = "device/gw-0", .epoch = 99}),
                 "wrong_kind");
  auto changed = sealed_assignment(wish(51, 2));
  const std::string text(changed.begin(), changed.end());
  const auto at = text.find("by-hand");
  ASSERT_NE(at, std::string::npos);
  changed[at] ^= 1;
  expect_refused("changed after it was signed", changed, "bad_signature");
  auto foreign = wish(52, 3);
  foreign.device = "gw-9";
  expect_refused("for another device", sealed_assignment(foreign), "wrong_subject");
  auto expired = wish(53, 4);
  expired.issued_s = 1000;
  expired.expires_s = 2000;
  expect_refused("expired", sealed_assignment(expired), "expired");
  auto strange = wish(54, 5);
  strange.releases[0].plane = 7;
  expect_refused("an unknown plane", sealed_assignment(strange), "malformed");
  auto twice = wish(55, 6);
  twice.releases.push_back(twice.releases[0]);
  broker_->forget();
  publish(assignment_topic, sealed_assignment(twice));
  barrier();
  EXPECT_EQ(broker_->received_count(asks_topic), 0u) << "two releases on one plane";
}

TEST_F(EvilBroker, CannotReplayAnOldAssignment) {
  publish(assignment_topic, sealed_assignment(wish(10, 1)));
  ASSERT_TRUE(broker_->wait_for(asks_topic, 10s).has_value()) << "a good assignment is taken";
  // The device gives up on a blob that is not there, and nobody can bring the older assignment back.
  expect_refused("an older epoch", sealed_assignment(wish(9, 2)), "is older than");
}

TEST_F(EvilBroker, CannotGiveOrders) {
  const auto refused = [&](const std::string& topic, const Bytes& envelope, const std::string& word) {
    const auto logged = agent(0).log().size();
    publish(topic, envelope);
    barrier();
    EXPECT_NE(agent(0).log().find(word, logged), std::string::npos) << agent(0).log().substr(logged);
  };
  const DirectiveToSend fleet = {.scope = "fleet", .epoch = 500, .issued_s = now_s(), .expires_s = now_s() + 3600};
  // Each barrier is one degraded and one normal; a safe mode of another scope would keep the device from going back.
  refused("muster/v1/fleet/directive", sealed(wire::PayloadKind::directive, directive(fleet), forger_->stranger()),
          "unknown_key");
  refused(
      group_topic,
      sealed_directive({.scope = "group/region=us", .epoch = 501, .issued_s = now_s(), .expires_s = now_s() + 3600}),
      "wrong_subject");
  refused(group_topic,
          sealed_directive({.scope = "group/region=eu", .epoch = 502, .issued_s = 1000, .expires_s = 2000}), "expired");
  auto unknown = fleet;
  unknown.order = 77;
  refused("muster/v1/fleet/directive", sealed_directive(unknown), "malformed");
  // An order of before, sent again.
  publish(
      group_topic,
      sealed_directive(
          {.scope = "group/region=eu", .epoch = 510, .issued_s = now_s(), .expires_s = now_s() + 3600, .order = 1}));
  refused(
      group_topic,
      sealed_directive({.scope = "group/region=eu", .epoch = 509, .issued_s = now_s(), .expires_s = now_s() + 3600}),
      "is older than");
}

TEST_F(EvilBroker, CannotPassOffOtherBytes) {
  auto given = wish(20, 20);
  const Bytes real(1000, 0x42);
  given.releases[0].envelope = trust::sha256(real);
  publish(assignment_topic, sealed_assignment(given));
  ASSERT_TRUE(broker_->wait_for(asks_topic, 10s).has_value());
  const auto asked = read_chunk_get(broker_->wait_for(asks_topic, 1s)->payload);
  EXPECT_EQ(to_hex(asked.digest), to_hex(given.releases[0].envelope));
  publish(chunk_topic, chunk(asked.digest, 0, Bytes(1000, 0x43)));
  const auto failed = [](const host::MqttMessage& message) { return read_report(message.payload).attempt == "failed"; };
  const auto report = broker_->wait_for(state_topic, 10s, failed);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(read_report(report->payload).error, "digest_mismatch");
  EXPECT_EQ(agent(0).active_digest("model"), "");
}

// The device itself knows what is frozen, whatever it is assigned.
TEST_F(EvilBroker, CannotActivateWhatIsFrozen) {
  const auto given = wish(40, 40);
  publish(group_topic, sealed_directive({.scope = "group/region=eu",
                                         .epoch = 600,
                                         .issued_s = now_s(),
                                         .expires_s = now_s() + 3600,
                                         .order = 3,
                                         .release = given.releases[0].manifest}));
  publish(assignment_topic, sealed_assignment(given));
  const auto failed = [](const host::MqttMessage& message) { return read_report(message.payload).attempt == "failed"; };
  const auto report = broker_->wait_for(state_topic, 10s, failed);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(read_report(report->payload).error, "frozen");
  EXPECT_EQ(broker_->received_count(asks_topic), 0u);
}

// Bytes that match their digest but are no release: signed by nobody who may sign releases.
TEST_F(EvilBroker, CannotPassOffAnotherRelease) {
  const Bytes envelope = sealed(wire::PayloadKind::manifest, Bytes(64, 0x42), forger_->stranger());
  auto given = wish(30, 30);
  given.releases[0].envelope = trust::sha256(envelope);
  given.releases[0].envelope_size = static_cast<std::uint32_t>(envelope.size());
  publish(assignment_topic, sealed_assignment(given));
  ASSERT_TRUE(broker_->wait_for(asks_topic, 10s).has_value());
  publish(chunk_topic, chunk(given.releases[0].envelope, 0, envelope));
  const auto failed = [](const host::MqttMessage& message) { return read_report(message.payload).attempt == "failed"; };
  const auto report = broker_->wait_for(state_topic, 10s, failed);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(read_report(report->payload).error, "unknown_key");
}

TEST_F(EvilBroker, CannotBreakTheAgentWithNoise) {
  for (const auto& topic :
       {assignment_topic, directive_topic, group_topic, std::string("muster/v1/fleet/directive"),
        std::string("muster/v1/trust/root"), chunk_topic, std::string("muster/v1/device/gw-0/ack")}) {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 64u, 3000u, 200000u}) {
      const auto bytes = noise(size, static_cast<std::uint32_t>(size));
      publish(topic, Bytes(bytes.begin(), bytes.end()));
    }
  }
  barrier();
  EXPECT_TRUE(agent(0).running());
}

}  // namespace
}  // namespace muster::e2e
