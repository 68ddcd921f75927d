// Guardrails by segment: who is frozen, also beyond what is told apart, and also when facts have changed since.
#include <set>

#include "rules/condition/compile.h"
#include "rules/engine/readings_environment.h"
#include "schemas/limits.h"
#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

class GuardrailSegments : public GuardedFleet {
 protected:
  GuardrailSegments() {
    rail_.by = {Attribute::region};
    rail_.on_fail = OnFail::freeze_segment;
    rail_.tolerate_ppm = 200'000;
  }
  [[nodiscard]] bool runs_old(const std::string& id) {
    const auto& assigned = world_.devices[id].assigned;
    return assigned && assigned->releases[0].second == world_.release("reader@1").manifest;
  }
  [[nodiscard]] std::string somebody_not_reached() {
    const auto ids = world_.assigned_by("r");
    for (const auto& [id, device] : world_.devices) {
      if (!ids.contains(id)) return id;
    }
    return {};
  }
  void move(const std::string& id, const std::string& region) {
    world_.devices[id].report.facts.region = region;
    world_.report(id);
  }
};

// A device belongs to the segment in which its vote is counted, and one that has no vote yet to that of its facts.
TEST_F(GuardrailSegments, AReachedDeviceStaysInTheSegmentThatItWasAssignedIn) {
  join(80);
  start({rail_});
  commit_reached();
  const auto first = reached();
  std::vector<std::string> from_de, from_us;
  for (const auto& id : first) (in(id, "de") ? from_de : from_us).push_back(id);
  move(from_de[0], "us");
  move(from_us[0], "de");
  world_.tick(window_s);
  for (const auto& id : from_de) say(id, 90);
  ASSERT_TRUE(verdict("region=de").frozen);
  for (const auto& id : from_de) EXPECT_TRUE(runs_old(id)) << id;
  for (const auto& id : from_us) EXPECT_FALSE(runs_old(id)) << id;
  world_.restart();
  for (const auto& id : from_us) EXPECT_FALSE(runs_old(id)) << id;
}

// Who approves a wave of many segments has those in writing that have not passed, wherever they stand in the list.
TEST_F(GuardrailSegments, AnApprovalNamesWhatHasNotPassedFirst) {
  rail_.tolerate_ppm = 500'000;
  for (int i = 0; i < 12 * 14; ++i) {
    const auto region = "r" + std::to_string(10 + i % 12);
    const auto id = "d" + std::to_string(1000 + i);
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, facts_of("rk3566", region));
  }
  Wave all;
  all.name = "all";
  all.percent = 100;
  all.gate = Gate::manual;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.guardrails = {rail_};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) {
    if (!in(id, "r21")) say(id, 40);
  }
  ASSERT_EQ(verdict("region=r10").verdict, Verdict::pass);
  ASSERT_EQ(state(), RolloutState::awaiting_approval);
  const auto why = World::why_of(world_.command(ApproveWave{"r"}), audit::wave_approved);
  EXPECT_THAT(why, testing::HasSubstr("; guardrails: latency in region=r21: inconclusive, 0 of 0 exceeded; latency in "
                                      "region=r10: pass, 0 of 14 exceeded;"));
  EXPECT_THAT(why, testing::HasSubstr("region=r18: pass, 0 of 14 exceeded; and 2 more"));
}

// Waves by region: one that is frozen as a whole does not end the rollout for the others.
TEST_F(GuardrailSegments, AWaveThatIsAllFrozenIsPassedOver) {
  join(20);
  Wave de, us;
  de.name = "de";
  de.ring_text = "device.region == \"de\"";
  de.ring = World::compile(de.ring_text);
  us.name = "us";
  us.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {de, us});
  rule.guardrails = {rail_};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  commit_reached();
  const auto first = reached();
  ASSERT_EQ(first.size(), 10u);
  world_.tick(window_s);
  for (std::size_t i = 1; i < first.size(); ++i) say(first[i], 90);
  ASSERT_TRUE(verdict("region=de").frozen);
  EXPECT_EQ(world_.status("r").waves[0].state, WaveState::done);
  EXPECT_EQ(world_.status("r").waves[1].devices, 10u);
  for (const auto& id : first) EXPECT_TRUE(runs_old(id)) << id;
  commit_reached();
  world_.tick(window_s);
  for (const auto& [id, device] : world_.devices) {
    if (in(id, "us")) say(id, 90);
  }
  EXPECT_TRUE(verdict("region=us").frozen);
  EXPECT_THAT(world_.status("r").waiting_for, ::testing::HasSubstr("are in frozen segments; abort"));
}

