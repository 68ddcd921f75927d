// Which waves can come to a verdict: how many devices each takes, and what the sequential test says of such a count.
#include "rules/config/reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "rules/verdict/sequential_test.h"
#include "tests/support/long_form.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Rule rule(const std::string& waves, const std::string& guardrails, const std::string& targets = "true") {
  const LoadedRule loaded = load_rule("rollout: r\ntargets: " + targets + "\nversions: { model: m@1 }\nwaves:\n" +
                                          waves + (guardrails.empty() ? "" : "guardrails:\n" + guardrails),
                                      "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  return loaded.rule.value_or(Rule());
}
DescribedFleet fleet(const std::string& groups) {
  const LoadedFleet loaded = load_fleet("groups:\n" + groups, "f");
  EXPECT_TRUE(loaded.fleet) << lines_of(loaded.diagnostics);
  return loaded.fleet.value_or(DescribedFleet());
}
std::vector<std::string> sentences(const Rule& rule, const DescribedFleet& fleet) {
  std::vector<std::string> lines;
  for (const auto& found : verdicts_out_of_reach(rule, plan_waves(rule, fleet))) {
    lines.push_back(sentence_of(found, rule));
  }
  return lines;
}

const std::string three_waves =
    "- { name: canary, percent: 10 }\n- { name: half, percent: 50 }\n- { name: all, percent: 100 }\n";

// --- how many devices each wave takes ---

TEST(PlanWaves, SharesAreThoseOfTheEngine) {
  const auto groups = plan_waves(rule(three_waves, ""), fleet("- { count: 75 }\n"));
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_THAT(groups[0].reached, ElementsAre(8, 38, 75)) << "ceil(7.5), ceil(37.5), all";
}

TEST(PlanWaves, EachGroupGivesItsShare) {
  const auto groups =
      plan_waves(rule(three_waves, "", "device.region in ['eu', 'us']"),
                 fleet("- { count: 300, region: eu }\n- { count: 50, region: mars }\n- { count: 100, region: us }\n"));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0].reached, ElementsAre(30, 150, 300));
  EXPECT_THAT(groups[1].reached, ElementsAre(10, 50, 100));
}

TEST(PlanWaves, RingsTakeWholeGroupsAndPercentagesCountThemIn) {
  const auto groups = plan_waves(rule("- { name: lab, ring: '\"lab\" in device.tags' }\n" + three_waves, ""),
                                 fleet("- { count: 20, tags: [lab] }\n- { count: 80 }\n"));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0].reached, ElementsAre(20, 20, 20, 20)) << "more than a tenth are in already";
  EXPECT_THAT(groups[1].reached, ElementsAre(0, 0, 30, 80));
}

TEST(PlanWaves, ARingAfterAPercentageTakesWhoIsLeftOfIt) {
  const auto groups =
      plan_waves(rule("- { name: tenth, percent: 10 }\n- { name: eu, ring: 'device.region == \"eu\"' }\n"
                      "- { name: half, percent: 50 }\n- { name: all, percent: 100 }\n",
                      ""),
                 fleet("- { count: 20, region: eu }\n- { count: 80 }\n"));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0].reached, ElementsAre(2, 20, 20, 20));
  EXPECT_THAT(groups[1].reached, ElementsAre(8, 8, 30, 80));
}

TEST(PlanWaves, NumbersOfDevicesTakeSoManyInProportion) {
  const auto groups = plan_waves(
      rule("- { name: two, devices: 2 }\n- { name: ten, devices: 10 }\n- { name: many, devices: 500 }\n", ""),
      fleet("- { count: 20 }\n- { count: 80, region: eu }\n"));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_DOUBLE_EQ(groups[0].reached[0] + groups[1].reached[0], 2);
  EXPECT_THAT(groups[0].reached, ElementsAre(::testing::DoubleNear(0.4, 1e-9), ::testing::DoubleNear(2, 1e-9), 20));
  EXPECT_THAT(groups[1].reached, ElementsAre(::testing::DoubleNear(1.6, 1e-9), ::testing::DoubleNear(8, 1e-9), 80));
}

