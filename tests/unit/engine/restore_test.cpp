// Restart: any order of records gives the same state, and damage is found and named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "rules/engine/record.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// As a version whose records have that format would have written it.
std::string of_format(std::uint8_t format, const std::string& key, const std::string& value) {
  constexpr std::size_t around = 1 + 8;  // the format in front and the checksum behind
  return seal_record(key, std::string_view(value).substr(1, value.size() - around), format);
}

World busy_world() {
  World world;
  world.add_release(Plane::model, "reader", "1");
  world.add_release(Plane::model, "reader", "2");
  world.add_release(Plane::config, "sorter", "1");
  for (int i = 0; i < 12; ++i) {
    auto facts = facts_of("rk3566", i % 2 == 0 ? "eu" : "us");
    facts.tags = {"t" + std::to_string(i % 3)};
    world.join("gw-" + std::to_string(i), facts);
  }
  Wave canary;
  canary.name = "canary";
  canary.percent = 30;
  canary.gate = Gate::manual;
  canary.soak_s = 60;
  Wave all;
  all.name = "all";
  all.percent = 100;
  Wave ring;
  ring.name = "ring";
  ring.ring_text = "\"t1\" in device.tags";
  ring.ring = World::compile(ring.ring_text);
  world.start(World::rule("done", "device.region == \"us\"", {{Plane::model, "reader", "1"}}, {all}));
  for (const auto& id : world.assigned_by("done")) world.commit(id);
  auto rule = World::rule("now", "true", {{Plane::model, "reader", "2"}}, {ring, canary, all});
  rule.halt_failed_devices = 3;
  world.start(rule);
  world.start(World::rule("config", "device.region == \"eu\"", {{Plane::config, "sorter", "1"}}, {canary, all}));
  const auto reached = world.assigned_by("now");
  if (!reached.empty()) world.roll_back(*reached.begin(), "probe_failed", "exit code 1");
  GiveOrder order;
  order.scope = "group/region=us";
  order.kind = OrderKind::safe_mode;
  world.command(order);
  return world;
}

std::vector<std::pair<std::string, std::string>> records_of(const World& world) {
  return {world.records.begin(), world.records.end()};
}

// Everything people can see of an engine.
std::string picture_of(const World& world, const Engine& engine) {
  std::string text;
  for (const auto& name : engine.rollouts()) {
    text += status_line(*engine.status(name)) + "\n" + engine.rule_text(name) + "\n";
    for (const auto& wave : engine.status(name)->waves) {
      text += wave.name + " " + std::to_string(wave.devices) + " " + std::to_string(wave.done) + " " +
              std::to_string(wave.failed) + " " + std::to_string(wave.opened_s) + "\n";
    }
    for (const auto& failure : engine.status(name)->failures)
      text += failure.device + failure.error + failure.detail + "\n";
  }
  for (const auto& id : engine.devices()) {
    DeviceStatus status;
    EXPECT_TRUE(engine.device(id, status));
    text += id + " " + std::to_string(status.assigned_epoch) + " " + std::string(name_of(status.attempt)) +
            status.attempt_error + " " + status.facts.region;
    for (const auto& each : status.rollouts)
      text += " " + each.rollout + ":" + std::string(name_of(each.standing)) + std::to_string(each.wave);
    text += "\n";
  }
  std::vector<Effect> effects;
  engine.republish(effects);
  for (const auto& line : trace(world, effects)) text += line + "\n";
  return text;
}

TEST(Restore, AnyOrderOfRecordsGivesTheSameState) {
  auto world = busy_world();
  auto records = records_of(world);
  const auto expected = picture_of(world, world.engine);
  EXPECT_NE(expected.find("probe_failed"), std::string::npos);
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::shuffle(records.begin(), records.end(), std::mt19937(seed));
    Engine engine;
    ASSERT_EQ(engine.restore(records), "") << "seed " << seed;
    EXPECT_EQ(engine.check(), "");
    EXPECT_EQ(picture_of(world, engine), expected) << "seed " << seed;
  }
}

TEST(Restore, ADamagedRecordIsNamed) {
  auto world = busy_world();
  for (const auto& [key, value] : world.records) {
    for (const std::size_t place : {std::size_t{0}, value.size() / 2, value.size() - 1}) {
      auto records = world.records;
      records[key][place] = static_cast<char>(records[key][place] ^ 0x10);
      Engine engine;
      const auto sentence = engine.restore({records.begin(), records.end()});
      EXPECT_NE(sentence.find("\"" + key + "\""), std::string::npos) << key << ": " << sentence;
    }
    auto records = world.records;
    records[key].clear();
    Engine engine;
    EXPECT_NE(engine.restore({records.begin(), records.end()}), "") << key;
  }
}

// An operator whose packages were updated, or put back, must not be sent to look for a backup of a sound database.
TEST(Restore, ARecordOfAnotherVersionIsNotCalledDamaged) {
  auto world = busy_world();
  for (const int other : {-1, 1}) {
    const auto format = static_cast<std::uint8_t>(record_format + other);
    for (const auto& [key, value] : world.records) {
      auto records = world.records;
      records[key] = of_format(format, key, value);
      Engine engine;
      EXPECT_THAT(
          engine.restore({records.begin(), records.end()}),
          AllOf(HasSubstr("record \"" + key + "\" was written by another version of Muster"),
                HasSubstr("format " + std::to_string(format) + ", this one reads " + std::to_string(record_format)),
                HasSubstr("start that version again"), Not(HasSubstr("backup"))));
    }
  }
  for (const auto& [key, value] : world.records) EXPECT_EQ(of_format(record_format, key, value), value);
}

TEST(Restore, AMissingRecordIsFound) {
  auto world = busy_world();
  for (const auto* key : {"engine", "rollout/now", "rollout_rule/now", "rollout/done"}) {
    auto records = world.records;
    ASSERT_EQ(records.erase(key), 1u);
    Engine engine;
    EXPECT_NE(engine.restore({records.begin(), records.end()}), "") << key;
  }
}

TEST(Restore, AForeignRecordIsFound) {
  auto world = busy_world();
  auto records = world.records;
  records["something/else"] = "x";
  Engine engine;
  EXPECT_NE(engine.restore({records.begin(), records.end()}).find("something/else"), std::string::npos);
}

TEST(Restore, OfNothingIsANewEngine) {
  Engine engine;
  EXPECT_EQ(engine.restore({}), "");
  EXPECT_TRUE(engine.rollouts().empty());
  EXPECT_TRUE(engine.devices().empty());
}

TEST(Restore, AllDevicesCountAsNotConnectedAndBecomeUnreachableInTheirTime) {
  auto world = busy_world();
  for (auto& [id, device] : world.devices) device.connected = false;
  world.restart();
  DeviceStatus status;
  ASSERT_TRUE(world.engine.device("gw-0", status));
  EXPECT_FALSE(status.connected);
  world.tick(0);
  world.tick(59);
  EXPECT_EQ(world.status("now").unreachable, 0u);
  world.tick(1);
  EXPECT_GT(world.status("now").unreachable, 0u);
}

}  // namespace
}  // namespace muster::rules::test