// Who is frozen follows from the facts for those that no wave has reached, and so it is the same after a restart.
TEST_F(GuardrailSegments, WhoIsInNoWaveYetIsFrozenTooAndStaysSoAfterARestart) {
  for (int i = 0; i < 40; ++i) {
    const auto id = "d" + std::to_string(i);
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, facts_of("rk3566", "de"));
  }
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 90);
  ASSERT_TRUE(verdict("region=de").frozen);
  const auto before = world_.status("r");
  ASSERT_EQ(before.waves[0].state, WaveState::open);
  EXPECT_THAT(before.waiting_for, ::testing::HasSubstr("are in frozen segments; abort"));
  EXPECT_EQ(world_.engine.why(somebody_not_reached()).at(0).text,
            "its wave has not opened, and its segment is frozen: it gets nothing of this rollout");
  world_.restart();
  world_.tick(1);
  EXPECT_EQ(world_.status("r").waves[0].state, WaveState::open);
  EXPECT_EQ(world_.status("r").waiting_for, before.waiting_for);
  // Who moves elsewhere before it was reached is not of that segment any more, with a restart or without.
  move(somebody_not_reached(), "us");
  EXPECT_EQ(world_.status("r").waves[0].state, WaveState::done);
  EXPECT_EQ(world_.status("r").waves[1].devices, 20u);
}

// Two people approve the same wave or none.
TEST_F(GuardrailSegments, AVerdictTakesApprovalsAway) {
  join(80);
  Wave first;
  first.name = "first";
  first.percent = 50;
  first.gate = Gate::manual;
  first.approvers = 2;
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
  rule.guardrails = {rail_};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  commit_reached();
  EXPECT_TRUE(World::accepted(world_.command(ApproveWave{"r"}, "alice")));
  world_.tick(window_s);
  for (const auto& id : reached()) {
    if (in(id, "de")) say(id, 90);
  }
  ASSERT_TRUE(verdict("region=de").frozen);
  commit_reached();
  ASSERT_EQ(world_.status("r").state, RolloutState::awaiting_approval);
  EXPECT_TRUE(World::accepted(world_.command(ApproveWave{"r"}, "bob")));
  EXPECT_EQ(world_.status("r").state, RolloutState::awaiting_approval) << world_.status("r").waiting_for;
}

// Whoever of a segment has gone back with another one is waited for no more.
TEST_F(GuardrailSegments, ASegmentWhoseDevicesAllWentBackHoldsNobody) {
  for (int i = 0; i < 40; ++i) {
    const auto id = "d" + std::to_string(i);
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, facts_of(i % 2 == 0 ? "old" : "new", i % 2 == 0 ? "de" : "us"));
  }
  auto by_class = rail_;
  by_class.name = "temperature";
  by_class.metric = "temperature_c";
  by_class.by = {Attribute::device_class};
  by_class.limit = 80;
  start({rail_, by_class}, Gate::automatic, 60);
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) {
    say(id, in(id, "de") ? 90 : 40, [](DeviceHealth& health) { health.readings.set(Reading::temperature_c, 60); });
  }
  ASSERT_TRUE(verdict("region=de").frozen);
  world_.restart();
  EXPECT_EQ(world_.status("r").waiting_for.find("class=old"), std::string::npos) << world_.status("r").waiting_for;
  EXPECT_NE(world_.status("r").waiting_for.find("class=new"), std::string::npos) << world_.status("r").waiting_for;
}

// It may finish later what it was given, and would run it for good.
TEST_F(GuardrailSegments, WhoHadFailedGoesBackWithTheOthers) {
  join(80);
  Wave first;
  first.name = "first";
  first.percent = 50;
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
  rule.guardrails = {rail_};
  rule.halt_failed_devices = 5;
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  const auto reached_ids = reached();
  const auto bad = *std::find_if(reached_ids.begin(), reached_ids.end(), [&](const auto& id) { return in(id, "de"); });
  world_.fail(bad, "no_space");
  for (const auto& id : reached_ids) {
    if (id != bad) world_.commit(id);
  }
  world_.tick(window_s);
  for (const auto& id : reached_ids) {
    if (id != bad && in(id, "de")) say(id, 90);
  }
  ASSERT_TRUE(verdict("region=de").frozen);
  EXPECT_TRUE(runs_old(bad));
}

