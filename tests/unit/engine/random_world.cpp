#include "tests/unit/engine/random_world.h"

#include <array>

namespace muster::rules::test {

namespace {

constexpr std::array<const char*, 2> regions = {"eu", "us"};
constexpr std::array<const char*, 4> targets = {"true", "device.region == \"eu\"", "device.region == \"us\"",
                                                "\"lab\" in device.tags"};

}  // namespace

Swarm::Swarm(std::uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x5eed);
  for (auto* option : {&links, &facts, &failures, &orders, &rings, &guardrails, &exclusions, &states, &holds, &shadows,
                       &priorities, &rehearsals})
    *option = random() % 3 != 0;
  devices_max = 3 + random() % 40;
}

RandomWorld::RandomWorld(std::uint64_t seed, Swarm swarm) : random_(seed), swarm_(swarm) {
  for (int version = 1; version <= 4; ++version) {
    world.add_release(Plane::model, "reader", std::to_string(version));
    world.add_release(Plane::config, "sorter", std::to_string(version));
    world.known("reader@" + std::to_string(version)).shadow = true;
    world.known("sorter@" + std::to_string(version)).shadow = true;
  }
  if (!swarm_.states) return;
  world.known("reader@3").needs.accelerators = {"npu"};
  world.known("sorter@4").needs.version_min[static_cast<std::size_t>(Plane::model)] = "2";
}

std::string RandomWorld::any_device() {
  auto found = world.devices.begin();
  std::advance(found, static_cast<std::ptrdiff_t>(pick(world.devices.size())));
  return found->first;
}

std::string RandomWorld::any_rollout() {
  const auto names = world.engine.rollouts();
  return names.empty() ? std::string("none") : names[pick(names.size())];
}

void RandomWorld::act() {
  const auto dice = pick(100);
  if (world.devices.size() < 3 || (dice < 8 && world.devices.size() < swarm_.devices_max)) {
    join();
  } else if (swarm_.guardrails && swarm_.measures && dice < 35) {
    measure();
  } else if (dice < 75) {
    device_step();
  } else if (dice < 85) {
    link_step();
  } else {
    operator_step();
  }
}

void RandomWorld::join() {
  const auto id = "d" + std::to_string(world.devices.size());
  auto facts = facts_of("rk3566", regions[pick(regions.size())]);
  if (chance(20)) facts.tags = {"lab"};
  if (swarm_.states && chance(60)) facts.accelerators = {"npu"};
  if (chance(50)) facts.utc_offset_min = static_cast<std::int16_t>(60 * pick(24) - 600);
  facts.site = "site-" + std::to_string(pick(4));
  world.devices[id].report.active[1] = world.release("reader@" + std::to_string(1 + pick(2))).manifest;
  world.join(id, facts);
}

void RandomWorld::device_step() {
  const auto id = any_device();
  auto& device = world.devices[id];
  if (!device.connected) return;
  const auto dice = pick(100);
  if (dice < 60) {
    if (device.assigned) world.go_on(id);
  } else if (dice < 70) {
    world.attempt(id, static_cast<AttemptState>(1 + pick(6)));
  } else if (dice < 80) {
    world.report(id);
  } else if (dice < 90) {
    if (!swarm_.facts) return;
    if (chance(70)) {
      device.report.facts.region = regions[pick(regions.size())];
    } else if (chance(50)) {
      device.report.facts.site = "site-" + std::to_string(pick(4));
    } else {
      device.report.facts.tags = chance(50) ? std::vector<std::string>{"lab"} : std::vector<std::string>();
    }
    world.report(id);
  } else if (swarm_.failures && chance(50)) {
    if (chance(70)) {
      world.roll_back(id, "probe_failed", "exit code " + std::to_string(pick(3)));
    } else {
      device.report.active[1] = world.release("reader@" + std::to_string(1 + pick(4))).manifest;
      world.report(id);
    }
  }
}

void RandomWorld::link_step() {
  if (!swarm_.links) {
    world.tick(0);
    return;
  }
  const auto dice = pick(100);
  const auto id = any_device();
  if (dice < 30) {
    world.lose(id);
  } else if (dice < 60) {
    world.see(id);
    world.report(id);
  } else {
    world.tick(pick(120));
  }
}

