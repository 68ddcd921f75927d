// Guardrails: what devices are compared with, across late assignments and restarts.
#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

class GuardrailDrift : public GuardedFleet {
 protected:
  GuardrailDrift() {
    rail_.against = Against::control;
    rail_.limit = 0.05;
    rail_.silent_after_s = 48 * 3600;
  }
  // Each device has a level of its own.
  static double level(const std::string& id) { return 10.0 + std::stoi(id.substr(1)); }
  // Summaries of ten minutes of every device that nothing was assigned to.
  void say_unassigned(int rounds, double factor) {
    for (int round = 0; round < rounds; ++round) {
      world_.tick(window_s);
      for (auto& [id, device] : world_.devices) {
        if (!device.assigned) say(id, level(id) * factor);
      }
    }
  }
  void open_after_baseline() {
    start({rail_});
    say_unassigned(6, 1);
    world_.tick(0);
    ASSERT_FALSE(reached().empty());
  }
  static Wave all_at_once() {
    Wave all;
    all.name = "all";
    all.percent = 100;
    return all;
  }
  void order(OrderKind kind, const std::string& scope) {
    GiveOrder order;
    order.scope = scope;
    order.kind = kind;
    ASSERT_TRUE(World::accepted(world_.command(order)));
  }
};

// What happened to all before a device was assigned is in its own readings, and must not be allowed for twice.
TEST_F(GuardrailDrift, CountsFromTheDevicesOwnAssignmentOn) {
  join(40);
  std::vector<std::string> kept_back;
  for (int i = 0; i < 10; ++i) kept_back.push_back("d00" + std::to_string(i));
  for (const auto& id : kept_back) order(OrderKind::pause_updates, "device/" + id);
  ASSERT_NO_FATAL_FAILURE(open_after_baseline());
  const auto first = reached();
  commit_reached();
  say_unassigned(40, 1.2);  // the whole fleet gets a fifth slower
  for (const auto& id : kept_back) order(OrderKind::resume, "device/" + id);
  commit_reached();
  std::size_t late = 0;
  for (int round = 0; round < 2; ++round) {
    say_unassigned(1, 1.2);
    late = 0;
    for (const auto& id : reached()) {
      const bool is_late = std::find(first.begin(), first.end(), id) == first.end();
      if (is_late) ++late;
      say(id, level(id) * (is_late ? 1.3 : 1.2));
    }
  }
  ASSERT_GT(late, 0u) << "none of them is in the first wave";
  EXPECT_EQ(verdict().voted, reached().size());
  EXPECT_EQ(verdict().exceeded, late) << "1.3 / 1.2 is over 5 %";
}

// What happens to all in the very time of the observation is no fault of the release, however slowly the baselines
// follow; also when the devices of the wave are the first to say so.
TEST_F(GuardrailDrift, IsThatOfTheSameTime) {
  for (const bool wave_first : {true, false}) {
    SCOPED_TRACE(wave_first ? "the wave reports first" : "the wave reports last");
    renew();
    join(40);
    ASSERT_NO_FATAL_FAILURE(open_after_baseline());
    commit_reached();
    const auto wave = reached();
    for (const double factor : {1.2, 1.2, 1.5, 1.1}) {
      world_.tick(window_s);
      const auto say_wave = [&] {
        for (const auto& id : wave) say(id, level(id) * factor);
      };
      if (wave_first) say_wave();
      for (auto& [id, device] : world_.devices) {
        if (!device.assigned) say(id, level(id) * factor);
      }
      if (!wave_first) say_wave();
      EXPECT_EQ(verdict().exceeded, 0u) << "the fleet at " << factor;
    }
    EXPECT_EQ(verdict().voted, 20u);
    world_.tick(window_s);
    for (const auto& id : wave) say(id, level(id) * 1.1 * 1.1);
    say_unassigned(1, 1.1);
    for (const auto& id : wave) say(id, level(id) * 1.1);
    EXPECT_EQ(verdict().exceeded, 20u) << "and a worse release is found with the summary after that";
  }
}

