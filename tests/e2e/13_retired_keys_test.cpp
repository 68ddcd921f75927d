// Keys that once held a role: a real agent whose root has moved on obeys none of them, and the key of one role never
// speaks for another. The broker here is a plain one, and the test publishes what Muster would.
#include <gtest/gtest.h>

#include <optional>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/world.h"
#include "trust/sha256.h"
#include "trust/signing/signer.h"

namespace muster::e2e {
namespace {

const std::string assignment_topic = "muster/v1/device/gw-0/assignment";
const std::string directive_topic = "muster/v1/device/gw-0/directive";
const std::string root_topic = "muster/v1/trust/root";
const std::string state_topic = "muster/v1/device/gw-0/state";
const std::string asks_topic = "muster/v1/device/gw-0/chunk/get";
const std::string chunk_topic = "muster/v1/device/gw-0/chunk";

class RetiredKeys : public World {
 protected:
  void SetUp() override {
    const auto load = [&](const std::string& name) {
      return trust::SigningKey::load(keys_.folder() + "/" + name + ".key");
    };
    auto root = load("root"), release = load("release"), control = load("control");
    ASSERT_TRUE(root && release && control);
    root_.emplace(std::move(*root));
    old_release_.emplace(std::move(*release));
    old_control_.emplace(std::move(*control));
    auto new_release = trust::SigningKey::generate(), new_control = trust::SigningKey::generate();
    ASSERT_TRUE(new_release && new_control);
    new_release_.emplace(std::move(*new_release));
    new_control_.emplace(std::move(*new_control));

    open({.with_plugin = false});
    broker_ = operator_session("ops");
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/state"));
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/chunk/get"));
    add_agent("gw-0").start();
    ASSERT_TRUE(broker_->wait_for(state_topic, 10s).has_value());
  }
  // The root moves on: new keys for releases and control, signed by the same root key.
  void retire() {
    const auto second = trust::seal_root(2, now_s(), 0,
                                         {{wire::Role::root, 1, {root_->point()}},
                                          {wire::Role::release, 1, {new_release_->point()}},
                                          {wire::Role::control, 1, {new_control_->point()}}},
                                         {&*root_});
    ASSERT_TRUE(second.has_value()) << second.error().message;
    const auto first = read_text(keys_.folder() + "/root.menv");
    publish(root_topic, trust::make_root_chain({Bytes(first.begin(), first.end()), *second}));
    ASSERT_EVENTUALLY(10s, agent(0).log_has("trust root is now at version 2"));
  }
  [[nodiscard]] Bytes seal(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) const {
    auto envelopes = trust::seal({{kind, payload}}, {&key});
    EXPECT_TRUE(envelopes.has_value());
    return envelopes ? envelopes->front() : Bytes{};
  }
  [[nodiscard]] Bytes safe_mode(const trust::SigningKey& key) {
    return seal(
        wire::PayloadKind::directive,
        directive({.scope = "device/gw-0", .epoch = ++epoch_, .issued_s = now_s(), .expires_s = now_s() + 3600}), key);
  }
  [[nodiscard]] Bytes wish(const trust::SigningKey& key, const Bytes& manifest_envelope, std::uint8_t marker) {
    AssignmentToSend given{.device = "gw-0", .epoch = ++epoch_, .issued_s = now_s(), .expires_s = now_s() + 3600};
    ReleaseToAssign release;
    release.manifest.bytes[0] = marker;
    release.envelope = trust::sha256(manifest_envelope);
    release.envelope_size = static_cast<std::uint32_t>(manifest_envelope.size());
    given.releases.push_back(release);
    return seal(wire::PayloadKind::assignment, assignment(given), key);
  }
  void publish(const std::string& topic, const Bytes& payload) {
    EXPECT_LT(broker_->publish(topic, payload, true), 0x80);
  }
  // The agent says in its log why it refuses, and does nothing.
  void expect_refused(const std::string& what, const std::string& topic, const Bytes& envelope) {
    SCOPED_TRACE(what);
    const auto logged = agent(0).log().size();
    const auto degraded = agent(0).call_count("degraded");
    broker_->forget();
    publish(topic, envelope);
    EXPECT_EVENTUALLY(10s, agent(0).log().find("unknown_key", logged) != std::string::npos);
    EXPECT_EQ(agent(0).call_count("degraded"), degraded);
    EXPECT_EQ(broker_->received_count(asks_topic), 0u);
  }
  std::optional<trust::SigningKey> root_, old_release_, old_control_, new_release_, new_control_;
  std::unique_ptr<Session> broker_;
  std::uint64_t epoch_ = 0;
};

TEST_F(RetiredKeys, ARetiredControlKeyGivesNoOrders) {
  // Before: it is obeyed.
  publish(directive_topic, safe_mode(*old_control_));
  ASSERT_EVENTUALLY(10s, agent(0).call_count("degraded") == 1);
  const auto resume = [&](const trust::SigningKey& key) {
    return seal(
        wire::PayloadKind::directive,
        directive(
            {.scope = "device/gw-0", .epoch = ++epoch_, .issued_s = now_s(), .expires_s = now_s() + 3600, .order = 1}),
        key);
  };
  publish(directive_topic, resume(*old_control_));
  ASSERT_EVENTUALLY(10s, agent(0).call_count("normal") == 1);
  retire();
  expect_refused("a directive", directive_topic, safe_mode(*old_control_));
  expect_refused("an assignment", assignment_topic, wish(*old_control_, Bytes(1000, 1), 1));
  // Across a restart too: the newer root was kept.
  agent(0).stop();
  agent(0).start();
  ASSERT_EVENTUALLY(10s, agent(0).running() && broker_->wait_for(state_topic, 10s).has_value());
  expect_refused("after a restart", directive_topic, safe_mode(*old_control_));
  // And the chain of before leads nowhere back.
  const auto old_chain = read_text(keys_.folder() + "/root-chain.mrch");
  publish(root_topic, Bytes(old_chain.begin(), old_chain.end()));
  expect_refused("after the old chain", directive_topic, safe_mode(*old_control_));
  publish(directive_topic, safe_mode(*new_control_));
  EXPECT_EVENTUALLY(10s, agent(0).call_count("degraded") == 2);
}

TEST_F(RetiredKeys, AKeyOfAnotherRoleGivesNoOrders) {
  expect_refused("a directive by the release key", directive_topic, safe_mode(*old_release_));
  expect_refused("a directive by the root key", directive_topic, safe_mode(*root_));
  expect_refused("an assignment by the release key", assignment_topic, wish(*old_release_, Bytes(1000, 1), 1));
  // A root that the control key made is none.
  const auto forged = trust::seal_root(2, now_s(), 0,
                                       {{wire::Role::root, 1, {old_control_->point()}},
                                        {wire::Role::release, 1, {old_control_->point()}},
                                        {wire::Role::control, 1, {old_control_->point()}}},
                                       {&*old_control_});
  ASSERT_TRUE(forged.has_value());
  const auto first = read_text(keys_.folder() + "/root.menv");
  publish(root_topic, trust::make_root_chain({Bytes(first.begin(), first.end()), *forged}));
  ASSERT_EVENTUALLY(10s, agent(0).log_has("was followed to version 1 and no further"));
}

// The bytes match the assigned digest, and the assignment is rightly signed: but who made the release may make none
// now.
TEST_F(RetiredKeys, ARetiredReleaseKeyMakesNoReleases) {
  retire();
  const auto refused_release = [&](const trust::SigningKey& key, std::uint8_t marker) {
    const auto envelope = seal(wire::PayloadKind::manifest, Bytes(64, marker), key);
    broker_->forget();
    publish(assignment_topic, wish(*new_control_, envelope, marker));
    ASSERT_TRUE(broker_->wait_for(asks_topic, 10s).has_value()) << "the assignment itself is good";
    publish(chunk_topic, chunk(trust::sha256(envelope), 0, envelope));
    const auto failed = [](const host::MqttMessage& message) {
      return read_report(message.payload).attempt == "failed";
    };
    const auto report = broker_->wait_for(state_topic, 10s, failed);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(read_report(report->payload).error, "unknown_key");
    EXPECT_EQ(agent(0).active_digest("model"), "");
  };
  refused_release(*old_release_, 0x41);
  refused_release(*new_control_, 0x42);
}

}  // namespace
}  // namespace muster::e2e
