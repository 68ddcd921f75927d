// Random lives of a fleet: what must hold whatever happens, and that an engine restored from its records goes on
// exactly as the one that was never stopped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "rules/engine/rollout.h"
#include "tests/unit/engine/random_world.h"

namespace muster::rules::test {
namespace {

// How many lives a test runs; MUSTER_SEEDS=10000 for a long night.
std::uint64_t seeds(std::uint64_t usual) {
  const char* wanted = std::getenv("MUSTER_SEEDS");
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

constexpr std::size_t trace_shown_max = 80;  // lines before a failure

// World::step checks by itself: order of effects, growing epochs, no assignment by a stopped rollout, counts equal a
// recount.
void check_devices(const World& world) {
  for (const auto& id : world.engine.devices()) {
    DeviceStatus status;
    ASSERT_TRUE(world.engine.device(id, status));
    for (const auto& standing : status.rollouts) {
      const auto& rollout = world.status(standing.rollout);
      if (rollout.state == RolloutState::aborted || rollout.state == RolloutState::reverting || rollout.shadow)
        continue;
      if (standing.standing != Standing::done) continue;
      for (const auto& version : rollout.versions) {
        const auto& release = world.release(version.name + "@" + version.version);
        EXPECT_EQ(world.release_name(status.active[static_cast<std::size_t>(version.plane)]),
                  world.release_name(release.manifest))
            << id << " is done in " << standing.rollout << " without running its version";
      }
    }
  }
}

// Who is on the way in a wave whose hold nobody has released was told to hold there, or earlier for another rollout.
void check_holds(const World& world) {
  for (const auto& [id, device] : world.devices) {
    DeviceStatus status;
    if (!device.assigned || !world.engine.device(id, status)) continue;
    for (const auto& standing : status.rollouts) {
      const auto& rollout = world.status(standing.rollout);
      const auto hold = rollout.waves[standing.wave].hold;
      const bool on_its_way = standing.standing == Standing::assigned || standing.standing == Standing::holding;
      // An operator may have set the hold when its attempt was over.
      const bool over = status.attempt == AttemptState::committed && status.attempt_epoch == status.assigned_epoch;
      if (hold == HoldPoint::none || !on_its_way || over) continue;
      const auto& given = device.assigned->releases;
      const bool brought =
          std::all_of(rollout.versions.begin(), rollout.versions.end(), [&](const VersionChoice& version) {
            const auto& digest = world.release(version.name + "@" + version.version).manifest;
            return std::find(given.begin(), given.end(), std::pair(version.plane, digest)) != given.end();
          });
      EXPECT_TRUE(!brought || (device.assigned->hold != HoldPoint::none && device.assigned->hold <= hold))
          << id << " goes on in " << standing.rollout << ", where nobody has let it";
    }
  }
}

// A wave that has just opened has its exact share; only in lives without rings, moves and aborts is it as simple as
// that.
void check_shares(const World& world, std::map<std::string, std::uint32_t>& opened) {
  for (const auto& name : world.engine.rollouts()) {
    const auto& status = world.status(name);
    std::uint64_t in = 0;
    for (std::uint32_t i = 0; i < status.waves.size(); ++i) {
      const auto before = in;
      in += status.waves[i].devices;
      if (status.waves[i].state == WaveState::pending || i < opened[name]) continue;
      opened[name] = i + 1;
      if (status.targets == 0) continue;
      const std::uint64_t number = status.waves[i].first_devices;
      const std::uint64_t share = number != 0 ? std::min<std::uint64_t>(number, status.targets)
                                              : (std::uint64_t{status.waves[i].percent} * status.targets + 99) / 100;
      EXPECT_EQ(in, std::max(before, share)) << name << ", wave " << i;
    }
  }
}

TEST(Random, InvariantsHold) {
  for (std::uint64_t seed = 1; seed <= seeds(150); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomWorld life(seed, Swarm(seed));
    std::vector<std::string> lines;
    life.world.log = &lines;
    for (int i = 0; i < 250 && !testing::Test::HasFailure(); ++i) {
      life.act();
      check_devices(life.world);
      check_holds(life.world);
    }
    if (!testing::Test::HasFailure()) continue;
    const auto from = lines.size() - std::min<std::size_t>(lines.size(), trace_shown_max);
    for (std::size_t i = from; i < lines.size(); ++i) printf("%s\n", lines[i].c_str());
    return;
  }
}

TEST(Random, WavesHaveTheirExactShare) {
  for (std::uint64_t seed = 1; seed <= seeds(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Swarm swarm(seed);
    swarm.facts = swarm.rings = swarm.states = swarm.exclusions = false;
    RandomWorld life(seed, swarm);
    std::map<std::string, std::uint32_t> opened;
    for (int i = 0; i < 200 && !testing::Test::HasFailure(); ++i) {
      life.act();
      check_shares(life.world, opened);
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Random, TheSameSeedGivesTheSameTrace) {
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    std::vector<std::string> traces[2];
    for (auto& lines : traces) {
      RandomWorld life(seed, Swarm(seed));
      life.world.log = &lines;
      for (int i = 0; i < 200; ++i) life.act();
    }
    ASSERT_EQ(traces[0], traces[1]) << "seed " << seed;
  }
}

// The trace of one step, with statuses as `engine` sees them.
std::vector<std::string> lines_of(const World& world, const Engine& engine, const std::vector<Effect>& effects) {
  std::vector<Effect> others;
  std::vector<std::string> lines;
  for (const auto& effect : effects) {
    const auto* changed = std::get_if<RolloutStatusChanged>(&effect);
    if (changed != nullptr) {
      lines.push_back(status_line(*engine.status(changed->rollout)));
    } else {
      others.push_back(effect);
    }
  }
  const auto more = trace(world, others);
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

Engine restored_from(const World& world) {
  Engine engine;
  EXPECT_EQ(engine.restore({world.records.begin(), world.records.end()}), "");
  EXPECT_EQ(engine.check(), "");
  return engine;
}

void feed(Engine& engine, std::uint64_t now_s, decltype(Event::what) what) {
  std::vector<Effect> effects;
  engine.step({now_s, std::move(what)}, effects);
}

// At every step a fresh engine is restored; the last few restored ones are fed what happens and must give the same
// effects.
TEST(Random, ARestoredEngineGoesOnLikeTheOneThatWasNotStopped) {
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Swarm swarm(seed);
    swarm.links = false;     // what is known of links is lost with a restart; see the test below
    swarm.measures = false;  // and so are observations that are not complete
    swarm.minutes = false;   // and what a device was given that another rollout has taken since
    swarm.devices_max = std::min<std::size_t>(swarm.devices_max, 15);
    RandomWorld life(seed, swarm);
    std::vector<Engine> twins;
    life.world.observer = [&](const Event& event, const std::vector<Effect>& effects) {
      for (auto& twin : twins) {
        std::vector<Effect> other;
        twin.step(event, other);
        ASSERT_EQ(lines_of(life.world, twin, other), lines_of(life.world, life.world.engine, effects));
      }
    };
    for (int i = 0; i < 200; ++i) {
      life.act();
      if (testing::Test::HasFatalFailure() || testing::Test::HasFailure()) return;
      auto twin = restored_from(life.world);
      for (const auto& [id, device] : life.world.devices) {
        if (device.connected) feed(twin, life.world.now_s, DeviceSeen{id});
      }
      if (twins.size() >= 5) twins.erase(twins.begin() + static_cast<std::ptrdiff_t>(i % 5));
      twins.push_back(std::move(twin));
    }
  }
}

// With links: both are brought to what a restart means (nobody connected, everybody at work unreachable), then go on
// alike.
TEST(Random, ARestoredEngineGoesOnAlikeAlsoWithLostDevices) {
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Swarm swarm(seed);
    swarm.links = true;
    swarm.measures = false;
    // Whose place is free, and whether a wave is well that somebody approved, is known anew only when those who were
    // away are missed again.
    swarm.paces = false;
    swarm.times_out = false;  // how much of its time an attempt has had is not recorded
    RandomWorld life(seed, swarm);
    for (int round = 0; round < 6; ++round) {
      life.world.observer = nullptr;
      for (int i = 0; i < 40; ++i) life.act();
      auto& world = life.world;
      std::vector<std::string> connected;
      std::vector<std::string> all;
      for (const auto& [id, device] : world.devices) {
        if (device.connected) connected.push_back(id);
        all.push_back(id);
      }
      for (const auto& id : all) world.see(id);  // since when one has been away is not recorded
      world.tick(0);                             // whose turn has come has had it: the twin's first tick is none more
      auto twin = restored_from(world);
      feed(twin, world.now_s, Tick{});
      for (const auto& id : all) world.lose(id);
      world.tick(60);
      feed(twin, world.now_s, Tick{});
      world.observer = [&](const Event& event, const std::vector<Effect>& effects) {
        std::vector<Effect> other;
        twin.step(event, other);
        ASSERT_EQ(lines_of(world, twin, other), lines_of(world, world.engine, effects));
      };
      for (const auto& id : connected) world.see(id);
      for (int i = 0; i < 40; ++i) {
        life.act();
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace muster::rules::test
