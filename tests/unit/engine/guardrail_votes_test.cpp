// Guardrails: what a device measured, against what was before, and what its silence means.
#include "rules/condition/compile.h"
#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

class GuardrailVotes : public GuardedFleet {};

TEST_F(GuardrailVotes, TheBaselineIsMeasuredBeforeTheFirstWaveOpens) {
  join(20);
  rail_.against = Against::baseline;
  rail_.limit = 0.1;
  start({rail_});
  EXPECT_TRUE(reached().empty());
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("20 targets are measured before wave first (50 %) opens"));
  // Each device has a level of its own.
  const auto level = [](const std::string& id) { return 10.0 + std::stoi(id.substr(1)); };
  for (std::uint32_t passed_s = 0; passed_s < 3600; passed_s += window_s) {
    world_.tick(window_s);
    for (auto& [id, device] : world_.devices) say(id, level(id));
  }
  world_.tick(0);
  EXPECT_EQ(reached().size(), 10u);
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, level(id) * 1.09);
  EXPECT_EQ(verdict().exceeded, 0u);
  EXPECT_EQ(verdict().voted, 10u);
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, level(id) * 1.11);
  EXPECT_EQ(verdict().exceeded, 10u);
}

TEST_F(GuardrailVotes, BaselinesSurviveARestart) {
  join(20);
  rail_.against = Against::baseline;
  rail_.limit = 0.1;
  start({rail_});
  for (auto& [id, device] : world_.devices) say(id, 40);
  world_.tick(3600);
  commit_reached();
  const auto id = reached()[0];
  world_.restart();
  world_.tick(window_s);
  say(id, 60);
  EXPECT_EQ(verdict().exceeded, 1u);
  world_.restart();
  EXPECT_EQ(verdict().exceeded, 1u) << "and so do votes";
  EXPECT_EQ(verdict().voted, 1u);
}

TEST_F(GuardrailVotes, TheControlCohortTakesOutWhatHappensToAll) {
  for (const bool control : {true, false}) {
    SCOPED_TRACE(control ? "control" : "baseline");
    renew();
    join(40);
    rail_.against = control ? Against::control : Against::baseline;
    rail_.limit = 0.05;
    rail_.silent_after_s = 24 * 3600;
    start({rail_});
    const auto level = [](const std::string& id) { return 10.0 + std::stoi(id.substr(1)); };
    for (std::uint32_t passed_s = 0; passed_s < 3600; passed_s += window_s) {
      world_.tick(window_s);
      for (auto& [id, device] : world_.devices) say(id, level(id));
    }
    world_.tick(0);
    commit_reached();
    // The whole fleet gets a fifth slower: it is summer.
    for (int round = 0; round < 30; ++round) {
      world_.tick(window_s);
      for (auto& [id, device] : world_.devices) {
        if (!device.assigned) say(id, level(id) * 1.2);
      }
    }
    for (const auto& id : reached()) say(id, level(id) * 1.2);
    EXPECT_EQ(verdict().voted, 20u);
    EXPECT_EQ(verdict().exceeded, control ? 0u : 20u);
  }
}