void RandomWorld::operator_step() {
  if (swarm_.states && chance(15)) {
    const auto ref = (chance(50) ? "reader@" : "sorter@") + std::to_string(1 + pick(4));
    auto& release = world.known(ref);
    release.reach = static_cast<Reach>(pick(4));
    world.step(ReleaseReach{{{release.manifest, release.reach}}});
    return;
  }
  const auto name = any_rollout();
  const auto dice = pick(100);
  if (swarm_.holds && chance(15)) {
    if (chance(30))
      world.command(HoldWave{name, chance(50) ? HoldPoint::before_swap : HoldPoint::before_commit, {}});
    else
      world.command(ReleaseHold{name, {}});
  } else if (dice < 20) {
    start();
  } else if (dice < 45) {
    world.command(ApproveWave{name}, chance(50) ? "alice" : "bob");
  } else if (dice < 52) {
    world.command(PauseRollout{name});
  } else if (dice < 55) {
    if (swarm_.paces) world.command(ChangePace{name, chance(30) ? Pace{} : random_pace()});
  } else if (dice < 78) {
    world.command(ResumeRollout{name, chance(70)});
  } else if (dice < 86) {
    world.command(AbortRollout{name, static_cast<AbortMode>(pick(3))});
  } else if (swarm_.exclusions && dice % 2 == 0) {
    exclude(name);
  } else if (swarm_.orders) {
    order();
  }
}

void RandomWorld::start() {
  std::vector<VersionChoice> versions;
  if (chance(70)) versions.push_back({Plane::model, "reader", std::to_string(1 + pick(4))});
  if (versions.empty() || chance(40)) versions.push_back({Plane::config, "sorter", std::to_string(1 + pick(4))});
  if (versions.size() == 2 && chance(30)) std::swap(versions[0], versions[1]);
  std::vector<Wave> waves;
  std::uint32_t percent = 0;
  std::uint32_t devices = 0;
  const auto count = 1 + pick(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    Wave wave;
    wave.name = "w" + std::to_string(i);
    wave.rehearse = i == 0 && swarm_.rehearsals && chance(60);
    wave.gate = chance(30) ? Gate::manual : Gate::automatic;
    if (wave.gate == Gate::manual && swarm_.paces) wave.approvers = 1 + static_cast<std::uint32_t>(pick(2));
    if (swarm_.rings && chance(20)) {
      wave.ring_text = "\"lab\" in device.tags";
      wave.ring = World::compile(wave.ring_text);
    } else if (percent == 0 && swarm_.rehearsals && chance(50)) {
      wave.devices = devices += 1 + static_cast<std::uint32_t>(pick(4));
    } else {
      percent = i + 1 == count && chance(80) ? 100 : percent + 1 + static_cast<std::uint32_t>(pick(20));
      wave.percent = percent;
    }
    if (swarm_.holds && chance(20)) wave.hold = static_cast<HoldPoint>(1 + pick(2));
    waves.push_back(std::move(wave));
  }
  auto rule = World::rule("r" + std::to_string(rollouts_++), targets[pick(targets.size())], versions, std::move(waves));
  rule.seed = random_();
  rule.shadow = swarm_.shadows && chance(20);
  if (rule.shadow) {
    for (auto& wave : rule.waves) wave.hold = HoldPoint::none;
  } else if (swarm_.priorities && chance(40)) {
    rule.priority = static_cast<std::uint32_t>(pick(3));
  }
  rule.halt_failed_devices = 1 + static_cast<std::uint32_t>(pick(3));
  rule.attempt_timeout_s = swarm_.links && swarm_.times_out ? 300 : 1'000'000'000;
  if (swarm_.guardrails) add_guardrails(rule);
  if (swarm_.paces && chance(30)) rule.pace = random_pace();
  if (chance(30)) {
    rule.retry.attempts = 2 + static_cast<std::uint32_t>(pick(3));
    rule.retry.wait_s = 1 + pick(200);
    rule.retry.on = all_retry_reasons;
    if (rule.retry.attempts == 3)
      rule.retry.by_error.push_back({2, 5, rule.retry.wait_max_s, retry_reason("fetch_failed")});
  }
  if (chance(30)) {
    const auto from_min = pick(day_min);
    const auto to_min = (from_min + 1 + pick(day_min - 1)) % day_min;
    rule.windows.push_back({all_days, static_cast<std::uint16_t>(from_min), static_cast<std::uint16_t>(to_min)});
  }
  if (chance(20)) rule.halt_failed_in_a_row = 1 + static_cast<std::uint32_t>(pick(3));
  rule.on_abort = chance(50) ? AbortDefault::revert : AbortDefault::keep;
  if (chance(20)) rule.keep_previous_for_s = 1 + pick(86'400);
  // The file of every other rule is known, so that records and sentences have its lines.
  RuleLines lines;
  if (rule.seed % 2 == 0) {
    for (std::size_t i = 0; i < rule.waves.size(); ++i) lines.put(Clause::wave, i, static_cast<std::uint32_t>(10 + i));
    for (std::size_t i = 0; i < rule.guardrails.size(); ++i)
      lines.put(Clause::guardrail, i, static_cast<std::uint32_t>(50 + i));
    if (rule.pace.any()) lines.put(Clause::pace, 5);
  }
  world.start(rule, lines);
}

Pace RandomWorld::random_pace() {
  Pace pace;
  pace.per_minute = chance(50) && swarm_.minutes ? static_cast<std::uint32_t>(1 + pick(120)) : 0;
  pace.per_site = chance(30) ? static_cast<std::uint32_t>(1 + pick(3)) : 0;
  pace.at_once = chance(50) ? static_cast<std::uint32_t>(1 + pick(4)) : 0;
  pace.jitter_s = chance(50) ? static_cast<std::uint32_t>(pick(120)) : 0;
  return pace;
}

void RandomWorld::add_guardrails(Rule& rule) {
  const std::array<const char*, 4> metrics = {"p95_ms", "edit_distance", "delegate_active", "crash_count"};
  const auto window_s = pick(3) * 300;
  // After a restart what is measured before the update is measured again, and waves open later for it.
  rule.baseline_window_s = swarm_.measures ? window_s : 0;
  const auto count = 1 + pick(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    Guardrail rail;
    rail.name = "g" + std::to_string(i);
    rail.metric = metrics[pick(metrics.size())];
    rail.against = static_cast<Against>(pick(3));
    if (rail.metric == "crash_count") rail.against = Against::absolute;
    rail.limit = rail.against == Against::absolute ? 40 : 0.2;
    rail.lower_is_worse = chance(20);
    rail.tolerate_ppm = 200'000 + static_cast<std::uint32_t>(pick(600'000));
    rail.error_ppm = 100'000 + static_cast<std::uint32_t>(pick(300'000));
    if (chance(50)) rail.by.push_back(Attribute::region);
    rail.on_fail = static_cast<OnFail>(pick(rail.by.empty() ? 2 : 4));
    if (rail.by.empty() && rail.on_fail == OnFail::rollback && chance(50)) rail.on_fail = OnFail::freeze_release;
    rail.observe_s = 60 + pick(300);
    // Nor is it recorded how long a device has been silent.
    rail.silent_after_s = swarm_.measures ? 300 + pick(3000) : 1'000'000;
    rail.advance_after_s = chance(50) ? 60 + pick(3000) : 0;
    rule.guardrails.push_back(rail);
  }
}

