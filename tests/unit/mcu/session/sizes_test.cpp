// The longest messages that may exist against the buffers that PORTING.md names: what fits is obeyed, what does not is
// refused with a word in the log, and neither stops what comes after it.
#include <memory>

#include "broker-plugin/core/sealing.h"
#include "schemas/limits.h"
#include "tests/unit/mcu/session/session_test.h"
#include "trust/merkle.h"
#include "trust/signatures.h"

namespace muster::mcu::sim {
namespace {

using wire::AttemptState;

const std::string long_id(limits::id_len_max, 'i');
const std::string long_name(limits::id_len_max, 'n');
const std::string long_version(limits::version_len_max, 'v');
const std::string longest_scope = "group/memory_tier=" + std::string(limits::attribute_len_max, 't');

DeviceSpec long_spec() {
  DeviceSpec spec;
  spec.id = long_id;
  spec.memory_tier = std::string(limits::attribute_len_max, 't');
  spec.device_class = std::string(limits::attribute_len_max, 'c');
  spec.region = std::string(limits::attribute_len_max, 'r');
  spec.utc_offset_min = -690;
  // As much text as an identity may have.
  spec.tags = {std::string(identity_text_max - 4 * (limits::attribute_len_max + 1) - 1, 'g')};
  return spec;
}

// The payload in an envelope as a batch of 2^depth would have it; the other leaves are no more than their digests.
Bytes sealed_at_depth(wire::PayloadKind kind, const Bytes& payload, std::uint32_t depth) {
  const std::uint32_t count = 1u << depth;
  const auto path = some_bytes(std::size_t{32} * depth, 77);
  Sha256 root;
  EXPECT_TRUE(
      trust::merkle_root_from_path(trust::payload_leaf(kind, payload), count - 1, count, path.data(), depth, root));
  const auto signature = test_keys().control.sign(trust::batch_digest(count, root));
  EXPECT_TRUE(signature.has_value());
  flatbuffers::FlatBufferBuilder b;
  const auto id_bytes = test_keys().control.id();
  const wire::KeyId id{flatbuffers::span<const std::uint8_t, 16>(id_bytes)};
  const auto one = wire::CreateSignature(b, &id, b.CreateVector(signature->data(), signature->size()));
  const auto signatures = b.CreateVector(std::vector<flatbuffers::Offset<wire::Signature>>{one});
  const auto siblings = b.CreateVectorOfStructs(reinterpret_cast<const wire::Digest*>(path.data()), depth);
  b.ForceVectorAlignment(payload.size(), 1, 8);
  const auto body = b.CreateVector(payload);
  wire::FinishEnvelopeBuffer(b, wire::CreateEnvelope(b, kind, body, count - 1, count, siblings, signatures));
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

Release long_release(Plane plane, const char* file, std::uint32_t salt) {
  return make_release({plane, long_name, long_version, {{file, some_bytes(700, salt)}}}, test_keys().release);
}

// As the plugin builds it.
Bytes plugin_assignment(const std::vector<const Release*>& releases) {
  broker::AssignWork work;
  work.assign.device = long_id;
  work.assign.epoch = 7;
  work.assign.rollout = long_name;
  work.assign.soak_s = 5;
  for (const auto* release : releases) {
    auto known = std::make_shared<broker::Release>();
    known->name = release->name;
    known->version = release->version;
    known->envelope = release->assigned.envelope;
    known->envelope_size = release->assigned.envelope_size;
    work.assign.releases.push_back(
        {static_cast<rules::Plane>(index_of(release->assigned.plane)), release->assigned.manifest});
    work.releases.push_back(known);
  }
  return broker::build_assignment(work, {1000, 3600});
}

Bytes plugin_directive(const std::string& scope, std::uint64_t epoch, std::size_t orders) {
  rules::Direct direct;
  direct.scope = scope;
  direct.epoch = epoch;
  for (std::size_t i = 0; i < orders; ++i) {
    rules::StandingOrder order;
    order.kind = rules::OrderKind::freeze;
    order.epoch = epoch - orders + 1 + i;
    order.release.bytes.fill(static_cast<std::uint8_t>(i + 1));
    order.reason = std::string(96, 'r');  // what rules/engine/orders.cpp leaves of a longer one
    order.by = long_name;
    direct.orders.push_back(order);
  }
  return broker::build_directive(direct, {1000, 3600});
}

TEST(McuSessionSizes, TheCraftedEnvelopeIsTheSignersOwn) {
  const auto payload = plugin_directive("fleet", 2, 2);
  const std::vector<trust::ToSign> batch(32, {wire::PayloadKind::directive, payload});
  const auto made = trust::seal(batch, {&test_keys().control});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->front().size(), sealed_at_depth(wire::PayloadKind::directive, payload, 5).size());
}

TEST(McuSessionSizes, TheLongestAssignmentFitsAndIsTaken) {
  const auto firmware = make_release({Plane::firmware,
                                      long_name,
                                      long_version,
                                      {{"slot_a.bin", some_bytes(700, 1)}, {"slot_b.bin", some_bytes(700, 2)}}},
                                     test_keys().release);
  const auto model = long_release(Plane::model, "weights.bin", 3);
  const auto config = long_release(Plane::config, "settings.txt", 4);
  const auto envelope = sealed_at_depth(wire::PayloadKind::assignment, plugin_assignment({&firmware, &model, &config}),
                                        limits::merkle_depth_max);
  std::printf("the longest assignment: %zu bytes\n", envelope.size());
  EXPECT_LE(envelope.size(), in_buffer_size);
  TestWorld world(long_spec());
  for (const auto* release : {&firmware, &model, &config}) world.broker.serve(*release);
  world.broker.retained["muster/v1/device/" + long_id + "/assignment"] = envelope;
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until_attempt(7, AttemptState::committed));
  EXPECT_TRUE(world.runs(firmware) && world.runs(model) && world.runs(config));
}

// A board that was built with the smallest buffer that the client takes is updated all the same: names that do not fit
// are left out, and the digests say which releases run.
TEST(McuSessionSizes, WhereNamesDoNotFitTheReportGoesOutWithoutThem) {
  auto spec = long_spec();
  spec.out_size = 1024;
  const auto model = long_release(Plane::model, "weights.bin", 3);
  const auto config = long_release(Plane::config, "settings.txt", 4);
  const auto firmware = make_release({Plane::firmware,
                                      long_name,
                                      long_version,
                                      {{"slot_a.bin", some_bytes(700, 1)}, {"slot_b.bin", some_bytes(700, 2)}}},
                                     test_keys().release);
  TestWorld world(spec);
  for (const auto* release : {&firmware, &model, &config}) world.broker.serve(*release);
  AssignmentSpec assigned;
  assigned.device_id = long_id;
  assigned.releases = {&firmware, &model, &config};
  world.broker.publish("muster/v1/device/" + long_id + "/assignment",
                       sealed(wire::PayloadKind::assignment, assignment(assigned), test_keys().control));
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  EXPECT_EQ(world.last_state().active[index_of(Plane::firmware)], firmware.assigned.manifest);
  EXPECT_EQ(world.last_state().active[index_of(Plane::config)], config.assigned.manifest);
  std::string last;
  for (const auto& message : world.broker.published) {
    if (message.topic.find("/state") != std::string::npos) last = message.payload;
  }
  EXPECT_EQ(last.find(long_name), std::string::npos) << "with its names this report fits: it proves nothing";
  EXPECT_FALSE(world.device.logged("does not fit into the outbound buffer"));
}

// How large the outbound buffer must be for a device's longest state report: all names at their limits, and something
// to go back to on each plane.
TEST(McuSessionSizes, TheLongestStateReport) {
  const auto firmware = make_release({Plane::firmware,
                                      long_name,
                                      long_version,
                                      {{"slot_a.bin", some_bytes(700, 1)}, {"slot_b.bin", some_bytes(700, 2)}}},
                                     test_keys().release);
  const auto model = long_release(Plane::model, "weights.bin", 3);
  const auto config = long_release(Plane::config, "settings.txt", 4);
  TestWorld world(long_spec());
  for (const auto* release : {&firmware, &model, &config}) world.broker.serve(*release);
  const auto assign = [&](std::uint64_t epoch, const std::vector<const Release*>& releases) {
    AssignmentSpec spec;
    spec.device_id = long_id;
    spec.epoch = epoch;
    spec.releases = releases;
    world.broker.publish("muster/v1/device/" + long_id + "/assignment",
                         sealed(wire::PayloadKind::assignment, assignment(spec), test_keys().control));
  };
  assign(1, {&test_releases().model, &test_releases().config});
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  assign(2, {&firmware, &model, &config});
  ASSERT_TRUE(world.until_attempt(2, AttemptState::committed));
  std::size_t longest = 0;
  for (const auto& message : world.broker.published) {
    if (message.topic.find("/state") != std::string::npos)
      longest = std::max(longest, message.payload.size() + message.topic.size() + mqtt::publish_head_max + 7);
  }
  std::printf("the longest state report, with its topic: %zu bytes of the outbound buffer\n", longest);
  EXPECT_LE(longest, out_buffer_size);
  EXPECT_GT(longest, out_buffer_size - 8) << "PORTING.md asks for more than it takes";
  EXPECT_FALSE(world.device.logged("does not fit into the outbound buffer"));
}

// Whatever an operator writes into them, all the orders that a device keeps fit, in a batch for a hundred thousand
// devices too: the plugin leaves words out. One more than a device keeps is refused as a whole.
TEST(McuSessionSizes, DirectivesOfAsManyOrdersAsADeviceKeepsAreTaken) {
  TestWorld world(long_spec());
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.until([&] { return world.broker.subscribed.size() == 8; }));
  const auto topic = "muster/v1/" + longest_scope + "/directive";
  std::uint64_t epoch = 100;
  for (const std::uint32_t depth : {1u, 10u, 17u}) {
    for (std::size_t orders = 0; orders <= limits::orders_max; ++orders) {
      SCOPED_TRACE(orders);
      const auto before = world.last_state().directive_epoch;
      const auto envelope =
          sealed_at_depth(wire::PayloadKind::directive, plugin_directive(longest_scope, ++epoch, orders), depth);
      world.broker.publish(topic, envelope);
      world.run(1000);
      EXPECT_EQ(world.last_state().directive_epoch, orders <= orders_max ? epoch : before);
      if (orders == orders_max) {
        std::printf("%zu orders, path of %u: %zu bytes\n", orders, depth, envelope.size());
        EXPECT_LE(envelope.size(), in_buffer_size);
      }
    }
  }
  EXPECT_EQ(world.broker.connected.size(), 1u);
}