TEST_F(GuardrailVotes, WhatVanishesFallsBackOrIsSilentVotesAgainst) {
  join(20);
  rail_.against = Against::baseline;
  rail_.limit = 0.1;
  rail_.tolerate_ppm = 900'000;
  auto delegate = rail_;
  delegate.name = "delegate";
  delegate.metric = "delegate_active";
  start({rail_, delegate});
  const auto runs_on = [](const char* what) {
    return [=](DeviceHealth& health) { health.readings.delegate_active = what; };
  };
  for (auto& [id, device] : world_.devices) say(id, 40, runs_on("npu"));
  world_.tick(3600);
  commit_reached();
  const auto ids = reached();
  world_.tick(window_s);
  for (const auto& id : ids) say(id, 40, runs_on("npu"));
  const auto of = [&](const std::string& name) {
    for (const auto& each : world_.status("r").guardrails) {
      if (each.guardrail == name) return each.exceeded;
    }
    return 99u;
  };
  EXPECT_EQ(of("latency") + of("delegate"), 0u);
  world_.tick(window_s);
  say(ids[0], 40, runs_on("cpu"));
  EXPECT_EQ(of("delegate"), 1u);
  EXPECT_EQ(of("latency"), 0u);
  say(ids[1], -1, runs_on("npu"));
  EXPECT_EQ(of("latency"), 1u) << "p95_ms was there before";
  EXPECT_EQ(of("delegate"), 1u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i != 2) say(ids[i], 40, runs_on("npu"));
  }
  world_.tick(7200 - window_s - 1);
  EXPECT_EQ(of("latency"), 1u);
  world_.tick(1);
  EXPECT_EQ(of("latency"), 2u) << "ids[2] was silent for two hours; the others spoke later";
  EXPECT_EQ(of("delegate"), 2u);
  // Whoever reads a verdict at night sees what it is made of, also after a restart.
  for (int i = 0; i < 2; ++i) {
    for (const auto& each : world_.status("r").guardrails) {
      EXPECT_NE(each.sentence.find(each.guardrail == "latency"
                                       ? "2 of 10 exceeded, 1 of them silent, 1 of them no longer measured ("
                                       : "2 of 10 exceeded, 1 of them silent ("),
                std::string::npos)
          << each.sentence;
    }
    EXPECT_NE(world_.engine.why(ids[1])[0].text.find("latency no longer measured, delegate fine"), std::string::npos);
    EXPECT_NE(world_.engine.why(ids[2])[0].text.find("latency silent, delegate silent"), std::string::npos);
    world_.restart();
  }
}

// A release that says what is to run it is held to that: a change for the better is none for the worse, and who was not
// measured before has something to be compared with.
TEST_F(GuardrailVotes, WhatRunsTheModelIsComparedWithWhatItsReleaseAsksFor) {
  join(20);
  world_.known("reader@2").delegate = "npu";
  rail_.metric = "delegate_active";
  rail_.against = Against::baseline;
  rail_.tolerate_ppm = 900'000;
  start({rail_});
  const auto runs_on = [](const char* what) {
    return [=](DeviceHealth& health) { health.readings.delegate_active = what; };
  };
  commit_reached();
  ASSERT_EQ(reached().size(), 10u) << "nothing has to be measured before";
  world_.restart();
  world_.tick(window_s);
  say(reached()[0], 40, runs_on("npu"));
  say(reached()[1], 40, runs_on("cpu"));
  EXPECT_EQ(verdict().voted, 2u);
  EXPECT_EQ(verdict().exceeded, 1u);
  EXPECT_THAT(world_.engine.why(reached()[1])[0].text, HasSubstr("latency exceeded"));
}

// The first wave opens at once where nothing is compared with before, and devices still measure what they ran.
TEST_F(GuardrailVotes, WhatWasThereWhileADeviceFetchedIsMissedWhenItVanishes) {
  join(20);
  start({rail_});
  const auto id = reached()[0];
  world_.attempt(id, AttemptState::fetching);
  world_.tick(window_s);
  say(id, 40);
  EXPECT_EQ(verdict().voted, 0u);
  world_.commit(id);
  world_.tick(window_s);
  say(id, -1);
  EXPECT_THAT(verdict().sentence, HasSubstr("1 of 1 exceeded, 1 of them no longer measured"));
}

