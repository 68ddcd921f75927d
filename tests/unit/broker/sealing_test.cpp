// Assignments and directives as the broker makes them: the latter with the words for people, as far as the smallest
// device has room for them.
#include "broker-plugin/core/sealing.h"

#include <gtest/gtest.h>

#include <memory>

#include "schemas/assignment_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/limits.h"
#include "schemas/wire.h"

namespace muster::broker {
namespace {

rules::Direct freezes(std::size_t count, std::size_t reason_len) {
  rules::Direct direct;
  direct.scope = "group/memory_tier=" + std::string(limits::attribute_len_max, 't');
  direct.epoch = 100 + count;
  for (std::size_t i = 0; i < count; ++i) {
    rules::StandingOrder order;
    order.kind = rules::OrderKind::freeze;
    order.epoch = 101 + i;
    order.release.bytes.fill(static_cast<std::uint8_t>(i + 1));
    order.reason = std::string(reason_len, 'r');
    order.by = std::string(limits::id_len_max, 'o');
    direct.orders.push_back(order);
  }
  return direct;
}

// How many orders of it come with their texts; they have to be the newest.
std::size_t texts_in(const Bytes& built, std::size_t orders) {
  const AlignedBytes copy{ByteView(built)};
  const wire::Directive* directive = nullptr;
  EXPECT_EQ(verify(copy.view(), directive), WireFault::none);
  EXPECT_EQ(directive->orders()->size(), orders);
  std::size_t with = 0;
  for (const auto* order : *directive->orders()) {
    EXPECT_EQ(order->reason() == nullptr, order->by() == nullptr);
    EXPECT_TRUE(with == 0 || order->reason() != nullptr) << "an older order has texts and this one has not";
    with += order->reason() != nullptr ? 1u : 0u;
  }
  return with;
}

TEST(BuildDirective, KeepsAllTextsWhereThereIsRoom) {
  EXPECT_EQ(texts_in(build_directive(freezes(1, 96), {1000, 0}), 1), 1u);
  EXPECT_EQ(texts_in(build_directive(freezes(3, 96), {1000, 0}), 3), 3u);
}

TEST(BuildDirective, LeavesOutTheTextsOfTheOldestOrders) {
  const auto built = build_directive(freezes(7, 96), {1000, 0});
  EXPECT_LE(built.size(), limits::directive_len_texts);
  const auto with = texts_in(built, 7);
  EXPECT_GE(with, 1u);
  EXPECT_LT(with, 7u);
}

TEST(BuildDirective, TwelveOrdersAreShortWhateverTheyMean) {
  const auto built = build_directive(freezes(12, 96), {1000, 0});
  EXPECT_LE(built.size(), limits::directive_len_texts);
  static_cast<void>(texts_in(built, 12));
}

TEST(BuildDirective, AsManyAsAScopeMayHaveAreAllThere) {
  EXPECT_EQ(texts_in(build_directive(freezes(limits::orders_max, 96), {1000, 0}), limits::orders_max), 0u);
}

TEST(BuildAssignment, SaysWhereToHoldAndWhatRunsInTheShadow) {
  AssignWork work;
  work.assign.device = "gw-1";
  work.assign.epoch = 9;
  work.assign.rollout = "r";
  work.assign.soak_s = 60;
  work.assign.hold = rules::HoldPoint::before_commit;
  const Sha256 running{{1, 2, 3}}, beside{{4, 5, 6}}, envelope{{7, 8, 9}};
  work.assign.releases = {{rules::Plane::config, running}};
  work.releases = {nullptr};
  auto release = std::make_shared<Release>();
  release->name = "reader";
  release->version = "4";
  release->envelope = envelope;
  release->envelope_size = 700;
  work.assign.shadow = {{rules::Plane::model, beside}};
  work.shadow = {release};
  const auto built = build_assignment(work, {1000, 3600});
  const AlignedBytes copy{ByteView(built)};
  const wire::Assignment* assignment = nullptr;
  ASSERT_EQ(verify(copy.view(), assignment), WireFault::none);
  EXPECT_EQ(assignment->hold(), wire::Hold::before_commit);
  ASSERT_EQ(assignment->releases()->size(), 1u);
  EXPECT_EQ(assignment->releases()->Get(0)->plane(), wire::Plane::config);
  ASSERT_NE(assignment->shadow(), nullptr);
  ASSERT_EQ(assignment->shadow()->size(), 1u);
  const auto* shadow = assignment->shadow()->Get(0);
  EXPECT_EQ(shadow->plane(), wire::Plane::model);
  EXPECT_EQ(shadow->name()->str() + "@" + shadow->version()->str(), "reader@4");
  EXPECT_EQ(shadow->envelope_size(), 700u);

  work.assign.shadow.clear();
  work.shadow.clear();
  const auto without = build_assignment(work, {1000, 3600});
  const AlignedBytes plain{ByteView(without)};
  ASSERT_EQ(verify(plain.view(), assignment), WireFault::none);
  EXPECT_EQ(assignment->shadow(), nullptr) << "devices without one read nothing new";
}

}  // namespace
}  // namespace muster::broker
