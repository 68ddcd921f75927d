#include "tests/unit/engine/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cassert>

#include "rules/condition/compile.h"

namespace muster::rules::test {

namespace {

// A digest that only depends on the text, never zero.
Sha256 digest_of(std::string_view text) {
  Sha256 digest;
  std::uint64_t hash = 1469598103934665603u;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211u;
    digest.bytes[i] = static_cast<std::uint8_t>((hash >> 32) | (i == 0 ? 1 : 0));
  }
  return digest;
}

template <typename T>
const T* last_of(const std::vector<Effect>& effects) {
  const T* found = nullptr;
  for (const auto& effect : effects) {
    if (const auto* each = std::get_if<T>(&effect); each != nullptr) found = each;
  }
  return found;
}

}  // namespace

KnownRelease World::add_release(Plane plane, const std::string& name, const std::string& version,
                                std::uint32_t security_version) {
  const auto ref = name + "@" + version;
  KnownRelease release{plane, name, version, digest_of(ref), security_version, Reach::promoted, {}};
  releases_[ref] = release;
  return release;
}

const KnownRelease& World::release(const std::string& ref) const {
  const auto found = releases_.find(ref);
  assert(found != releases_.end());
  return found->second;
}

std::string World::release_name(const Sha256& digest) const {
  if (digest.is_zero()) return "empty";
  for (const auto& [ref, release] : releases_) {
    if (release.manifest == digest) return ref;
  }
  return to_hex(digest).substr(0, 12);
}

Bytes World::compile(const std::string& condition) {
  auto compiled = compile_condition(condition, target_vocabulary());
  EXPECT_TRUE(compiled.ok()) << condition;
  return std::move(compiled.program);
}

Rule World::rule(const std::string& rollout, const std::string& targets, const std::vector<VersionChoice>& versions,
                 std::vector<Wave> waves) {
  Rule rule;
  rule.rollout = rollout;
  rule.seed = 7;
  rule.targets_text = targets;
  rule.targets = compile(targets);
  rule.versions = versions;
  rule.waves = std::move(waves);
  return rule;
}

std::vector<Effect> World::step(decltype(Event::what) what) {
  std::vector<Effect> effects;
  const Event event{now_s, std::move(what)};
  engine.step(event, effects);
  if (checking) check(effects);
  if (log != nullptr) {
    for (auto& line : trace(*this, effects)) log->push_back(std::move(line));
  }
  perform(effects);
  if (observer) observer(event, effects);
  return effects;
}

// What a host does, in the order in which the effects come.
void World::perform(const std::vector<Effect>& effects) {
  for (const auto& effect : effects) {
    if (const auto* persist = std::get_if<Persist>(&effect); persist != nullptr) {
      if (persist->value) {
        records[persist->key] = *persist->value;
      } else {
        records.erase(persist->key);
      }
    } else if (const auto* assign = std::get_if<Assign>(&effect); assign != nullptr) {
      devices[assign->device].assigned = *assign;
    }
  }
}

void World::check(const std::vector<Effect>& effects) {
  bool acting = false;
  std::set<std::string> told;
  for (const auto& effect : effects) {
    const bool record = std::holds_alternative<Persist>(effect) || std::holds_alternative<Audit>(effect);
    EXPECT_FALSE(record && acting) << "a record or audit entry comes after an effect that depends on it";
    acting = acting || !record;
    if (const auto* assign = std::get_if<Assign>(&effect); assign != nullptr) {
      const auto& before = devices[assign->device].assigned;
      EXPECT_TRUE(!before || assign->epoch > before->epoch) << assign->device << ": its epoch did not grow";
      if (assign->rollout.empty()) continue;  // an operator's override
      const auto* status = engine.status(assign->rollout);
      ASSERT_NE(status, nullptr);
      const bool stopped = status->state == RolloutState::halted || status->state == RolloutState::paused;
      // Going back is no new assignment, nor is what it runs already: it may have run that before. Nor is the same once
      // more, when a hold of another rollout ends.
      const bool again = before && before->releases == assign->releases;
      const auto reasons = stopped ? engine.why(assign->device) : std::vector<DeviceReason>();
      const bool back = std::any_of(reasons.begin(), reasons.end(), [&](const DeviceReason& reason) {
        return reason.rollout == assign->rollout &&
               reason.text.find(", to go back to what it ran before") != std::string::npos;
      });
      const auto& active = devices[assign->device].report.active;
      const bool is_new = std::any_of(assign->releases.begin(), assign->releases.end(), [&](const auto& release) {
        return active[static_cast<std::size_t>(release.first)] != release.second &&
               std::any_of(status->versions.begin(), status->versions.end(), [&](const VersionChoice& version) {
                 return release_name(release.second) == version.name + "@" + version.version;
               });
      });
      EXPECT_FALSE(stopped && is_new && !again && !back) << assign->device << " was assigned by a stopped rollout";
    } else if (const auto* changed = std::get_if<RolloutStatusChanged>(&effect); changed != nullptr) {
      EXPECT_TRUE(told.insert(changed->rollout).second) << changed->rollout << ": its status was announced twice";
    }
  }
  EXPECT_EQ(engine.check(), "");
}

std::vector<Effect> World::join(const std::string& id, DeviceFacts facts) {
  auto effects = see(id);
  auto& device = devices[id];
  device.report.device = id;
  device.report.boot_id = 1;
  device.report.facts = std::move(facts);
  const auto more = report(id);
  effects.insert(effects.end(), more.begin(), more.end());
  return effects;
}

std::vector<Effect> World::report(const std::string& id) {
  auto& report = devices[id].report;
  report.device = id;
  ++report.seq;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto ref = release_name(report.active[plane]);
    report.version[plane] = releases_.contains(ref) ? releases_.at(ref).version : std::string();
  }
  return step(report);
}

