// Strategies and risks: the waves that they make, and what a file says itself. Golden files in bad/ have the texts of
// the errors.
#include "rules/config/strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/config/keys.h"
#include "rules/config/load_rule.h"
#include "rules/config/write_rule.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::ElementsAre;

LoadedRule loaded_with(const std::string& more) {
  LoadedRule loaded = load_rule("rollout: r\ntargets: true\nversions: { model: m@1 }\n" + more, "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  return loaded;
}

// "canary 10 manual 14400", "eu [device.region == "eu"] auto 0"
std::vector<std::string> waves_with(const std::string& more) {
  const LoadedRule loaded = loaded_with(more);
  std::vector<std::string> waves;
  if (!loaded.rule) return waves;
  for (const Wave& wave : loaded.rule->waves) {
    const auto share = wave.devices != 0 ? "first " + std::to_string(wave.devices) : std::to_string(wave.percent);
    waves.push_back(wave.name + " " + (wave.is_ring() ? "[" + wave.ring_text + "]" : share) +
                    (wave.gate == Gate::manual ? " manual " : " auto ") + std::to_string(wave.soak_s) +
                    (wave.rehearse ? " rehearses" : ""));
    EXPECT_EQ(wave.is_ring(), !wave.ring.empty()) << waves.back();
  }
  return waves;
}

TEST(Strategy, RiskAloneIsAStagedRule) {
  EXPECT_THAT(waves_with("risk: low\n"), ElementsAre("canary 25 auto 600", "all 100 auto 600"));
  EXPECT_THAT(waves_with("risk: medium\n"),
              ElementsAre("canary 10 manual 14400", "percent-50 50 auto 3600", "all 100 auto 3600"));
  EXPECT_THAT(waves_with("risk: high\n"), ElementsAre("canary 1 manual 86400", "percent-10 10 manual 28800",
                                                      "percent-50 50 manual 28800", "all 100 auto 28800"));
}

TEST(Strategy, WithoutRiskItIsMedium) {
  EXPECT_EQ(waves_with("strategy: percentage\n"), waves_with("risk: medium\n"));
  EXPECT_EQ(waves_with("strategy: percentage\nrisk: medium\n"), waves_with("risk: medium\n"));
  EXPECT_THAT(waves_with("strategy: big_bang\n"), ElementsAre("all 100 auto 14400"));
}

TEST(Strategy, ThePercentagesMayBeTheFilesOwn) {
  EXPECT_THAT(waves_with("risk: low\npercentages: [5, 20, 60]\n"),
              ElementsAre("canary 5 auto 600", "percent-20 20 auto 600", "percent-60 60 auto 600"));
  EXPECT_THAT(waves_with("strategy: percentage\npercentages: [30]\n"), ElementsAre("percent-30 30 auto 14400"));
}

TEST(Strategy, RegionsAndClassesAreRingsInTheirOrder) {
  EXPECT_THAT(waves_with("strategy: regional\nregions: [us, eu, ap-1]\nrisk: low\n"),
              ElementsAre("us [device.region == \"us\"] auto 600", "eu [device.region == \"eu\"] auto 600",
                          "ap-1 [device.region == \"ap-1\"] auto 600"));
  EXPECT_THAT(
      waves_with("strategy: device_class\nclasses: [rk3566, x86]\n"),
      ElementsAre("rk3566 [device.class == \"rk3566\"] manual 14400", "x86 [device.class == \"x86\"] auto 3600"));
}

TEST(Strategy, WhatTheFileSaysComesFirst) {
  EXPECT_THAT(waves_with("risk: high\nsoak: 0s\n"),
              ElementsAre("canary 1 manual 0", "percent-10 10 manual 0", "percent-50 50 manual 0", "all 100 auto 0"));
  EXPECT_THAT(waves_with("risk: medium\ngate: auto\n"),
              ElementsAre("canary 10 auto 14400", "percent-50 50 auto 3600", "all 100 auto 3600"));
  EXPECT_THAT(
      waves_with("strategy: regional\nregions: [eu, us, ap]\nrisk: low\ngate: manual\nsoak: 2h\n"),
      ElementsAre(testing::EndsWith("manual 7200"), testing::EndsWith("manual 7200"), testing::EndsWith("auto 7200")))
      << "the last wave has nothing behind it";
  EXPECT_THAT(waves_with("strategy: big_bang\ngate: auto\nsoak: 5m\n"), ElementsAre("all 100 auto 300"));
}

TEST(Strategy, RiskFillsInWhatWavesDoNotSay) {
  const std::string waves =
      "waves:\n- { name: lab, ring: '\"lab\" in device.tags', soak: 1m }\n- { name: some, percent: 20, gate: auto }\n"
      "- { name: half, percent: 50 }\n- { name: all, percent: 100, gate: manual }\n";
  EXPECT_THAT(waves_with("risk: high\n" + waves),
              ElementsAre("lab [\"lab\" in device.tags] manual 60", "some 20 auto 28800", "half 50 manual 28800",
                          "all 100 manual 28800"));
  EXPECT_THAT(waves_with(waves), ElementsAre("lab [\"lab\" in device.tags] auto 60", "some 20 auto 0", "half 50 auto 0",
                                             "all 100 manual 0"));
}

TEST(Strategy, AShadowHasTheWavesOfItsRiskAndSwitchesNothing) {
  EXPECT_EQ(waves_with("strategy: shadow\nrisk: low\n"), waves_with("strategy: percentage\nrisk: low\n"));
  const auto made = loaded_with("strategy: shadow\nrisk: low\nsoak: 2h\n");
  ASSERT_TRUE(made.rule);
  EXPECT_TRUE(made.rule->shadow);
  EXPECT_EQ(made.rule->waves[0].soak_s, 7200u);
  EXPECT_FALSE(loaded_with("strategy: percentage\n").rule->shadow);
  const auto written = loaded_with("shadow: true\nwaves: [{ name: all, percent: 100, soak: 1h }]\n");
  ASSERT_TRUE(written.rule);
  EXPECT_TRUE(written.rule->shadow);
  const auto again = load_rule(write_rule(*made.rule), "again");
  ASSERT_TRUE(again.rule);
  EXPECT_EQ(*again.rule, *made.rule) << "as plain waves";
}

TEST(Waves, HoldAndPriorityAreReadAndWritten) {
  const auto loaded = loaded_with(
      "priority: 7\nwaves:\n- { name: a, percent: 10, hold: before_swap }\n- { name: b, percent: 50, hold: "
      "before_commit }\n- { name: c, percent: 100, hold: none }\n");
  ASSERT_TRUE(loaded.rule);
  EXPECT_EQ(loaded.rule->priority, 7u);
  EXPECT_EQ(loaded.rule->waves[0].hold, HoldPoint::before_swap);
  EXPECT_EQ(loaded.rule->waves[1].hold, HoldPoint::before_commit);
  EXPECT_EQ(loaded.rule->waves[2].hold, HoldPoint::none);
  const auto again = load_rule(write_rule(*loaded.rule), "again");
  ASSERT_TRUE(again.rule);
  EXPECT_EQ(*again.rule, *loaded.rule);
}

TEST(Strategy, SaysWhatItMade) {
  EXPECT_EQ(loaded_with("waves: [{ name: all, percent: 100 }]\n").preset, "");
  EXPECT_EQ(loaded_with("risk: low\n").preset, "Its waves come from strategy: percentage and risk: low.");
  EXPECT_EQ(loaded_with("strategy: regional\nregions: [eu]\n").preset,
            "Its waves come from strategy: regional and risk: medium. Targets of no listed region get nothing.");
  EXPECT_EQ(loaded_with("strategy: device_class\nclasses: [a]\n").preset,
            "Its waves come from strategy: device_class and risk: medium. Targets of no listed class get nothing.");
  EXPECT_EQ(loaded_with("risk: high\nwaves: [{ name: all, percent: 100 }]\n").preset,
            "Gates and soaks that its waves do not say come from risk: high.");
}

TEST(Strategy, ARehearsalIsAWaveBeforeTheFirst) {
  EXPECT_THAT(waves_with("rehearse: { devices: 2 }\nrisk: medium\n"),
              ElementsAre("rehearsal first 2 auto 14400 rehearses", "canary 10 manual 14400", "percent-50 50 auto 3600",
                          "all 100 auto 3600"))
      << "its soak is that of the first wave, its gate is not";
  EXPECT_THAT(waves_with("rehearse: { devices: 3, soak: 10m }\nstrategy: regional\nregions: [eu]\nrisk: low\n"),
              ElementsAre("rehearsal first 3 auto 600 rehearses", "eu [device.region == \"eu\"] auto 600"));
  EXPECT_THAT(
      waves_with("rehearse: { devices: 2, soak: 0s }\nwaves:\n- { name: five, devices: 5, soak: 1h }\n- { name: "
                 "all, percent: 100 }\n"),
      ElementsAre("rehearsal first 2 auto 0 rehearses", "five first 5 auto 3600", "all 100 auto 0"));
  EXPECT_EQ(loaded_with("rehearse: { devices: 2 }\nrisk: low\n").preset,
            "Its waves come from strategy: percentage and risk: low. Its first wave, rehearsal, comes from rehearse.");
  EXPECT_EQ(loaded_with("rehearse: { devices: 2 }\nwaves: [{ name: all, percent: 100 }]\n").preset,
            "Its first wave, rehearsal, comes from rehearse.");
}

TEST(Strategy, ARehearsalNeedsAPlaceAmongTheWaves) {
  std::string waves = "rollout: r\ntargets: true\nversions: { model: m@1 }\nrehearse: { devices: 2 }\nwaves:\n";
  for (int percent = 1; percent <= 31; ++percent)
    waves += "- { name: w" + std::to_string(percent) + ", percent: " + std::to_string(percent) + " }\n";
  EXPECT_TRUE(load_rule(waves, "r").rule);
  const auto loaded = load_rule(waves + "- { name: all, percent: 100 }\n", "r");
  EXPECT_FALSE(loaded.rule);
  EXPECT_THAT(lines_of(loaded.diagnostics), testing::HasSubstr("r:4:11: a rehearsal before 32 waves"));
}

TEST(Strategy, WavesByHandMayRehearseToo) {
  EXPECT_THAT(waves_with("waves:\n- { name: lab, ring: '\"lab\" in device.tags', rehearse: true }\n- { name: ten, "
                         "devices: 10, rehearse: false }\n- { name: all, percent: 100 }\n"),
              ElementsAre("lab [\"lab\" in device.tags] auto 0 rehearses", "ten first 10 auto 0", "all 100 auto 0"));
}

TEST(Strategy, LevelsAreTheWordsOfTheKeyAndRise) {
  const Key& key = key_of(keys::rule, "risk");
  ASSERT_EQ(key.words.size(), risk_levels().size());
  for (std::size_t i = 0; i < risk_levels().size(); ++i) {
    const RiskLevel& level = risk_levels()[i];
    EXPECT_EQ(level.name, key.words[i]);
    EXPECT_EQ(level.percentages.back(), 100u);
    if (i == 0) continue;
    const RiskLevel& below = risk_levels()[i - 1];
    EXPECT_LT(level.percentages.front(), below.percentages.front());
    EXPECT_GT(level.percentages.size(), below.percentages.size());
    EXPECT_GT(level.first_soak_s, below.first_soak_s);
    EXPECT_GT(level.soak_s, below.soak_s);
    EXPECT_GE(level.gate, below.gate);
  }
}

}  // namespace
}  // namespace muster::rules::test
