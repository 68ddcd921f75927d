// What the whole client says first, what it subscribes to and when again, and how evidence leaves it.
#include "tests/unit/mcu/session/session_test.h"

namespace muster::mcu::sim {
namespace {

const std::vector<std::string> all_filters = {root_topic,
                                              directive_topic,
                                              fleet_topic,
                                              "muster/v1/group/class=cortex-m3/directive",
                                              "muster/v1/group/region=eu/directive",
                                              "muster/v1/group/tag=lab/directive",
                                              "muster/v1/group/tag=night/directive",
                                              assignment_topic};

DeviceSpec with_tags() {
  DeviceSpec spec;
  spec.tags = {"lab", "night"};
  return spec;
}

TEST(McuSession, ConnectsAsItselfWithAWillAndSaysThatItIsThere) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_EQ(world.broker.connected.size(), 1u);
  const auto& connected = world.broker.connected[0];
  EXPECT_EQ(connected.client_id, "mcu-0");
  EXPECT_EQ(connected.user, "mcu-0");
  EXPECT_EQ(connected.will_topic, link_topic);
  EXPECT_EQ(connected.will_payload, "0");
  EXPECT_EQ(connected.flags, 0x80 | 0x2c) << "a user, a retained will of QoS 1, and no clean session";
  EXPECT_EQ(connected.keepalive_s, 60);
  ASSERT_GE(world.broker.published.size(), 2u);
  EXPECT_EQ(world.broker.published[0].topic, link_topic);
  EXPECT_EQ(world.broker.published[1].topic, state_topic);
  EXPECT_EQ(world.broker.states.size(), 1u);
  EXPECT_EQ(world.last_state().active[0], test_releases().factory.assigned.manifest);
}

TEST(McuSession, SubscribesToTheRootFirstAndToTheAssignmentLast) {
  TestWorld world(with_tags());
  ASSERT_TRUE(world.start_and_settle());
  EXPECT_EQ(world.filters_of(1), all_filters);
  // Again with every connection, though the session was kept.
  for (unsigned connection = 2; connection < 5; ++connection) {
    world.broker.drop();
    ASSERT_TRUE(world.until([&] { return world.filters_of(connection).size() == all_filters.size(); }));
    EXPECT_EQ(world.filters_of(connection), all_filters);
  }
}

TEST(McuSession, RetainedOrdersAreObeyedBeforeTheAssignmentThatTheyForbid) {
  TestWorld world;
  world.assign(1, {&test_releases().model});
  world.order(1, {{OrderKind::pause_updates, 1, {}, {}, "", ""}}, "fleet");
  ASSERT_TRUE(world.start_and_settle());
  world.run(2000);
  EXPECT_EQ(world.asked(), 0u);
  EXPECT_TRUE(world.last_state().paused);
  world.order(2, {}, "fleet");
  EXPECT_TRUE(world.until_attempt(1, wire::AttemptState::committed));
  EXPECT_TRUE(world.runs(test_releases().model));
}

TEST(McuSession, ANewRootBringsEverythingOnceMore) {
  TestWorld world(with_tags());
  const auto& old = test_keys();
  const auto control = trust::SigningKey::generate();
  ASSERT_TRUE(control.has_value());
  const auto moved = trust::seal_root(2, 1, 0,
                                      {{wire::Role::root, 1, {old.root.point()}},
                                       {wire::Role::release, 1, {old.release.point()}},
                                       {wire::Role::control, 1, {control->point()}}},
                                      {&old.root});
  ASSERT_TRUE(moved.has_value());
  AssignmentSpec spec;
  spec.epoch = 5;
  spec.releases = {&test_releases().model};
  world.broker.retained[assignment_topic] = sealed(wire::PayloadKind::assignment, assignment(spec), *control);
  ASSERT_TRUE(world.start_and_settle());
  world.run(1000);
  EXPECT_TRUE(world.device.logged("unknown_key"));
  EXPECT_EQ(world.asked(), 0u);
  world.broker.publish(root_topic, trust::make_root_chain({test_releases().root, *moved}));
  ASSERT_TRUE(world.until_attempt(5, wire::AttemptState::committed));
  auto twice = all_filters;
  twice.insert(twice.end(), all_filters.begin(), all_filters.end());
  EXPECT_EQ(world.filters_of(1), twice);
  // The retired key moves nothing any more, over a restart too.
  ASSERT_TRUE(world.device.start());
  const auto refused = world.device.log_count("unknown_key");
  world.assign(6, {&test_releases().other_model});
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_TRUE(world.until([&] { return world.device.log_count("unknown_key") > refused; }));
  EXPECT_TRUE(world.runs(test_releases().model));
}

TEST(McuSession, ARefusedSubscriptionStopsNothingElse) {
  TestWorld world;
  world.broker.refused_filters = {fleet_topic, root_topic};
  world.assign(1, {&test_releases().model});
  ASSERT_TRUE(world.start_and_settle());
  EXPECT_EQ(world.device.log_count("the broker refuses a subscription"), 2u);
  EXPECT_TRUE(world.until_attempt(1, wire::AttemptState::committed));
  EXPECT_EQ(world.broker.connected.size(), 1u) << "and ends no connection";
}

TEST(McuSession, ABrokerThatForgotTheSessionIsToldEverythingAgain) {
  TestWorld world(with_tags());
  ASSERT_TRUE(world.start_and_settle());
  world.broker.keeps_session = false;
  world.broker.drop();
  ASSERT_TRUE(world.until([&] { return world.filters_of(2) == all_filters; }));
  const auto states = world.broker.states.size();
  EXPECT_GE(states, 2u);
  world.assign(1, {&test_releases().config});
  EXPECT_TRUE(world.until_attempt(1, wire::AttemptState::committed));
}

TEST(McuSession, ARefusedConnectionIsTriedAgainAndNothingIsSaid) {
  TestWorld world;
  world.broker.connack_code = 5;
  ASSERT_TRUE(world.device.start());
  world.run(20000);
  EXPECT_GT(world.broker.connected.size(), 3u);
  EXPECT_TRUE(world.broker.published.empty() && world.broker.subscribed.empty());
  world.broker.connack_code = 0;
  EXPECT_TRUE(world.until([&] { return !world.broker.states.empty(); }, 70000));
}

// --- evidence ---

const OrderSpec send_evidence{OrderKind::send_evidence, 1, {}, {}, "", ""};

TEST(McuSession, EvidenceGoesInOrderPieceByPieceAndIsWhole) {
  TestWorld world;
  world.assign(1, {&test_releases().model});
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_TRUE(world.until_attempt(1, wire::AttemptState::committed));
  world.order(1, {send_evidence});
  ASSERT_TRUE(world.until([&] { return world.broker.evidence_complete; }));
  const auto bundle = read_bundle(world.broker.evidence);
  ASSERT_EQ(std::string(bundle.header.magic, 4), "MEVB");
  EXPECT_EQ(bundle.header.event_count, bundle.events.size());
  EXPECT_EQ(bundle.header.boot_id, 1u);
  EXPECT_EQ(bundle.events.front().code, EventCode::started);
  for (std::size_t i = 0; i < bundle.events.size(); ++i) EXPECT_EQ(bundle.events[i].sequence, i + 1);
  const auto says = [&](EventCode code) {
    return std::any_of(bundle.events.begin(), bundle.events.end(), [&](auto& event) { return event.code == code; });
  };
  EXPECT_TRUE(says(EventCode::connected) && says(EventCode::attempt_state));
  EXPECT_FALSE(says(EventCode::attempt_failed));
  // One piece at a time: the next goes out when the broker has the last.
  const auto pieces = world.broker.count(evidence_topic);
  EXPECT_GE(pieces, 2u);
  world.run(30000);
  EXPECT_EQ(world.broker.count(evidence_topic), pieces) << "and that was all";
  // The same order again says nothing new; a newer one does.
  world.order(2, {send_evidence});
  world.run(5000);
  EXPECT_EQ(world.broker.count(evidence_topic), pieces);
  world.order(3, {{OrderKind::send_evidence, 3, {}, {}, "", ""}});
  EXPECT_TRUE(world.until([&] { return world.broker.count(evidence_topic) > pieces; }));
}

TEST(McuSession, EvidenceThatNobodyAcknowledgesIsTriedFiveTimes) {
  TestWorld world;
  world.broker.acknowledges_evidence = false;
  ASSERT_TRUE(world.start_and_settle());
  world.order(1, {send_evidence});
  ASSERT_TRUE(world.until([&] { return world.broker.count(evidence_topic) == 5; }, 100000));
  world.run(100000);
  EXPECT_EQ(world.broker.count(evidence_topic), 5u);
  EXPECT_GT(world.broker.states.size(), 0u);
}

TEST(McuSession, EvidenceSurvivesALostLink) {
  TestWorld world;
  world.assign(1, {&test_releases().model, &test_releases().config});
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_TRUE(world.until_attempt(1, wire::AttemptState::committed));
  for (unsigned i = 0; i < 20; ++i) world.device.client().remember(static_cast<EventCode>(0x8000 + i), i, 0, 0);
  world.order(1, {send_evidence});
  std::size_t before = 0;
  world.before_poll = [&] {
    if (world.broker.count(evidence_topic) == before) return;
    before = world.broker.count(evidence_topic);
    if (before % 2 == 1) world.broker.drop();
  };
  EXPECT_TRUE(world.until([&] { return world.broker.evidence_complete; }, 200000));
  EXPECT_GT(world.broker.connected.size(), 2u);
}

}  // namespace
}  // namespace muster::mcu::sim
