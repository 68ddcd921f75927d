// What comes of rules in simulated time.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "rules/engine/audit_words.h"
#include "rules/engine/engine.h"
#include "tests/support/long_form.h"
#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

using End = RunResult::End;

TEST(Simulation, AHealthyFleetCompletes) {
  const auto result = run(simulation_of(plain_rule, two_regions), seed());
  EXPECT_EQ(result.end, End::over);
  EXPECT_EQ(result.status.state, RolloutState::completed);
  EXPECT_EQ(result.ran, 600u);
  EXPECT_EQ(result.harmed, 0u);
  EXPECT_EQ(label_of(result, "gateway de").runs, 300u);
  EXPECT_FALSE(result.stopped_s);
  ASSERT_TRUE(result.finished_s);
  ASSERT_EQ(result.waves.size(), 3u);
  EXPECT_EQ(result.waves[0].devices, 60u);
  EXPECT_EQ(result.waves[1].devices, 240u);
  EXPECT_EQ(result.waves[2].devices, 300u);
  // The canaries soak for ten minutes, and the approval takes ten.
  EXPECT_GE(*result.waves[1].opened_s, 1200u);
  EXPECT_LE(*result.finished_s, 1500u);
  EXPECT_EQ(count_of(result, audit::wave_approved), 1u);
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  const auto simulation =
      simulation_of(guarded_rule, two_regions,
                    {"reader@2: edit_distance +40% on 70% where device.region == \"de\"", "reader@2: fails 1%"});
  const auto first = run(simulation, seed()), second = run(simulation, seed());
  EXPECT_EQ(timeline_of(first), timeline_of(second));
  EXPECT_EQ(first.labels, second.labels);
  EXPECT_EQ(first.waves, second.waves);
  EXPECT_NE(timeline_of(first), timeline_of(run(simulation, seed() + 1)));
}

TEST(Simulation, WorseQualityInOneRegionFreezesItAndNothingElse) {
  const auto simulation =
      simulation_of(guarded_rule, two_regions, {"reader@2: edit_distance +40% where device.region == \"de\""});
  for (std::uint64_t run_seed = seed(); run_seed < seed() + 5; ++run_seed) {
    const auto result = run(simulation, run_seed);
    EXPECT_EQ(result.stopped_by, audit::segment_frozen) << timeline_of(result);
    EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
    const auto &de = label_of(result, "gateway de"), &us = label_of(result, "gateway us");
    EXPECT_GT(de.harmed, 0u);
    EXPECT_EQ(de.harmed, de.ran);
    EXPECT_LE(de.ran, 60u) << "the canaries of de, and not many more";
    EXPECT_EQ(de.runs, 0u) << "all went back";
    EXPECT_EQ(us.harmed, 0u);
    EXPECT_EQ(us.runs, 300u);
  }
}

TEST(Simulation, TheBlastRadiusIsThatOfTheCanary) {
  const auto ran_with = [&](const std::string& percent) {
    auto rule = plain_rule;
    rule.replace(rule.find("percent: 10"), 11, "percent: " + percent);
    return run(simulation_of(rule, two_regions, {"reader@2: fails 100%"}), seed());
  };
  const auto small = ran_with("1"), large = ran_with("20");
  EXPECT_EQ(small.stopped_by, audit::rollout_halted);
  EXPECT_EQ(large.stopped_by, audit::rollout_halted);
  EXPECT_EQ(small.ran, 6u);
  EXPECT_EQ(large.ran, 120u);
  EXPECT_EQ(small.end, End::stands_still) << "nobody resumes it";
  EXPECT_LT(*small.stopped_s, 120u);
}

TEST(Simulation, DevicesThatAreAwayDoNotBlock) {
  const auto fleet =
      "groups: [{ count: 300, class: gateway, link: { offline: 20%, offline_for: 6h, kbit_per_s: 500 } }]\n";
  const auto result = run(simulation_of(plain_rule, fleet), seed());
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_GT(result.status.unreachable, 0u);
  EXPECT_LT(result.status.unreachable, 150u);
  EXPECT_LT(*result.finished_s, 3 * 3600u);
}

