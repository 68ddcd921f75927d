// Faults as people write them, and the parts of a fleet file that only simulations look at.
#include <gmock/gmock.h>

#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

using Kind = Fault::Kind;

Rule two_planes() {
  return load_rule(
             "rollout: r\ntargets: 'true'\nversions: { model: reader@2, config: sorter@14 }\n"
             "waves: [{ name: all, percent: 100 }]\n",
             "rule")
      .rule.value();
}

Fault fault(const std::string& text) {
  const auto loaded = load_fault(text, "f", two_planes());
  EXPECT_EQ(errors_of(loaded), "") << text;
  return loaded.faults.empty() ? Fault() : loaded.faults[0];
}

std::string errors(const std::string& text) {
  const auto loaded = load_fault(text, "f", two_planes());
  EXPECT_TRUE(loaded.faults.empty()) << text;
  return errors_of(loaded);
}

TEST(LoadFaults, EveryKindArrives) {
  const auto worse = fault("reader@2: edit_distance +40% where device.region == \"de\" && device.site != \" where \"");
  EXPECT_EQ(worse.kind, Kind::changes);
  EXPECT_EQ(worse.metric, "edit_distance");
  EXPECT_DOUBLE_EQ(worse.number, 1.4);
  EXPECT_EQ(worse.plane, Plane::model);
  EXPECT_EQ(worse.hits_ppm, 1'000'000u);
  EXPECT_FALSE(worse.where.empty());
  EXPECT_DOUBLE_EQ(fault("sorter@14: inferences -10%").number, 0.9);
  EXPECT_EQ(fault("sorter@14: inferences -10%").plane, Plane::config);
  const auto set = fault("reader@2:  p95_ms = 250 on 20%  after 6h");
  EXPECT_EQ(set.kind, Kind::becomes);
  EXPECT_EQ(set.number, 250);
  EXPECT_EQ(set.hits_ppm, 200'000u);
  EXPECT_EQ(set.after_s, 6 * 3600u);
  EXPECT_TRUE(set.where.empty());
  EXPECT_EQ(fault("reader@2: delegate_active = cpu").word, "cpu");
  EXPECT_EQ(fault("reader@2: words missing").kind, Kind::vanishes);
  EXPECT_EQ(fault("reader@2: fails 3%").word, "probe_failed");
  EXPECT_EQ(fault("reader@2: fails 3% with disk_full").word, "disk_full");
  EXPECT_EQ(fault("reader@2: fails 3%").hits_ppm, 30'000u);
  EXPECT_EQ(fault("reader@2: hangs 3% where device.class == \"esp32\"").kind, Kind::hangs);
  EXPECT_EQ(fault("reader@2: hangs 3% after 2d").after_s, 172'800u);
  EXPECT_EQ(fault("reader@2: sticks 1%").kind, Kind::sticks);
  EXPECT_EQ(fault("reader@2: rolls_back 2% after 90m with crash_loop").kind, Kind::rolls_back);
}

TEST(LoadFaults, ErrorsSayWhereAndWhatWouldBeRight) {
  EXPECT_EQ(errors("edit_distance +40%"),
            "f:1:1: a fault without the release that it is of; RELEASE: WHAT, such as 'reader@2: edit_distance +40% "
            "where device.region == \"de\"' or 'reader@2: fails 3%'\n");
  EXPECT_EQ(errors("reader@3: fails 3%"),
            "f:1:1: the rule does not roll out reader@3; a fault of reader@2, sorter@14\n");
  EXPECT_EQ(errors("reader@2: fails 3"),
            "f:1:17: '3' for the share has no percent sign; a percentage from 0.0001% to 100%: a number with its "
            "percent sign and at most four decimals, such as 5% or 0.25%\n");
  EXPECT_EQ(errors("reader@2: fails"), "f:1:11: the fault ends here; a share, such as 3%\n");
  EXPECT_EQ(errors("reader@2: hang 3%"), "f:1:16: '3%' is no change of hang; did you mean 'hangs'?\n");
  EXPECT_EQ(errors("reader@2: hangs 3% where device.clas == \"esp32\""),
            "f:1:26: unknown name device.clas; did you mean device.class?\n");
  EXPECT_EQ(errors("reader@2: fails 3% after 6h"),
            "f:1:20: 'after' has no meaning here; 'with probe_timeout', 'where CONDITION' or nothing\n");
  EXPECT_EQ(errors("reader@2: words 40%"), "f:1:17: '40%' is no change of words; +40%, -10%, = 250 or missing\n");
  EXPECT_EQ(errors("reader@2: words -140%"),
            "f:1:17: the change of 140% is out of range; a percentage from 0% to 100%\n");
  EXPECT_EQ(errors("reader@2: rolls_back 2%"),
            "f:1:1: rolls_back without a time; 'after 6h', counted from when the device committed; or 'fails'\n");
  EXPECT_EQ(errors("reader@2: p95_ms = fast"),
            "f:1:20: 'fast' for p95_ms is not a number; a number from -999999999 to 999999999, such as 180, 0.5 or "
            "-20\n");
  EXPECT_EQ(errors("reader@2: p95_ms ="), "f:1:18: the fault ends here; the value, such as p95_ms = 250\n");
  EXPECT_EQ(errors("reader@2: p95_ms"),
            "f:1:11: 'p95_ms' alone says nothing; how it changes behind it: +40%, -10%, = 250 or missing\n");
  EXPECT_EQ(errors("reader@2: hang"), "f:1:11: 'hang' alone says nothing; did you mean 'hangs', and how much?\n");
}

TEST(LoadFaults, AFileGivesThePlacesInIt) {
  const auto rule = two_planes();
  const auto good = load_faults("faults:\n  - 'reader@2: fails 3%'\n  - \"sorter@14: hangs 1%\"\n", "f", rule);
  EXPECT_EQ(errors_of(good), "");
  EXPECT_EQ(good.faults.size(), 2u);
  const auto bad = load_faults(
      "faults:\n  - 'reader@2: fails 3'\n  - 7\n  - { a: b }\n  - 'reader@2: fails 3% where device.regoin == \"de\"'\n",
      "f", rule);
  EXPECT_TRUE(bad.faults.empty());
  std::vector<std::uint32_t> places;
  for (const auto& diagnostic : bad.diagnostics) places.insert(places.end(), {diagnostic.line, diagnostic.column});
  EXPECT_THAT(places, ::testing::ElementsAre(2, 22, 3, 5, 4, 5, 5, 31)) << errors_of(bad);
  EXPECT_EQ(errors_of(load_faults("", "f", rule)).substr(0, 6), "f:1:1:");
  EXPECT_NE(errors_of(load_faults("faults: []\n", "f", rule)).find("1 to 16 items"), std::string::npos);
}

TEST(LoadFleet, WhatSimulationsLookAtArrives) {
  const auto loaded = load_fleet(
      "release_mb: { model: 40, config: 0.5 }\n"
      "defaults:\n"
      "  health_every: 5m\n"
      "  metrics: { p95_ms: 80, edit_distance: { mean: 0.05, spread: 25%, noise: 0% }, thermal: fair }\n"
      "groups:\n"
      "  - { count: 5, ids: gw-###.eu, first_id: 17 }\n"
      "  - ids: [a, b]\n"
      "    update_takes: 90s\n"
      "    update_fails: 0.25%\n"
      "    link: { kbit_per_s: 500, offline: 5%, offline_for: 4h }\n"
      "    metrics: { p95_ms: { mean: 90 }, delegate_active: npu, crash_count: 1 }\n",
      "f");
  ASSERT_TRUE(loaded.fleet) << errors_of(loaded);
  EXPECT_THAT(loaded.fleet->release_mb, ::testing::ElementsAre(10, 40, 0.5));
  const auto &plain = loaded.fleet->groups[0], &own = loaded.fleet->groups[1];
  EXPECT_EQ(plain.names.before + "|" + plain.names.after, "gw-|.eu");
  EXPECT_EQ(plain.names.first, 17u);
  EXPECT_EQ(plain.behaviour.health_every_s, 300u);
  ASSERT_EQ(plain.behaviour.metrics.size(), 3u);
  EXPECT_EQ(plain.behaviour.metrics[0].mean, 80);
  EXPECT_EQ(plain.behaviour.metrics[0].spread, 0.10);
  EXPECT_EQ(plain.behaviour.metrics[0].noise, 0.05);
  EXPECT_EQ(plain.behaviour.metrics[1].spread, 0.25);
  EXPECT_EQ(plain.behaviour.metrics[1].noise, 0);
  EXPECT_EQ(plain.behaviour.metrics[2].mean, 2) << "fair";
  EXPECT_EQ(own.count, 2u);
  EXPECT_EQ(own.behaviour.health_every_s, 300u);
  EXPECT_EQ(own.behaviour.update_takes_s, 90u);
  EXPECT_EQ(own.behaviour.update_fails_ppm, 2'500u);
  EXPECT_EQ(own.behaviour.link.kbit_per_s, 500u);
  EXPECT_EQ(own.behaviour.link.offline_ppm, 50'000u);
  EXPECT_EQ(own.behaviour.link.offline_for_s, 4 * 3600u);
  ASSERT_EQ(own.behaviour.metrics.size(), 5u);
  EXPECT_EQ(own.behaviour.metrics[0].mean, 90);
  EXPECT_EQ(own.behaviour.metrics[3].text, "npu");
}

// The files that are there to be copied.
TEST(LoadFleet, ExamplesLoad) {
  const auto read = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto rule = load_rule(read("rules/examples/guarded.yaml"), "guarded.yaml");
  ASSERT_TRUE(rule.rule);
  EXPECT_EQ(errors_of(load_fleet(read("rules/examples/fleets/readers.yaml"), "readers.yaml")), "");
  EXPECT_EQ(errors_of(load_faults(read("rules/examples/fleets/readers-faults.yaml"), "faults.yaml", *rule.rule)), "");
}

}  // namespace
}  // namespace muster::rules::test