// With orders that say as little as an operator may, all that a device keeps fits.
TEST(McuSessionSizes, ADirectiveOfAllOrdersThatADeviceKeepsWithShortTexts) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  DirectiveSpec spec;
  spec.scope = "fleet";
  for (std::size_t i = 0; i < orders_max; ++i) {
    OrderSpec order{OrderKind::freeze, 1, Plane::model, {}, "bad", "ops"};
    order.release.bytes.fill(static_cast<std::uint8_t>(i + 1));
    spec.orders.push_back(order);
  }
  const auto envelope = sealed_at_depth(wire::PayloadKind::directive, directive(spec), 10);
  std::printf("%u orders with short texts, path of 10: %zu bytes\n", orders_max, envelope.size());
  EXPECT_LE(envelope.size(), in_buffer_size);
  world.broker.publish(fleet_topic, envelope);
  EXPECT_TRUE(world.until([&] { return world.last_state().directive_epoch == 1; }));
  // One more than a device keeps is refused as a whole.
  spec.epoch = 2;
  spec.orders.push_back(spec.orders.back());
  world.broker.publish(fleet_topic, sealed(wire::PayloadKind::directive, directive(spec), test_keys().control));
  ASSERT_TRUE(world.until([&] { return world.device.logged("more standing orders than this device can keep"); }));
  EXPECT_EQ(world.last_state().directive_epoch, 1u);
}

