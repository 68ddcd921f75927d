#include "tests/sim/options.h"

#include "tests/sim/random.h"

namespace muster::sim {

Options Options::from(std::uint64_t seed) {
  Random random(Random::mix(seed ^ 0x6d7573746572u));
  const auto on = [&](std::uint64_t percent) { return random.percent(percent); };
  // The chance of a kind of trouble that two of three seeds have.
  const auto some = [&](std::uint32_t high) {
    const auto chance = 1 + random.below(high);
    return random.percent(65) ? static_cast<std::uint32_t>(chance) : 0u;
  };
  Options o;
  o.seed = seed;
  const auto size = random.below(100);
  o.devices = static_cast<std::size_t>(size < 15 ? 1 + random.below(3) : 3 + random.below(size < 85 ? 22 : 58));
  if (size == 99) o.devices = static_cast<std::size_t>(200 + random.below(200));
  o.late_devices = on(60) ? static_cast<std::size_t>(random.below(1 + o.devices / 2)) : 0;
  o.faults_ms = random.between(10, 30) * 60'000;
  if (o.devices >= 200) o.faults_ms /= 3;
  o.rollouts = static_cast<std::size_t>(1 + random.below(5));
  o.delay_ms_max = on(70) ? random.between(1, on(20) ? 20'000 : 500) : 0;
  o.sync_ms_max = on(70) ? random.between(1, on(20) ? 5'000 : 50) : 0;
  o.valid_for_s = on(50) ? random.between(240, 3000) : 7 * 86'400;
  o.command_gap_ms = random.between(10, 180) * 1000;
  o.loss = some(40);
  o.duplication = some(100);
  o.broker_crash = some(4);
  o.device_crash = some(8);
  o.device_disk_full = some(60);
  o.broker_disk_full = on(30) ? some(40) : 0;
  o.partition = some(150);
  o.clock_jump = some(100);
  o.damage = on(40) ? some(500) : 0;
  o.facts_change = some(10);
  o.trouble = some(30);
  o.reordering = on(50);
  o.torn_writes = on(60);
  o.stale_retained = on(50);
  o.bad_releases = on(65);
  o.recovery = on(60);
  o.restrictions = on(30);
  o.leavers = on(40);
  o.pauses = on(60);
  o.aborts = on(60);
  o.orders = on(55);
  o.freezes = on(45);
  o.rings = on(40);
  o.old_copy = on(8);
  // What came later is drawn later: a world without it is the one that its seed always was.
  o.guardrails = on(60);
  o.health_ms = o.guardrails ? random.between(60, 120) * 1000 : 0;
  o.drift = o.guardrails && on(50);
  o.paces = on(40);
  o.retries = on(40);
  o.rehearsals = on(20);
  o.holds = on(35);
  o.shadows = on(30);
  o.priorities = on(35);
  o.conditions = on(25);
  // An agent that waits for a condition is waited for: it ends that itself.
  o.crashers = on(30) && !o.conditions;
  return o;
}

std::string Options::describe() const {
  std::string text;
  const auto number = [&](const char* name, std::uint64_t value) {
    text += (text.empty() || text.back() == '\n' ? "  " : ", ") + std::string(name) + " " + std::to_string(value);
  };
  const auto flag = [&](const char* name, bool value) {
    if (value) text += (text.back() == '\n' ? "  " : ", ") + std::string(name);
  };
  number("devices", devices);
  number("late devices", late_devices);
  number("safety phase s", faults_ms / 1000);
  number("rollouts", rollouts);
  number("delay ms", delay_ms_max);
  number("sync ms", sync_ms_max);
  number("valid s", valid_for_s);
  number("command gap s", command_gap_ms / 1000);
  number("health s", health_ms / 1000);
  text += "\n";
  number("per mille: loss", loss);
  number("duplication", duplication);
  number("broker crash", broker_crash);
  number("device crash", device_crash);
  number("device disk full", device_disk_full);
  number("broker disk full", broker_disk_full);
  number("partition", partition);
  number("clock jump", clock_jump);
  number("damage", damage);
  number("facts change", facts_change);
  number("trouble", trouble);
  text += "\n";
  flag("reordering", reordering);
  flag("torn writes", torn_writes);
  flag("stale retained", stale_retained);
  flag("bad releases", bad_releases);
  flag("recovery", recovery);
  flag("restrictions", restrictions);
  flag("leavers", leavers);
  flag("pauses", pauses);
  flag("aborts", aborts);
  flag("orders", orders);
  flag("freezes", freezes);
  flag("rings", rings);
  flag("old copy", old_copy);
  flag("guardrails", guardrails);
  flag("drift", drift);
  flag("paces", paces);
  flag("retries", retries);
  flag("crashers", crashers);
  flag("rehearsals", rehearsals);
  flag("holds", holds);
  flag("shadows", shadows);
  flag("priorities", priorities);
  flag("conditions", conditions);
  return text + "\n";
}

}  // namespace muster::sim