// Somebody else gives half of those that wait something that makes them slower and slower: no drift of the fleet,
// behind which a release could hide that is worse by a third, and no reason to judge those that are assigned later by
// it.
TEST_F(GuardrailDrift, WhatOthersGiveADeviceIsNone) {
  for (const bool rollout : {false, true}) {
    SCOPED_TRACE(rollout ? "another rollout" : "a technician");
    renew();
    world_.add_release(Plane::config, "sorter", "9");
    join(40);
    std::string few;
    std::set<std::string> worse;
    ASSERT_NO_FATAL_FAILURE(open_after_baseline());
    commit_reached();
    const auto wave = reached();
    for (auto& [id, device] : world_.devices) {
      if (device.assigned || worse.size() == 10) continue;
      worse.insert(id);
      few += (few.empty() ? "\"" : "\", \"") + id;
      if (rollout) continue;
      device.report.active[2] = world_.release("sorter@9").manifest;
      world_.report(id);
    }
    if (rollout) {
      const auto rule =
          World::rule("other", "device.id in [" + few + "\"]", {{Plane::config, "sorter", "9"}}, {all_at_once()});
      ASSERT_TRUE(World::accepted(world_.start(rule)));
    }
    double factor = 1;
    const auto say_all = [&](double of_the_wave) {
      world_.tick(window_s);
      factor += 0.5;
      for (auto& [id, device] : world_.devices) {
        const bool waits = std::find(wave.begin(), wave.end(), id) == wave.end();
        say(id, level(id) * (waits ? (worse.contains(id) ? factor : 1) : of_the_wave));
      }
    };
    for (int round = 0; round < 10; ++round) say_all(1.02);
    EXPECT_EQ(verdict().voted, 20u);
    EXPECT_EQ(verdict().exceeded, 0u);
    for (int round = 0; round < 2; ++round) say_all(1.3);
    EXPECT_EQ(verdict().exceeded, 20u);
  }
}

// One that says it has measured for a day is no reason to compare the others with a day.
TEST_F(GuardrailDrift, WhatOneClaimsDoesNotStretchTheTime) {
  join(40);
  start({rail_});
  say("d000", level("d000"), [](DeviceHealth& health) { health.window_s = 86400; });
  say_unassigned(6, 1);
  world_.tick(0);
  ASSERT_FALSE(reached().empty());
  commit_reached();
  const auto wave = reached();
  for (int round = 0; round < 2; ++round) {
    say_unassigned(1, 1.5);
    for (const auto& id : wave) say(id, level(id) * 1.5);
  }
  EXPECT_EQ(verdict().voted, 20u);
  EXPECT_EQ(verdict().exceeded, 0u);
}

TEST_F(GuardrailDrift, SurvivesARestart) {
  join(40);
  ASSERT_NO_FATAL_FAILURE(open_after_baseline());
  commit_reached();
  say_unassigned(40, 1.2);
  world_.tick(1);
  world_.restart();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, level(id) * 1.2);
  EXPECT_EQ(verdict().voted, 20u);
  EXPECT_EQ(verdict().exceeded, 0u);
  say_unassigned(1, 1.2);
  say_unassigned(40, 1.2 * 1.2);  // and goes on from where it was
  for (const auto& id : reached()) say(id, level(id) * 1.2 * 1.2);
  EXPECT_EQ(verdict().exceeded, 0u);
  for (int round = 0; round < 2; ++round) {
    say_unassigned(1, 1.2 * 1.2);
    for (const auto& id : reached()) say(id, level(id) * 1.2 * 1.2 * 1.2);
  }
  EXPECT_EQ(verdict().exceeded, 20u);
}

// Before it was forgotten with the engine's memory: a device that is assigned without a baseline can never vote.
TEST_F(GuardrailDrift, AfterARestartTheNextWaveWaitsUntilItsDevicesWereMeasuredAgain) {
  join(40);
  rail_.against = Against::baseline;
  rail_.tolerate_ppm = 500'000;
  ASSERT_NO_FATAL_FAILURE(open_after_baseline());
  const auto first = reached();
  commit_reached();
  world_.restart();
  world_.tick(window_s);
  for (const auto& id : first) say(id, level(id));
  ASSERT_EQ(verdict().verdict, Verdict::pass);
  EXPECT_EQ(reached(), first);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("20 targets are measured before wave all (100 %) opens"));
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("in 3000 s"));
  say_unassigned(4, 1);
  EXPECT_EQ(reached(), first);
  world_.tick(window_s);
  ASSERT_EQ(reached().size(), 40u);
  commit_reached();
  world_.tick(window_s);
  for (const auto& id : reached()) say(id, level(id) * 2);
  EXPECT_EQ(verdict().voted, 40u);
  EXPECT_EQ(verdict().exceeded, 40u);
}

}  // namespace
}  // namespace muster::rules::test
