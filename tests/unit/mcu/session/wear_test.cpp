// Flash cells bear some ten thousand erasures: nothing that comes from outside may spend them quickly, and nobody may
// push the evidence of what happened out of the ring.
#include <algorithm>

#include "tests/unit/mcu/session/session_test.h"
#include "trust/signing/signer.h"

namespace muster::mcu::sim {
namespace {

using wire::AttemptState;

constexpr std::uint64_t minute_ms = 60'000, hour_ms = 60 * minute_ms;

// Of the unit that was erased most often.
std::uint32_t wear_of(TestWorld& world, const Area& area) {
  std::uint32_t most = 0;
  const auto unit = world.device.nor().shape().erase_size;
  for (std::uint32_t at = 0; at < area.size; at += unit)
    most = std::max(most, world.device.nor().wear(area.offset + at));
  return most;
}

std::uint32_t wear_of_all(TestWorld& world) {
  return wear_of(world, {0, world.device.nor().shape().size});
}

TEST(McuSessionWear, ALinkThatComesAndGoesEveryFewSeconds) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  std::uint64_t drop_ms = 0;
  world.before_poll = [&] {
    if (world.now_ms < drop_ms || !world.broker.has_session()) return;
    drop_ms = world.now_ms + 3000;
    world.broker.drop();
  };
  world.run(3 * hour_ms);
  EXPECT_GT(world.broker.connected.size(), 700u);
  EXPECT_LE(wear_of_all(world), 8u);
}

// Chains that are none, each another one, and messages that nobody signed.
TEST(McuSessionWear, ABrokerThatSendsWhatItLikes) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  std::uint32_t sent = 0;
  world.before_poll = [&] {
    if (world.now_ms < 1000 * sent || !world.broker.has_session()) return;
    ++sent;
    for (const auto& topic : {root_topic, assignment_topic, directive_topic, fleet_topic}) {
      const auto bytes = some_bytes(1000 + sent % 3000, sent);
      world.broker.push(topic, {bytes.begin(), bytes.end()}, 1);
    }
  };
  world.run(hour_ms);
  EXPECT_GT(sent, 3000u);
  EXPECT_LE(wear_of_all(world), 12u);

  // When it has come to its senses, the device takes the newest root and obeys it, without a restart.
  world.before_poll = [] {};
  const auto second = root_document(test_keys(), 2);
  world.broker.publish(root_topic, trust::make_root_chain({test_releases().root, second}));
  EXPECT_TRUE(world.until([&] { return world.device.logged("the trust root has moved"); }, 61 * minute_ms));
  world.assign(1, {&test_releases().model});
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
}

// A release that is never what its manifest says is fetched once, and not again and again into the same slot.
TEST(McuSessionWear, ChunksThatAreNeverRight) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  std::uint32_t asked = 0;
  world.broker.before_chunk = [&](ChunkAnswer& answer) {
    if (!answer.data.empty()) answer.data[++asked % answer.data.size()] ^= 1;
  };
  world.assign(1, {&test_releases().model});
  world.run(2 * hour_ms);
  EXPECT_GT(asked, 0u);
  EXPECT_LE(wear_of_all(world), 8u);
  EXPECT_FALSE(world.runs(test_releases().model));
}

// What happened before is still there after an hour of messages that were refused.
TEST(McuSessionWear, RefusedMessagesLeaveTheEvidenceOfWhatHappened) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&test_releases().model});
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  std::uint64_t next_ms = 0;
  world.before_poll = [&] {
    if (world.now_ms < next_ms) return;
    next_ms = world.now_ms + 500;
    world.broker.push(assignment_topic, "this is nobody's assignment", 1);
  };
  world.run(hour_ms);
  world.before_poll = [] {};
  world.order(1, {{OrderKind::send_evidence, 1, {}, {}, "", ""}});
  ASSERT_TRUE(world.until([&] { return world.broker.evidence_complete; }));
  const auto events = read_bundle(world.broker.evidence).events;
  const auto said = [&](EventCode code) {
    return std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.code == code; });
  };
  EXPECT_GT(said(EventCode::attempt_state), 0);
  EXPECT_GT(said(EventCode::message_refused), 0);
  EXPECT_LE(said(EventCode::message_refused), 30);
  const auto refused = std::find_if(events.begin(), events.end(),
                                    [](const auto& event) { return event.code == EventCode::message_refused; });
  EXPECT_EQ(refused->a, static_cast<std::uint16_t>(wire::ErrorCode::malformed));
}

}  // namespace
}  // namespace muster::mcu::sim
