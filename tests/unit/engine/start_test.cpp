// What StartRollout refuses. Whatever is refused changes nothing.
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "schemas/limits.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Start : public testing::Test {
 protected:
  Start() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::config, "sorter", "1");
    world_.join("a", facts_of("rk3566", "eu"));
    command_.rule = World::rule("r", "true", {{Plane::model, "reader", "1"}}, {wave("canary", 10), wave("all", 100)});
    command_.rule_text = "rollout: r";
    command_.releases = {world_.release("reader@1")};
  }
  static Wave wave(const std::string& name, std::uint32_t percent) {
    Wave made;
    made.name = name;
    made.percent = percent;
    return made;
  }
  void expect_refused(const std::string& part) {
    const auto records = world_.records;
    const auto effects = world_.command(command_);
    EXPECT_FALSE(World::accepted(effects));
    EXPECT_NE(World::reply(effects).find(part), std::string::npos) << World::reply(effects);
    EXPECT_EQ(World::count_audits(effects, audit::command_refused), 1u);
    EXPECT_EQ(world_.records, records);
  }

  World world_;
  StartRollout command_;
};

TEST_F(Start, TakesAGoodRuleAndAnswers) {
  const auto effects = world_.command(command_);
  EXPECT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_EQ(world_.engine.rule_text("r"), "rollout: r");
  EXPECT_EQ(world_.engine.rollouts(), std::vector<std::string>{"r"});
  EXPECT_EQ(world_.status("r").started_by, "alice");
}

TEST_F(Start, RefusesANameThatExistsOrIsNone) {
  command_.rule.rollout = "";
  expect_refused("no name");
  command_.rule.rollout = "a/b";
  expect_refused("no name");
  command_.rule.rollout = "r";
  world_.command(command_);
  expect_refused("exists");
}

TEST_F(Start, RefusesVersionsThatDoNotResolve) {
  command_.releases.clear();
  expect_refused("publish");
  command_.releases = {world_.release("sorter@1")};
  expect_refused("reader@1");
  command_.releases = {world_.release("reader@1")};
  command_.releases[0].manifest = Sha256();
  expect_refused("not published");
  command_.releases = {world_.release("reader@1")};
  command_.rule.versions[0].plane = Plane::firmware;
  expect_refused("for plane model");
  command_.rule.versions.clear();
  expect_refused("no version");
}

TEST_F(Start, RefusesTwoVersionsOnAPlane) {
  command_.rule.versions.push_back(command_.rule.versions[0]);
  command_.releases.push_back(command_.releases[0]);
  expect_refused("two versions");
}

TEST_F(Start, RefusesWavesThatDoNotGrow) {
  command_.rule.waves = {wave("a", 50), wave("b", 50)};
  expect_refused("must grow");
  command_.rule.waves = {wave("a", 101)};
  expect_refused("must grow");
  command_.rule.waves.clear();
  expect_refused("0 waves");
  command_.rule.waves.assign(limits::waves_max + 1, wave("a", 1));
  expect_refused("33 waves");
}

TEST_F(Start, RefusesConditionsThatAreNoPrograms) {
  command_.rule.targets = {1, 2, 3};
  expect_refused("targets");
  command_.rule.targets = World::compile("true");
  command_.rule.waves[0] = wave("ring", 0);
  command_.rule.waves[0].ring = {};
  expect_refused("ring");
}

TEST_F(Start, RefusesARuleFileThatIsTooLarge) {
  command_.rule_text.assign(limits::rule_text_len_max + 1, 'x');
  expect_refused("larger");
}

TEST_F(Start, UnknownRolloutsAreSaidSo) {
  for (const CommandBody& body : std::vector<CommandBody>{ApproveWave{"x"}, PauseRollout{"x"}, ResumeRollout{"x", true},
                                                          AbortRollout{"x", AbortMode::keep}}) {
    const auto effects = world_.command(body);
    EXPECT_FALSE(World::accepted(effects));
    EXPECT_NE(World::reply(effects).find("no rollout is called"), std::string::npos);
    EXPECT_EQ(World::count_audits(effects, audit::command_refused), 1u);
  }
  EXPECT_EQ(world_.engine.status("x"), nullptr);
  EXPECT_EQ(world_.engine.rule_text("x"), "");
}

}  // namespace
}  // namespace muster::rules::test