std::vector<Effect> World::attempt(const std::string& id, AttemptState state) {
  auto& device = devices[id];
  device.report.attempt = state;
  device.report.attempt_epoch = device.assigned ? device.assigned->epoch : 0;
  device.report.attempt_error.clear();
  device.report.attempt_detail.clear();
  device.report.waits = false;
  return report(id);
}

std::vector<Effect> World::commit(const std::string& id) {
  auto& device = devices[id];
  if (device.assigned) {
    for (const auto& [plane, digest] : device.assigned->releases)
      device.report.active[static_cast<std::size_t>(plane)] = digest;
  }
  device.report.state = DeviceState::healthy;
  return attempt(id, AttemptState::committed);
}

std::vector<Effect> World::go_on(const std::string& id) {
  auto& device = devices[id];
  if (device.assigned->hold == HoldPoint::before_swap) return attempt(id, AttemptState::staged);
  if (device.assigned->hold == HoldPoint::before_commit) {
    for (const auto& [plane, digest] : device.assigned->releases)
      device.report.active[static_cast<std::size_t>(plane)] = digest;
    return attempt(id, AttemptState::held);
  }
  const bool shadowing =
      device.report.attempt == AttemptState::shadowing && device.report.attempt_epoch == device.assigned->epoch;
  if (!device.assigned->shadow.empty() && !shadowing) return attempt(id, AttemptState::shadowing);
  return commit(id);
}

std::vector<Effect> World::fail(const std::string& id, const std::string& error, const std::string& detail) {
  auto& device = devices[id];
  device.report.attempt = AttemptState::failed;
  device.report.attempt_epoch = device.assigned ? device.assigned->epoch : 0;
  device.report.attempt_error = error;
  device.report.attempt_detail = detail;
  device.report.waits = false;
  return report(id);
}

std::vector<Effect> World::roll_back(const std::string& id, const std::string& error, const std::string& detail) {
  auto& device = devices[id];
  device.report.attempt = AttemptState::rolled_back;
  device.report.attempt_epoch = device.assigned ? device.assigned->epoch : 0;
  device.report.attempt_error = error;
  device.report.attempt_detail = detail;
  device.report.waits = false;
  device.report.state = DeviceState::rolled_back;
  return report(id);
}

std::vector<Effect> World::see(const std::string& id) {
  devices[id].connected = true;
  return step(DeviceSeen{id});
}

std::vector<Effect> World::lose(const std::string& id) {
  devices[id].connected = false;
  return step(DeviceLost{id});
}

std::vector<Effect> World::tick(std::uint64_t seconds) {
  now_s += seconds;
  return step(Tick{});
}

std::vector<Effect> World::command(CommandBody body, std::string who, std::string why) {
  return step(Command{std::move(who), std::move(why), next_correlation_++, std::move(body)});
}

StartRollout World::start_of(const Rule& rule) const {
  StartRollout start;
  start.rule = rule;
  start.rule_text = "rollout: " + rule.rollout;
  for (const auto& version : rule.versions) {
    const auto found = releases_.find(version.name + "@" + version.version);
    if (found != releases_.end()) start.releases.push_back(found->second);
  }
  return start;
}

std::vector<Effect> World::start(const Rule& rule, const RuleLines& lines) {
  auto body = start_of(rule);
  body.lines = lines;
  return command(std::move(body));
}

std::vector<Effect> World::restart() {
  engine = Engine();
  const std::vector<std::pair<std::string, std::string>> stored(records.begin(), records.end());
  EXPECT_EQ(engine.restore(stored), "");
  EXPECT_EQ(engine.check(), "");
  std::vector<Effect> effects;
  for (const auto& [id, device] : devices) {
    if (!device.connected) continue;
    const auto more = see(id);
    effects.insert(effects.end(), more.begin(), more.end());
  }
  return effects;
}

const RolloutStatus& World::status(const std::string& rollout) const {
  static const RolloutStatus none;
  const auto* found = engine.status(rollout);
  EXPECT_NE(found, nullptr) << rollout;
  return found == nullptr ? none : *found;
}

std::set<std::string> World::assigned_by(const std::string& rollout) const {
  std::set<std::string> found;
  for (const auto& [id, device] : devices) {
    if (device.assigned && device.assigned->rollout == rollout) found.insert(id);
  }
  return found;
}

bool World::accepted(const std::vector<Effect>& effects) {
  const auto* reply = last_of<Reply>(effects);
  return reply != nullptr && reply->ok;
}

std::string World::reply(const std::vector<Effect>& effects) {
  const auto* reply = last_of<Reply>(effects);
  return reply == nullptr ? std::string() : reply->message;
}

std::vector<std::string> World::assigned_in(const std::vector<Effect>& effects) {
  std::vector<std::string> found;
  for (const auto& effect : effects) {
    if (const auto* assign = std::get_if<Assign>(&effect); assign != nullptr) found.push_back(assign->device);
  }
  return found;
}

std::string World::why_of(const std::vector<Effect>& effects, std::string_view what) {
  for (const auto& effect : effects) {
    if (const auto* audit = std::get_if<Audit>(&effect); audit != nullptr && audit->what == what) return audit->why;
  }
  return {};
}

std::size_t World::count_audits(const std::vector<Effect>& effects, std::string_view what) {
  return static_cast<std::size_t>(std::count_if(effects.begin(), effects.end(), [&](const Effect& effect) {
    const auto* audit = std::get_if<Audit>(&effect);
    return audit != nullptr && audit->what == what;
  }));
}

DeviceFacts facts_of(const std::string& device_class, const std::string& region) {
  DeviceFacts facts;
  facts.device_class = device_class;
  facts.region = region;
  return facts;
}

}  // namespace muster::rules::test