TEST(Reach, AFewDevicesThatRehearseAreNotToGiveAVerdict) {
  const std::string all = "- { name: all, percent: 100 }\n";
  const std::string guardrail = "- { name: latency, metric: p95_ms, max: 180 }\n";
  EXPECT_THAT(
      sentences(rule("- { name: few, devices: 2, rehearse: true }\n" + all, guardrail), fleet("- { count: 999 }\n")),
      IsEmpty());
  EXPECT_THAT(sentences(rule("- { name: few, devices: 2 }\n" + all, guardrail), fleet("- { count: 999 }\n")),
              ElementsAre(HasSubstr("wave few reaches 2 devices")));
  EXPECT_THAT(
      sentences(rule("- { name: few, percent: 1, rehearse: true }\n" + all, guardrail), fleet("- { count: 999 }\n")),
      ElementsAre(HasSubstr("wave few reaches 10 devices")))
      << "a share that rehearses is judged as any";
}

TEST(PlanWaves, WhoIsNoTargetIsNotPlanned) {
  EXPECT_THAT(plan_waves(rule(three_waves, "", "device.site == 'x'"), fleet("- { count: 9 }\n")), IsEmpty());
}

// Whatever the shares, a wave takes exactly what the engine would, nobody twice, and nobody gets out again.
TEST(PlanWaves, NothingGetsLost) {
  const auto seed = muster::testing::seed_or(20261122);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    Rule plan = rule("- { name: a, percent: 1 }\n- { name: b, percent: 2 }\n- { name: c, percent: 3 }\n", "");
    plan.waves[0].percent = 1 + static_cast<std::uint32_t>(random() % 30);
    plan.waves[1].percent = plan.waves[0].percent + 1 + static_cast<std::uint32_t>(random() % 30);
    plan.waves[2].percent = plan.waves[1].percent + 1 + static_cast<std::uint32_t>(random() % 39);
    DescribedFleet described;
    std::uint64_t targets = 0;
    for (std::size_t i = 0; i < 1 + random() % 9; ++i) {
      described.groups.push_back({1 + static_cast<std::uint32_t>(random() % 100'000), {}});
      targets += described.groups.back().count;
    }
    const auto groups = plan_waves(plan, described);
    for (std::size_t wave = 0; wave < plan.waves.size(); ++wave) {
      double sum = 0;
      for (const auto& group : groups) {
        sum += group.reached[wave];
        EXPECT_LE(group.reached[wave], group.devices);
        EXPECT_GE(group.reached[wave], wave == 0 ? 0 : group.reached[wave - 1]);
      }
      EXPECT_NEAR(sum, static_cast<double>((plan.waves[wave].percent * targets + 99) / 100), 1e-3);
    }
  }
}

// --- what such counts can bring ---

TEST(Reach, SaysWhatIsTooSmallAndWhatWouldHelp) {
  const Rule guarded = rule(three_waves, "- { name: latency, metric: p95_ms, max: 180 }\n");
  EXPECT_THAT(sentences(guarded, fleet("- { count: 80 }\n")),
              ElementsAre("wave canary reaches 8 devices; a pass of guardrail latency at 99 % with tolerate 5 % needs "
                          "100, and there are only 80: it will hold; lower confidence, raise tolerate, or gate: manual",
                          HasSubstr("wave half reaches 40 devices"), HasSubstr("wave all reaches 80 devices")));
  EXPECT_THAT(sentences(guarded, fleet("- { count: 999 }\n")), IsEmpty());
  EXPECT_THAT(sentences(guarded, fleet("- { count: 990 }\n")),
              ElementsAre("wave canary reaches 99 devices; a pass of guardrail latency at 99 % with tolerate 5 % needs "
                          "100: it will hold; lower confidence, raise tolerate, or gate: manual"));
}

TEST(Reach, VotesOfEarlierWavesCount) {
  const Rule guarded = rule("- { name: a, percent: 10 }\n- { name: b, percent: 11 }\n",
                            "- { name: g, metric: p95_ms, max: 180, tolerate: 20% }\n");
  EXPECT_THAT(sentences(guarded, fleet("- { count: 210 }\n")), ElementsAre(HasSubstr("wave a reaches 21 devices")))
      << "wave b adds 3, and 24 are enough for 23";
}

TEST(Reach, AGateOrATimeoutGoesOnWithoutIt) {
  const Rule guarded = rule(
      "- { name: canary, percent: 10, gate: manual }\n- { name: half, percent: 50 }\n- { name: all, percent: 100 }\n",
      "- { name: g, metric: p95_ms, max: 180, on_inconclusive: { advance_after: 36h } }\n");
  EXPECT_THAT(sentences(guarded, fleet("- { count: 10 }\n")),
              ElementsAre(HasSubstr("and there are only 10: whoever approves the wave decides without it"),
                          HasSubstr(": it goes on without it 36h after it opened"),
                          HasSubstr(": the rollout completes without it 36h after it opened")));
}

TEST(Reach, SegmentsShareTheError) {
  const Rule guarded = rule(three_waves, "- { name: quality, metric: edit_distance, max: 1, by: [region, class] }\n");
  const DescribedFleet described = fleet(
      "- { count: 2000, region: eu, class: a }\n- { count: 900, region: us, class: a, tags: [x] }\n"
      "- { count: 100, region: us, class: a }\n- { count: 12, class: a }\n- { count: 3, region: eu }\n");
  const auto needed = SequentialTest(50'000, 10'000, 5).devices_to_pass(0);
  ASSERT_TRUE(needed);
  EXPECT_GT(*needed, 100u);
  const auto found = verdicts_out_of_reach(guarded, plan_waves(guarded, described));
  std::vector<std::string> short_ones;
  for (const auto& each : found) {
    short_ones.push_back(std::to_string(each.wave) + " " + each.segment + " " + std::to_string(each.devices) + "/" +
                         std::to_string(each.targets));
    EXPECT_EQ(each.segments, 4u);
    EXPECT_EQ(each.needed, needed);
  }
  EXPECT_THAT(short_ones,
              ElementsAre("0 region=? class=a 1/12", "0 region=eu class=? 1/3", "0 region=us class=a 100/1000",
                          "1 region=? class=a 6/12", "1 region=eu class=? 2/3", "2 region=? class=a 12/12",
                          "2 region=eu class=? 3/3"));
  EXPECT_EQ(sentence_of(found[2], guarded),
            "wave canary reaches about 100 devices with region=us class=a; a pass of guardrail quality at 99 % with "
            "tolerate 5 % needs " +
                std::to_string(*needed) +
                " in each of 4 segments: it will hold; lower confidence, raise tolerate, or gate: manual");
  EXPECT_THAT(sentence_of(found[0], guarded), HasSubstr("about 1 device with region=? class=a;"));
  EXPECT_THAT(sentence_of(found[0], guarded),
              HasSubstr("and there are only 12: it will hold; lower confidence, raise tolerate, judge by fewer "
                        "attributes, or gate: manual"));
}

TEST(Reach, WhatIsTheSameIsSaidOnce) {
  const Rule guarded = rule("- { name: canary, percent: 10 }\n- { name: all, percent: 100 }\n",
                            "- { name: a, metric: p95_ms, max: 1, by: [region] }\n"
                            "- { name: b, metric: p99_ms, max: 1, by: [region] }\n"
                            "- { name: c, metric: p50_ms, max: 1, tolerate: 20% }\n");
  const DescribedFleet described =
      fleet("- { count: 800, region: de }\n- { count: 200, region: us }\n- { count: 30, region: nz }\n");
  const auto lines = sentences_of(verdicts_out_of_reach(guarded, plan_waves(guarded, described)), guarded);
  EXPECT_THAT(
      lines,
      ElementsAre("wave canary reaches about 80 devices with region=de and 20 with region=us; a pass of guardrails a "
                  "and b at 99 % with tolerate 5 % needs 128 in each of 3 segments: it will hold; lower confidence, "
                  "raise tolerate, or gate: manual",
                  HasSubstr("wave canary reaches about 3 devices with region=nz; a pass of guardrails a and b at 99 % "
                            "with tolerate 5 % needs 128 in each of 3 segments, and there are only 30: it will hold"),
                  HasSubstr("wave all reaches about 30 devices with region=nz;")));
}

// By asking for each size: what is said is enough, and one less is not.
TEST(Reach, SaysHowLargeAWaveHasToBe) {
  const std::string guardrails =
      "- { name: a, metric: p95_ms, max: 1, by: [region] }\n- { name: b, metric: p99_ms, max: 1 }\n";
  const DescribedFleet described =
      fleet("- { count: 800, region: de, tags: [lab] }\n- { count: 200, region: us }\n- { count: 30, region: nz }\n");
  const auto with = [&](const std::string& size) {
    return rule("- { name: first, devices: 5 }\n- { name: canary, " + size + " }\n- { name: all, percent: 100 }\n",
                guardrails);
  };
  const auto is_enough = [&](const Rule& tried) {
    const auto found = verdicts_out_of_reach(tried, plan_waves(tried, described));
    return std::none_of(found.begin(), found.end(),
                        [](const OutOfReach& each) { return each.wave == 1 && each.can_be_reached(); });
  };
  for (const std::string size : {"percent: 10", "devices: 9"}) {
    const auto enough = large_enough(with(size), described, 1);
    ASSERT_TRUE(enough) << size;
    const bool share = size.starts_with("percent");
    EXPECT_EQ(enough->percent != 0, share);
    const auto least = share ? enough->percent : static_cast<std::uint32_t>(enough->devices);
    const auto key = size.substr(0, size.find(' ') + 1);
    EXPECT_TRUE(is_enough(with(key + std::to_string(least)))) << least;
    EXPECT_FALSE(is_enough(with(key + std::to_string(least - 1)))) << least;
  }
  const Rule ring = rule("- { name: lab, ring: '\"lab\" in device.tags && false' }\n- { name: all, percent: 100 }\n",
                         "- { name: b, metric: p99_ms, max: 1 }\n");
  EXPECT_EQ(sentence_of(large_enough(ring, described, 0).value(), ring.waves[0]),
            "wave lab would be large enough with devices: 100 instead of its ring");
  const Rule later = rule(
      "- { name: few, percent: 2 }\n- { name: lab, ring: '\"lab\" in device.tags && false' }\n"
      "- { name: all, percent: 100 }\n",
      "- { name: b, metric: p99_ms, max: 1 }\n");
  EXPECT_EQ(sentence_of(large_enough(later, described, 1).value(), later.waves[1]),
            "wave lab would be large enough with percent: 10 (103 devices) instead of its ring")
      << "after a percentage no number of devices may follow";
  const Rule share = rule(three_waves, "- { name: b, metric: p99_ms, max: 1 }\n");
  EXPECT_EQ(sentence_of(large_enough(share, fleet("- { count: 950 }\n"), 0).value(), share.waves[0]),
            "wave canary would be large enough with percent: 11 (105 devices)");
}

TEST(Reach, ASegmentThatNoWaveHasReachedHoldsNothing) {
  const Rule guarded = rule("- { name: eu, ring: 'device.region == \"eu\"' }\n- { name: all, percent: 100 }\n",
                            "- { name: g, metric: p95_ms, max: 1, by: [region] }\n");
  EXPECT_THAT(sentences(guarded, fleet("- { count: 500, region: eu }\n- { count: 5, region: us }\n")),
              ElementsAre(HasSubstr("wave all reaches about 5 devices with region=us")));
}

// The plan against the test itself: a wave is out of reach exactly when its devices, all fine, give no pass.
TEST(Reach, AgreesWithTheTest) {
  const auto seed = muster::testing::seed_or(20261123);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    Rule guarded = rule(three_waves, "- { name: g, metric: p95_ms, max: 180 }\n");
    Guardrail& guardrail = guarded.guardrails[0];
    guardrail.tolerate_ppm = 1 + static_cast<std::uint32_t>(random() % 400'000);
    guardrail.error_ppm = 1 + static_cast<std::uint32_t>(random() % 400'000);
    if (random() % 2 == 0) guardrail.by = {Attribute::region};
    const auto regions = 1 + static_cast<std::uint32_t>(random() % 4);
    std::vector<PlannedGroup> groups(regions);
    for (std::size_t i = 0; i < regions; ++i) {
      groups[i].facts.region = std::string(1, static_cast<char>('a' + i));
      groups[i].reached = {static_cast<double>(random() % 60), 0, 0};
      groups[i].reached[1] = groups[i].reached[0] + static_cast<double>(random() % 100);
      groups[i].reached[2] = groups[i].reached[1] + static_cast<double>(random() % 1000);
      groups[i].devices = static_cast<std::uint32_t>(groups[i].reached[2]);
    }
    const auto found = verdicts_out_of_reach(guarded, groups);
    const auto is_found = [&](std::size_t wave, const std::string& segment) {
      return std::count_if(found.begin(), found.end(),
                           [&](const OutOfReach& each) { return each.wave == wave && each.segment == segment; });
    };
    const SequentialTest test(guardrail.tolerate_ppm, guardrail.error_ppm, guardrail.by.empty() ? 1 : regions + 1);
    for (std::size_t wave = 0; wave < 3; ++wave) {
      std::uint32_t all = 0;
      for (const auto& group : groups) {
        const auto devices = static_cast<std::uint32_t>(group.reached[wave]);
        all += devices;
        if (guardrail.by.empty()) continue;
        const bool passes = devices == 0 || test.judge({devices, 0}) == Verdict::pass;
        EXPECT_EQ(is_found(wave, "region=" + group.facts.region), passes ? 0 : 1) << devices;
      }
      if (!guardrail.by.empty()) continue;
      const bool passes = all == 0 || test.judge({all, 0}) == Verdict::pass;
      EXPECT_EQ(is_found(wave, ""), passes ? 0 : 1) << all;
    }
  }
}

}  // namespace
}  // namespace muster::rules::test