TEST(Simulation, WhoHangsIsNeverHeardOfAgain) {
  const auto fleet =
      "groups:\n  - { count: 100, class: gateway, region: a }\n  - { count: 100, class: gateway, region: esp32 }\n";
  const auto result =
      run(simulation_of(plain_rule, fleet, {"reader@2: hangs 30% where device.region == \"esp32\""}), seed());
  EXPECT_EQ(label_of(result, "gateway a").harmed, 0u);
  const auto hung = label_of(result, "gateway esp32").harmed;
  EXPECT_GE(hung, 10u);
  EXPECT_LE(hung, 55u);
  EXPECT_EQ(result.status.unreachable, hung);
}

// However long an observation is: who is well is not silent in it.
TEST(Simulation, AHealthyFleetIsNotSilent) {
  for (const auto* times : {"observe: 2h", "observe: 10m, silent_after: 5m", "observe: 1h, silent_after: 20m"}) {
    const auto result =
        run(simulation_of(plain_rule + "guardrails: [{ name: g, metric: crash_count, " + times + " }]\n",
                          "groups: [{ count: 1200, class: gateway }]\n"),
            seed());
    EXPECT_EQ(result.status.state, RolloutState::completed) << times << ": " << result.status.waiting_for;
  }
}

// As on a broker: who is lost in the middle of its attempt votes against.
TEST(Simulation, WhoHangsInItsUpdateVotesAgainst) {
  const auto result = run(simulation_of(plain_rule + "guardrails: [{ name: g, metric: crash_count, silent_after: 10m, "
                                                     "observe: 5m }]\n",
                                        "groups: [{ count: 2000, class: gateway }]\n", {"reader@2: hangs 30%"}),
                          seed());
  EXPECT_EQ(result.status.state, RolloutState::halted) << result.status.waiting_for;
  EXPECT_EQ(result.ran, 200u) << "the canaries alone";
}

// Times beyond what a run can have are never, and not long ago.
TEST(Simulation, LongTimesAreLived) {
  for (const auto* fleet : {"groups: [{ count: 2000, class: gateway, link: { offline: 0.1%, offline_for: 7d } }]\n",
                            "groups: [{ count: 20000, class: gateway, link: { offline: 1%, offline_for: 60d } }]\n",
                            "release_mb: { model: 1000000 }\ngroups: [{ count: 20, class: gateway, link: { kbit_per_s: "
                            "1 } }]\n"}) {
    const auto result = run(simulation_of(plain_rule, fleet), seed());
    EXPECT_TRUE(result.waves[0].opened_s) << fleet;
    EXPECT_TRUE(std::is_sorted(result.timeline.begin(), result.timeline.end(), [](const auto& one, const auto& other) {
      return one.at_s < other.at_s;
    })) << fleet;
  }
}

// Who comes back after days has something to say.
TEST(Simulation, NobodyIsGivenUpWhoComesBack) {
  for (std::uint64_t run_seed = seed(); run_seed < seed() + 6; ++run_seed) {
    const auto result = run(
        simulation_of(plain_rule, "groups: [{ count: 3, class: gateway, link: { offline: 60%, offline_for: 5d } }]\n"),
        run_seed);
    EXPECT_NE(result.end, End::stands_still) << result.status.waiting_for;
  }
}

TEST(Simulation, AStuckAttemptRunsOutOfTime) {
  const auto result = run(simulation_of(plain_rule, two_regions, {"reader@2: sticks 100%"}), seed());
  EXPECT_EQ(result.stopped_by, audit::rollout_halted);
  ASSERT_FALSE(result.status.failures.empty());
  EXPECT_EQ(result.status.failures[0].error, "attempt_timeout");
  EXPECT_GE(*result.stopped_s, 3600u + 600u);
}

TEST(Simulation, LaterRollbacksAreSeen) {
  const auto result =
      run(simulation_of(plain_rule, two_regions, {"reader@2: rolls_back 50% after 2h with crash_loop"}), seed());
  EXPECT_EQ(result.status.state, RolloutState::halted) << "after it had completed: " << timeline_of(result);
  ASSERT_FALSE(result.status.failures.empty());
  EXPECT_EQ(result.status.failures[0].error, "crash_loop");
  EXPECT_GE(*result.stopped_s, 2 * 3600u);
  EXPECT_GT(result.harmed, 200u);
}