TEST(McuSessionSizes, AMessageLongerThanTheBufferOnEachTopicIsPassedOver) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  std::uint64_t epoch = 0;
  for (const std::size_t size : {1793u, 1800u, 3584u, 3585u, 60000u}) {
    for (const auto& topic : {assignment_topic, directive_topic, fleet_topic, chunk_topic, ack_topic, state_topic}) {
      SCOPED_TRACE(topic + " with " + std::to_string(size) + " bytes");
      const auto logged = world.device.log_count("a message is longer than this device takes");
      world.broker.push(topic, std::string(size, 'x'), static_cast<int>(size % 2));
      ASSERT_TRUE(world.until(
          [&] { return world.device.log_count("a message is longer than this device takes") == logged + 1; }, 5000));
    }
    world.order(++epoch, {}, "fleet");
    ASSERT_TRUE(world.until([&] { return world.last_state().directive_epoch == epoch; }, 5000));
  }
  EXPECT_EQ(world.broker.connected.size(), 1u);
  world.assign(1, {&test_releases().model});
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
}

// --- chains of roots that are longer than any buffer ---

struct LongChain {
  explicit LongChain(unsigned count) {
    documents.push_back(test_releases().root);
    for (unsigned version = 2; version <= count; ++version) documents.push_back(root_document(test_keys(), version));
  }
  [[nodiscard]] Bytes upto(std::size_t count) const {
    return trust::make_root_chain({documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(count)});
  }
  std::vector<Bytes> documents;
};