// One that hangs at its first start with the new firmware is never heard of again. One that lost its link before it
// began says nothing about the release.
TEST_F(GuardrailVotes, WhoIsLostWhileItChangesVotesAgainst) {
  join(20);
  rail_.tolerate_ppm = 400'000;
  start({rail_});
  const auto ids = reached();
  ASSERT_EQ(ids.size(), 10u);
  world_.attempt(ids[0], AttemptState::probing);
  world_.attempt(ids[1], AttemptState::fetching);
  for (std::size_t i = 0; i < 3; ++i) world_.lose(ids[i]);
  for (std::size_t i = 3; i < 10; ++i) world_.commit(ids[i]);
  for (int round = 0; round < 11; ++round) {
    world_.tick(window_s);
    for (std::size_t i = 3; i < 10; ++i) say(ids[i], 40);
  }
  EXPECT_EQ(verdict().voted, 7u);
  world_.tick(window_s - 1);
  EXPECT_EQ(verdict().exceeded, 0u);
  world_.tick(1);
  EXPECT_EQ(verdict().exceeded, 1u) << "two hours after its link was lost";
  EXPECT_EQ(verdict().voted, 8u);
  world_.restart();
  EXPECT_EQ(verdict().exceeded, 1u);
  // It is only slow, and its vote stands all the same.
  world_.see(ids[0]);
  world_.commit(ids[0]);
  world_.tick(window_s);
  say(ids[0], 40);
  EXPECT_EQ(verdict().voted, 8u);
  EXPECT_EQ(verdict().exceeded, 1u);
}

TEST_F(GuardrailVotes, SilenceCountsFromTheRestartOn) {
  join(10);
  start({rail_});
  commit_reached();
  world_.tick(window_s);
  say(reached()[0], 40);
  world_.tick(6000);
  world_.restart();
  world_.tick(7199);
  EXPECT_EQ(verdict().exceeded, 0u);
  world_.tick(1);
  EXPECT_EQ(verdict().exceeded, 5u);
}

// It was healthy when it was done, and nothing was ever heard of what runs there.
TEST_F(GuardrailVotes, WhoIsDoneAndNeverHeardIsSilentFromThenOn) {
  join(10);
  start({rail_});
  world_.tick(1000);
  commit_reached();
  world_.tick(7199);
  EXPECT_EQ(verdict().voted, 0u);
  world_.tick(1);
  EXPECT_EQ(verdict().exceeded, 5u);
  EXPECT_THAT(verdict().sentence, HasSubstr("5 of 5 exceeded, 5 of them silent"));
}

// 400 devices soak, and two are lost for long enough meanwhile: nobody could have voted yet but they.
TEST_F(GuardrailVotes, WhoIsLostInALongSoakIsOneOfAllWhoSoak) {
  join(800);
  rail_.silent_after_s = 1200;
  start({rail_});
  const auto ids = reached();
  ASSERT_EQ(ids.size(), 400u);
  for (const auto& id : ids) world_.attempt(id, AttemptState::soaking);
  world_.lose(ids[0]);
  world_.lose(ids[1]);
  world_.tick(60);
  world_.tick(1140);
  EXPECT_EQ(verdict().exceeded, 2u);
  EXPECT_EQ(verdict().verdict, Verdict::inconclusive);
  for (std::size_t i = 2; i < 60; ++i) world_.lose(ids[i]);
  world_.tick(60);
  world_.tick(1140);
  EXPECT_EQ(verdict().verdict, Verdict::fail) << "60 of 400 hang";
}

// It is told at each summary what it measures, and of what it does not there is nothing to tell.
TEST_F(GuardrailVotes, WhoHasNothingToMeasureIsNotWaitedForAndVotesWhenItHas) {
  join(220);
  start({rail_});
  commit_reached();
  const auto ids = reached();
  world_.tick(window_s);
  for (std::size_t i = 0; i < ids.size(); ++i) say(ids[i], i < 105 ? 40 : -1);
  EXPECT_EQ(verdict().verdict, Verdict::pass);
  EXPECT_EQ(verdict().voted, 105u);
  EXPECT_THAT(world_.engine.why(ids[109])[0].text, HasSubstr("latency none, as it had nothing to measure"));
  EXPECT_EQ(reached().size(), 220u);
  world_.tick(window_s);
  say(ids[109], 90);
  EXPECT_EQ(verdict().voted, 106u);
  EXPECT_EQ(verdict().exceeded, 1u);
  // What it measured once, and fine, is missed when it is not there any more.
  for (int i = 0; i < 2; ++i) {
    world_.tick(window_s);
    say(ids[0], -1);
  }
  EXPECT_THAT(verdict().sentence, HasSubstr("2 of 106 exceeded, 1 of them no longer measured"));
}