TEST(Simulation, StatesMissingMetricsAndDelegatesAreVotes) {
  for (const std::string guardrail : {"metric: crash_count", "metric: delegate_active, against: baseline",
                                      "metric: p95_ms, against: baseline, max_increase: 10%"}) {
    const auto rule = plain_rule + "guardrails: [{ name: g, " + guardrail + " }]\n";
    const auto fleet = "groups: [{ count: 400, class: gateway, metrics: { p95_ms: { mean: 80, noise: 2% } } }]\n";
    EXPECT_EQ(run(simulation_of(rule, fleet), seed()).status.state, RolloutState::completed) << guardrail;
    const auto fault = guardrail.find("crash") != std::string::npos      ? "crash_count = 3 on 50%"
                       : guardrail.find("delegate") != std::string::npos ? "delegate_active = gpu on 50%"
                                                                         : "p95_ms missing";
    const auto result = run(simulation_of(rule, fleet, {"reader@2: " + std::string(fault)}), seed());
    EXPECT_EQ(result.stopped_by, audit::rollout_halted) << guardrail << "\n" << timeline_of(result);
    EXPECT_LE(result.ran, 40u) << guardrail << "\n" << timeline_of(result);
  }
}

// A release that makes exactly as many devices worse as is tolerated must be stopped in no more than 1 % of the runs of
// one guardrail over all targets, however often it is looked at; a good one in none of them.
TEST(Simulation, WhatIsToleratedIsStoppedNoMoreOftenThanPromised) {
  const auto runs = muster::testing::size_for<std::uint64_t>(200, 4000);
  auto rule = guarded_rule;
  const std::string by = "by: [region], on_fail: freeze_segment";
  rule.replace(rule.find(by), by.size(), "on_fail: pause");
  const auto good = simulation_of(rule, two_regions);
  const auto tolerated = simulation_of(rule, two_regions, {"reader@2: edit_distance +100% on 5%"});
  std::uint64_t good_stopped = 0, tolerated_stopped = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    if (i % 4 == 0) good_stopped += run(good, seed() + i).stopped_s ? 1u : 0u;
    tolerated_stopped += run(tolerated, seed() + i).stopped_s ? 1u : 0u;
  }
  printf("stopped: %llu of %llu that are tolerated\n", static_cast<unsigned long long>(tolerated_stopped),
         static_cast<unsigned long long>(runs));
  EXPECT_EQ(good_stopped, 0u);
  // Three standard deviations above one in a hundred.
  EXPECT_LE(static_cast<double>(tolerated_stopped), static_cast<double>(runs) / 100 + 0.3 * std::sqrt(runs));
}

// However soon the operator is, the approval comes after the votes: also those against the control cohort, which are
// looked at once more.
TEST(Simulation, WhoeverApprovesWaitsForTheVotes) {
  for (const char* against : {"baseline", "control"}) {
    auto simulation = simulation_of(
        "rollout: r\ntargets: true\nversions: { model: reader@2 }\nbaseline_window: 10m\n"
        "waves: [{ name: few, percent: 10, gate: manual }, { name: all, percent: 100 }]\n"
        "guardrails: [{ name: g, metric: p95_ms, observe: 30m, max_increase: 10%, against: " +
            std::string(against) + " }]\n",
        "defaults: { metrics: { p95_ms: 180 } }\n"
        "groups: [{ count: 1000, class: gateway }]\n",
        {"reader@2: p95_ms +50%"});
    simulation.approve_after_s = 60;
    const auto result = run(simulation, seed());
    const auto entry = [&](std::string_view what) {
      return std::find_if(result.timeline.begin(), result.timeline.end(),
                          [&](const TimelineEntry& each) { return each.what == what; });
    };
    EXPECT_EQ(entry(audit::wave_approved), result.timeline.end()) << against << ": the bad release fails first";
    EXPECT_NE(entry(audit::guardrail_failed), result.timeline.end()) << against;
    simulation.faults.clear();
    const auto good = run(simulation, seed());
    const auto approved = std::find_if(good.timeline.begin(), good.timeline.end(),
                                       [](const TimelineEntry& each) { return each.what == audit::wave_approved; });
    ASSERT_NE(approved, good.timeline.end());
    EXPECT_THAT(approved->text, ::testing::HasSubstr("of 100 exceeded")) << against << ": all have voted";
  }
}