void RandomWorld::measure() {
  DeviceHealth health;
  health.device = any_device();
  health.window_s = 60 + static_cast<std::uint32_t>(pick(300));
  if (chance(90)) health.readings.set(Reading::p95_ms, static_cast<double>(20 + pick(40)));
  if (chance(10)) health.readings.set(Reading::crash_count, static_cast<double>(pick(60)));
  if (chance(70)) health.readings.tasks.push_back({"edit_distance", static_cast<double>(pick(60))});
  if (chance(80)) health.readings.delegate_active = chance(80) ? "npu" : "cpu";
  if (chance(40)) world.tick(pick(300));
  world.step(health);
}

void RandomWorld::exclude(const std::string& rollout) {
  const std::array<const char*, 4> groups = {"region=eu", "region=us", "tag=lab", "site=site-1"};
  const std::string group = groups[pick(groups.size())];
  switch (pick(7)) {
    case 0:
      world.command(StopGroup{rollout, group, chance(50)});
      return;
    case 1:
    case 2:
      world.command(ContinueGroup{rollout, group});
      return;
    case 3:
      world.command(CancelDevice{rollout, any_device(), chance(50)});
      return;
    case 4:
      world.command(OverrideDevice{any_device(), world.release("reader@" + std::to_string(1 + pick(4)))});
      return;
    case 5:
      world.command(ClearOverride{any_device(), Plane::model});
      return;
    default: {
      const auto* status = world.engine.status(rollout);
      const bool some = status != nullptr && !status->cancelled.empty();
      world.command(ReadmitDevice{rollout, some ? status->cancelled[0].device : any_device()});
    }
  }
}

void RandomWorld::order() {
  GiveOrder order;
  const std::array<std::string, 4> scopes = {"fleet", "group/region=eu", "group/tag=lab", "device/d1"};
  order.scope = scopes[pick(scopes.size())];
  order.kind = static_cast<OrderKind>(pick(7));
  if (chance(40)) order.kind = chance(50) ? OrderKind::thaw : OrderKind::resume;
  const auto& release = world.release("reader@" + std::to_string(1 + pick(4)));
  order.plane = release.plane;
  order.release = release.manifest;
  order.release_name = release.name + "@" + release.version;
  world.command(order);
}

}  // namespace muster::rules::test