// What an operator calls a locale, a generation of devices or the day of their installation is a tag of theirs.
TEST_F(GuardrailSegments, DevicesAreJudgedByWhatTheirTagsSay) {
  for (int i = 0; i < 60; ++i) {
    const auto id = "d" + std::to_string(100 + i);
    auto facts = facts_of("rk3566", "eu");
    facts.tags = {"lab", "localed.x", i % 3 == 0 ? "locale.de" : "locale.fr_CA", "locale.second"};
    if (i % 3 == 2) facts.tags = {"lab", "locale", "locale."};
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, facts);
  }
  rail_.by = {SegmentKey("locale")};
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, world_.devices[id].report.facts.tags[2] == "locale.de" ? 90 : 10);
  EXPECT_TRUE(verdict("tag.locale=de").frozen);
  EXPECT_FALSE(verdict("tag.locale=fr_CA").frozen);
  EXPECT_FALSE(verdict("tag.locale=?").frozen);
  EXPECT_GT(verdict("tag.locale=?").voted, 0u) << "neither 'locale' nor 'locale.' says which";
  world_.restart();
  EXPECT_TRUE(verdict("tag.locale=de").frozen);
}

// Of two attributes each pair is judged alone: the class and the customer of a pair that fails go on in other pairs.
TEST_F(GuardrailSegments, OneOfThePairsOfTwoAttributesIsFrozenAlone) {
  const auto pair_of = [&](int i) {
    auto facts = facts_of(i % 2 == 0 ? "old" : "new", "eu");
    facts.customer = i % 4 < 2 ? "acme" : "bolt";
    return facts;
  };
  for (int i = 0; i < 320; ++i) {
    const auto id = "d" + std::to_string(1000 + i);
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, pair_of(i));
  }
  const auto bad = [&](const std::string& id) {
    const auto& facts = world_.devices[id].report.facts;
    return facts.device_class == "old" && facts.customer == "acme";
  };
  rail_.by = {Attribute::device_class, Attribute::customer};
  start({rail_});
  commit_reached();
  const auto canaries = reached();
  world_.tick(window_s);
  for (const auto& id : canaries) say(id, bad(id) ? 90 : 40);
  ASSERT_EQ(world_.status("r").guardrails.size(), 4u);
  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_EQ(verdict("class=old customer=acme").verdict, Verdict::fail);
    EXPECT_TRUE(verdict("class=old customer=acme").frozen);
    for (const auto* name : {"class=new customer=acme", "class=old customer=bolt", "class=new customer=bolt"}) {
      EXPECT_EQ(verdict(name).verdict, Verdict::pass) << name;
      EXPECT_FALSE(verdict(name).frozen) << name;
    }
    for (const auto& id : canaries) EXPECT_EQ(runs_old(id), bad(id)) << id;
    world_.restart();
  }
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  EXPECT_EQ(state(), RolloutState::completed) << world_.status("r").waiting_for;
  EXPECT_EQ(std::count_if(canaries.begin(), canaries.end(), bad) + 240, static_cast<int>(reached().size()))
      << "all of the other pairs, and of this one the first wave's";
}

TEST(SegmentKeys, AreReadBackAsTheyAreWritten) {
  for (const auto* name :
       {"class", "region", "site", "customer", "os_version", "memory_tier", "tag.locale", "tag.a.b"}) {
    const auto key = segment_key_from(name);
    ASSERT_TRUE(key) << name;
    EXPECT_EQ(name_of(*key), name);
  }
  const auto longest = "tag." + std::string(limits::id_len_max - 2, 'a');
  EXPECT_TRUE(segment_key_from(longest));
  for (const auto& name : {std::string("tag"), std::string("tag."), std::string("tag..a"), std::string("tag.a b"),
                           std::string("locale"), std::string(), longest + "a"})
    EXPECT_FALSE(segment_key_from(name)) << name;
}