TEST(Simulation, NobodyApprovesAndItStandsStill) {
  auto simulation = simulation_of(plain_rule, two_regions);
  simulation.approve_after_s.reset();
  const auto result = run(simulation, seed());
  EXPECT_EQ(result.end, End::stands_still);
  EXPECT_EQ(result.status.state, RolloutState::awaiting_approval);
  EXPECT_EQ(result.ran, 60u);
  simulation.until_s = 60;
  EXPECT_EQ(run(simulation, seed()).end, End::out_of_time);
}

// The cohorts of a run are those that the engine picks when a broker drives it.
TEST(Simulation, PicksTheSameCohortsAsABroker) {
  auto simulation = simulation_of(plain_rule + "seed: 7\n", two_regions);
  const FleetIds ids(simulation.fleet);
  Engine engine;
  std::vector<Effect> effects;
  FleetIds::Buffer buffer;
  for (FleetIds::Number device = 0; device < ids.size(); ++device) {
    DeviceReport report;
    report.device = ids.id(device, buffer);
    report.facts.device_class = "gateway";
    report.active[1].bytes.fill(1);
    engine.step({1000, DeviceSeen{report.device}}, effects);
    engine.step({1000, std::move(report)}, effects);
  }
  effects.clear();
  StartRollout start;
  start.rule = simulation.rule;
  start.releases = {{Plane::model, "reader", "2", {}, 0}};
  start.releases[0].manifest.bytes.fill(9);
  engine.step({1001, Command{"alice", "", 1, start}}, effects);
  std::vector<std::string> canaries;
  for (const auto& effect : effects) {
    if (const auto* assign = std::get_if<Assign>(&effect)) canaries.push_back(assign->device);
  }
  ASSERT_EQ(canaries.size(), 60u);
  simulation.approve_after_s.reset();
  const auto result = run(simulation, seed());
  canaries.resize(first_devices_max);
  EXPECT_EQ(result.waves[0].first_devices, canaries);
}

TEST(Simulation, SaysWhatCannotBeSimulated) {
  const auto nobody = simulation_of(plain_rule, "groups: [{ count: 7, class: phone }]\n");
  EXPECT_EQ(
      fault_of(nobody, FleetIds(nobody.fleet)),
      "none of the 7 devices of the fleet is a target (device.class == \"gateway\"); in the fleet device.class is "
      "phone");
  const auto unknown = simulation_of(plain_rule, two_regions, {"reader@2: p95_ms +40%"});
  EXPECT_EQ(fault_of(unknown, FleetIds(unknown.fleet)),
            "the fault \"reader@2: p95_ms +40%\" is about p95_ms, and the fleet file does not say what that is like; "
            "add it under 'metrics'");
  auto unmeasured = simulation_of(guarded_rule, "groups: [{ count: 7, class: gateway, region: de }]\n");
  EXPECT_THAT(warnings_of(unmeasured),
              ::testing::ElementsAre("the fleet file does not say what edit_distance is like on gateway de: guardrail "
                                     "quality gets no votes from there; add it under 'metrics' (docs/simulate.md)"));
  const auto when = simulation_of(plain_rule + "guardrails: [{ name: g, when: gpu_oom_count > 2 }]\n", two_regions);
  EXPECT_EQ(warnings_of(when).size(), 1u);
}

TEST(Simulation, WarnsOfMetricsThatNobodySends) {
  const std::string fleet =
      "defaults: { metrics: { p95_ms: 180, edit_distance: 0.05 } }\n"
      "groups: [{ count: 7, class: gateway, region: de }]\n";
  const auto advice = [&](const std::string& metric) {
    const auto simulation =
        simulation_of(plain_rule + "guardrails: [{ name: g, max: 1, metric: " + metric + " }]\n", fleet);
    const auto warnings = warnings_of(simulation);
    return warnings.empty() ? "" : warnings.front().substr(warnings.front().find("; ") + 2);
  };
  const std::string add = "add it under 'metrics' (docs/simulate.md)";
  EXPECT_EQ(advice("latency_p95"), "did you mean p95_ms? Else " + add);
  EXPECT_EQ(advice("edit_distanc"), "did you mean edit_distance? Else " + add) << "what the fleet has counts too";
  EXPECT_EQ(advice("p99_ms"), add) << "a standard key is what was meant";
  EXPECT_EQ(advice("words"), add);
  EXPECT_EQ(advice("edit_distance"), "");
}