TEST(McuSessionSizes, ARootChainThatFitsNoBufferIsWalked) {
  const LongChain chain(20);
  ASSERT_GT(chain.upto(20).size(), 2 * in_buffer_size);
  for (const std::size_t give : {Broker::all, std::size_t{7}}) {
    TestWorld world;
    world.broker.give_max = give;
    world.broker.retained[root_topic] = chain.upto(9);
    ASSERT_TRUE(world.start_and_settle());
    ASSERT_TRUE(world.until([&] { return world.device.log_count("the trust root has moved") == 1; }));
    // It grows: the pieces that are there already come again, the connection is ended where it differs.
    world.broker.publish(root_topic, chain.upto(20));
    ASSERT_TRUE(world.until([&] { return world.device.log_count("the trust root has moved") == 2; }, 120000));
    world.broker.publish(root_topic, chain.upto(3));
    world.run(20000);
    EXPECT_EQ(world.device.log_count("the trust root has moved"), 2u);
    world.assign(1, {&test_releases().model});
    EXPECT_TRUE(world.until_attempt(1, AttemptState::committed, 120000));
  }
}

TEST(McuSessionSizes, ARootChainDuringADownloadDoesNotHarmIt) {
  const LongChain chain(9);
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.broker.before_chunk = [](ChunkAnswer& answer) { answer.delay_ms = 200; };
  world.assign(1, {&test_releases().model, &test_releases().config});
  ASSERT_TRUE(world.until([&] { return world.asked() >= 2; }));
  world.broker.publish(root_topic, chain.upto(9));  // passes through the buffer that holds the manifest
  ASSERT_TRUE(world.until([&] { return world.device.logged("the trust root has moved"); }));
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
  EXPECT_TRUE(world.runs(test_releases().model) && world.runs(test_releases().config));
}

TEST(McuSessionSizes, ARootChainWhoseLinkIsLostAnywhereComesAgain) {
  const LongChain chain(6);
  for (std::uint64_t n = 0; n < 12; ++n) {
    TestWorld world;
    ASSERT_TRUE(world.start_and_settle());
    world.broker.cut_after_given = world.broker.given + 40 + n * 350;
    world.broker.publish(root_topic, chain.upto(6));
    ASSERT_TRUE(world.until([&] { return world.device.logged("the trust root has moved"); })) << n;
    world.run(3000);
    EXPECT_EQ(world.device.log_count("the trust root has moved"), 1u);
  }
}

TEST(McuSessionSizes, AChainThatIsLongerThanTheScratchAreaIsNamed) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.broker.push(root_topic, std::string(20 * 1024 + 1, 'r'), 1);
  ASSERT_TRUE(world.until([&] { return world.device.logged("the chain of trust roots cannot be stored"); }));
  world.assign(1, {&test_releases().model});
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
}

}  // namespace
}  // namespace muster::mcu::sim