TEST_F(GuardrailVotes, StatesAndConditionsVoteAtOnce) {
  join(10);
  rail_.metric = "crash_count";
  rail_.limit = 0;
  rail_.observe_s = 100 * window_s;
  auto condition = rail_;
  condition.name = "slow_and_hot";
  condition.metric.clear();
  condition.when_text = "p95_ms > 50 && edit_distance > 0.1";
  const auto compiled = compile_condition(condition.when_text, recovery_vocabulary());
  ASSERT_TRUE(compiled.ok());
  condition.when = compiled.program;
  start({rail_, condition});
  commit_reached();
  world_.tick(window_s);
  say(reached()[0], 40, [](DeviceHealth& health) { health.readings.set(Reading::crash_count, 1); });
  say(reached()[1], 60, [](DeviceHealth& health) { health.readings.tasks = {{"edit_distance", 0.2}}; });
  say(reached()[2], 60, [](DeviceHealth& health) { health.readings.tasks = {{"edit_distance", 0.05}}; });
  say(reached()[3], 60);
  for (const auto& each : world_.status("r").guardrails) {
    EXPECT_EQ(each.exceeded, 1u) << each.guardrail;
    EXPECT_EQ(each.voted, 1u) << each.guardrail << ": who has not, waits for the observation to be complete";
  }
}

TEST_F(GuardrailVotes, WithoutAVerdictAWaveHoldsOrGoesOnWhenTheRuleSaysSo) {
  join(20);
  auto patient = rail_;
  patient.advance_after_s = 48 * 3600;
  patient.silent_after_s = 72 * 3600;
  start({patient});
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  world_.tick(48 * 3600 - window_s - 1);
  EXPECT_EQ(reached().size(), 10u);
  const auto effects = world_.tick(1);
  EXPECT_EQ(reached().size(), 20u);
  EXPECT_EQ(World::count_audits(effects, audit::guardrail_waived), 1u);
}

// Patience with what the votes say is none with votes that are on their way.
TEST_F(GuardrailVotes, NoWaveGoesOnWithoutAVerdictBeforeItsLastDeviceCouldVote) {
  join(20);
  auto patient = rail_;
  patient.advance_after_s = 1000;
  start({patient});
  world_.tick(1500);
  commit_reached();
  EXPECT_EQ(reached().size(), 10u) << "its devices are done, and were not observed for a moment";
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, 40);
  EXPECT_EQ(reached().size(), 20u);
}

TEST_F(GuardrailVotes, AManualGateAsksAPersonWhoSeesTheVotes) {
  join(20);
  start({rail_}, Gate::manual);
  commit_reached();
  world_.tick(window_s);
  say(reached()[0], 40);
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  EXPECT_THAT(world_.status("r").waiting_for,
              HasSubstr("; 9 devices have not voted yet; guardrails: latency: inconclusive, 0 of 1 exceeded"));
  const auto effects = world_.command(ApproveWave{"r"});
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_THAT(World::why_of(effects, audit::wave_approved), HasSubstr("latency: inconclusive, 0 of 1 exceeded"));
}

TEST_F(GuardrailVotes, WantsHealthOnlyWhileItJudges) {
  join(10);
  EXPECT_FALSE(world_.engine.wants_health("d000"));
  start({rail_});
  EXPECT_TRUE(world_.engine.wants_health("d000"));
  EXPECT_FALSE(world_.engine.wants_health("nobody"));
  world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_FALSE(world_.engine.wants_health("d000"));
}

}  // namespace
}  // namespace muster::rules::test