TEST(Simulation, WhoIsNoTargetNeedNoMetrics) {
  const auto simulation = simulation_of(plain_rule + "guardrails: [{ name: g, max: 1, metric: p95_ms }]\n",
                                        "groups:\n- { count: 7, class: gateway, metrics: { p95_ms: 180 } }\n"
                                        "- { count: 7, class: phone }\n");
  EXPECT_THAT(warnings_of(simulation), ::testing::IsEmpty());
}

TEST(Simulation, WavesCannotOpenEarlierThanSaid) {
  const auto simulation = simulation_of(guarded_rule, two_regions);
  const auto earliest = earliest_openings(simulation);
  const auto result = run(simulation, seed());
  ASSERT_EQ(earliest.size(), 3u);
  EXPECT_EQ(earliest[0], 3600u) << "the baseline";
  for (std::size_t wave = 0; wave < earliest.size(); ++wave) {
    ASSERT_TRUE(result.waves[wave].opened_s);
    EXPECT_LE(earliest[wave], *result.waves[wave].opened_s);
    EXPECT_LE(*result.waves[wave].opened_s, earliest[wave] + 600);
  }
}

// Slow devices that the rule leaves alone, a verdict that stands, and waves so small that chance makes them quick.
TEST(Simulation, WavesCannotOpenEarlierThanSaidWhateverTheFleetIs) {
  const auto rule = [](const std::string& more) {
    return "rollout: r\ntargets: device.class == \"gateway\"\nversions: { model: reader@2 }\nwaves: [{ name: a, "
           "percent: "
           "10 }, { name: b, percent: 50 }, { name: c, percent: 100 }]\n" +
           more;
  };
  const std::string states = "guardrails: [{ name: crash, metric: crash_count, observe: 1h, silent_after: 3h }]\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {rule(""), "groups: [{ count: 200, class: gateway }, { count: 10, class: phone, link: { kbit_per_s: 1 } }]\n"},
      {rule(states), "groups: [{ count: 3000, class: gateway }]\n"},
      {rule("attempt_timeout: 3h\n"), "groups: [{ count: 12, class: gateway, update_takes: 1h }]\n"}};
  for (const auto& [text, fleet] : cases) {
    SCOPED_TRACE(fleet);
    const auto simulation = simulation_of(text, fleet);
    const auto earliest = earliest_openings(simulation);
    for (std::uint64_t run_seed = seed(); run_seed < seed() + 3; ++run_seed) {
      const auto result = run(simulation, run_seed);
      ASSERT_EQ(result.status.state, RolloutState::completed) << result.status.waiting_for;
      for (std::size_t wave = 0; wave < earliest.size(); ++wave)
        EXPECT_LE(earliest[wave], *result.waves[wave].opened_s) << wave;
    }
  }
}

TEST(Simulation, ThePaceIsKept) {
  const auto simulation = simulation_of(plain_rule + "pace: { per_minute: 60 }\n", two_regions);
  const auto earliest = earliest_openings(simulation);
  const auto result = run(simulation, seed());
  EXPECT_EQ(result.status.state, RolloutState::completed);
  for (std::size_t wave = 0; wave < earliest.size(); ++wave) EXPECT_LE(earliest[wave], *result.waves[wave].opened_s);
  // 240 devices at 60 a minute, the first 60 of them as fast as may be; then 300.
  EXPECT_GE(*result.waves[2].opened_s, *result.waves[1].opened_s + 180);
  EXPECT_GE(*result.finished_s, *result.waves[2].opened_s + 240);
  EXPECT_LE(*result.finished_s, *result.waves[2].opened_s + 420);
}

TEST(Timeline, LeavesOutWhatRepeats) {
  const auto result =
      run(simulation_of(plain_rule + "halt: { failed_devices: 60 }\n", two_regions, {"reader@2: fails 100%"}), seed());
  EXPECT_EQ(count_of(result, audit::device_failed), 60u);
  const auto lines = std::count_if(result.timeline.begin(), result.timeline.end(),
                                   [](const auto& entry) { return entry.what == audit::device_failed; });
  EXPECT_EQ(lines, 4);
  EXPECT_TRUE(std::is_sorted(result.timeline.begin(), result.timeline.end(),
                             [](const auto& a, const auto& b) { return a.at_s < b.at_s; }));
}

}  // namespace
}  // namespace muster::rules::test