TEST_F(GuardrailSegments, ThoseBeyondTheLimitAreOneSegmentThatCanBeFrozenToo) {
  world_.checking = false;  // its scans would take minutes
  const std::size_t count = limits::segments_max + 176;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = "d" + std::to_string(10'000 + i);
    auto facts = facts_of("rk3566", "de");
    facts.site = id;
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    world_.join(id, facts);
  }
  rail_.by = {Attribute::site};
  rail_.error_ppm = 200'000;
  rail_.tolerate_ppm = 10'000;
  start({rail_}, Gate::automatic, 90);
  commit_reached();
  const auto first = reached();
  world_.tick(window_s);
  // Who is in the others' segment: whose vote is counted there.
  std::set<std::string> others;
  for (const auto& id : first) {
    const auto before = verdict("(others)").voted;
    say(id, 90);
    world_.tick(0);  // with so many devices the status is a tick old
    if (verdict("(others)").voted != before) others.insert(id);
    if (verdict("(others)").frozen) break;
  }
  ASSERT_TRUE(verdict("(others)").frozen);
  ASSERT_GT(others.size(), 1u);
  for (const auto& id : others) EXPECT_TRUE(runs_old(id)) << id;
  auto facts = facts_of("rk3566", "de");
  facts.site = "a-new-one";
  world_.join("late", facts);
  EXPECT_FALSE(world_.devices["late"].assigned.has_value()) << "a new site is one of the others";
  world_.restart();
  world_.join("later", facts);
  EXPECT_FALSE(world_.devices["later"].assigned.has_value());
}

TEST_F(GuardrailSegments, StatesAndConditionsThatVanishVoteAgainst) {
  join(20);
  rail_.by = {};
  rail_.on_fail = OnFail::pause;
  rail_.tolerate_ppm = 900'000;
  rail_.metric = "thermal";
  rail_.limit = 2;
  auto condition = rail_;
  condition.name = "slow";
  condition.metric.clear();
  condition.when_text = "edit_distance > 50";
  const auto compiled = compile_condition(condition.when_text, recovery_vocabulary());
  ASSERT_TRUE(compiled.ok());
  condition.when = compiled.program;
  // Something to be measured before the first wave opens.
  auto compared = rail_;
  compared.name = "compared";
  compared.metric = "p50_ms";
  compared.against = Against::baseline;
  start({rail_, condition, compared});
  const auto all = [](DeviceHealth& health) {
    health.readings.set(Reading::thermal, 1);
    health.readings.tasks = {{"edit_distance", 40}};
  };
  for (auto& [id, device] : world_.devices) {
    if (id != "d000") say(id, 40, all);
  }
  world_.tick(3600);
  commit_reached();
  world_.tick(window_s);
  const auto of = [&](const std::string& name) {
    for (const auto& each : world_.status("r").guardrails) {
      if (each.guardrail == name) return each;
    }
    return GuardrailStatus();
  };
  std::vector<std::string> ids;
  for (const auto& id : reached()) {
    if (id != "d000") ids.push_back(id);
  }
  say(ids[0], 40, all);
  EXPECT_EQ(of("latency").exceeded + of("slow").exceeded, 0u);
  say(ids[1], 40, [](DeviceHealth& health) { health.readings.tasks = {{"edit_distance", 40}}; });
  EXPECT_EQ(of("latency").exceeded, 1u) << "thermal was there before";
  EXPECT_EQ(of("slow").exceeded, 0u);
  say(ids[2], 40, [](DeviceHealth& health) { health.readings.set(Reading::thermal, 1); });
  EXPECT_EQ(of("latency").exceeded, 1u);
  EXPECT_EQ(of("slow").exceeded, 1u) << "whether it is slow could be said before";
}

TEST(ReadingsInConditions, HaveTheirOwnNamesAndThoseOfRecoveryPolicies) {
  Readings readings;
  readings.set(Reading::p95_ms, 18);
  readings.set(Reading::temperature_c, 60);
  readings.tasks = {{"inference_quality", 0.9}, {"quality", 0.1}};
  const ReadingsEnvironment environment(readings);
  EXPECT_EQ(environment.lookup("p95_ms").number, 18);
  EXPECT_EQ(environment.lookup("inference_p95_ms").number, 18);
  EXPECT_EQ(environment.lookup("inference_quality").number, 0.9) << "not that of another metric";
  for (const auto* name : {"inference_temperature_c", "inference_p99_ms", "inference_", "other"})
    EXPECT_EQ(environment.lookup(name).type, Value::Type::missing) << name;
}

}  // namespace
}  // namespace muster::rules::test
