// The commands of scenario files; README.md lists them.
#include <stdexcept>

#include "rules/config/load_rule.h"
#include "schemas/ids.h"
#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

[[noreturn]] void complain(const std::string& what) {
  throw std::runtime_error(what);
}

std::vector<std::string> split(const std::string& text, char separator, std::size_t parts_max = SIZE_MAX) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (parts.size() + 1 < parts_max) {
    const auto end = text.find(separator, start);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  parts.push_back(text.substr(start));
  return parts;
}

std::uint64_t number(const std::string& text) {
  return std::stoull(text);
}

Plane plane_of(const std::string& name) {
  const auto plane = plane_from(name);
  if (!plane) complain("no plane is called " + name);
  return *plane;
}

template <typename Enum>
Enum state_of(const std::string& name, Enum last) {
  for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
    if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  complain("unknown word " + name);
}

// NAME:GATE:SOAK_S:PERCENT, or a condition in place of the percentage
Wave wave_of(const std::string& text) {
  const auto parts = split(text, ':', 4);
  if (parts.size() != 4) complain("write wave=NAME:auto|manual:SOAK_S:PERCENT or a condition, not " + text);
  Wave wave;
  wave.name = parts[0];
  wave.gate = parts[1] == "manual" ? Gate::manual : Gate::automatic;
  wave.soak_s = number(parts[2]);
  if (parts[3].find_first_not_of("0123456789") == std::string::npos) {
    wave.percent = static_cast<std::uint32_t>(number(parts[3]));
  } else {
    wave.ring_text = parts[3];
    wave.ring = World::compile(parts[3]);
  }
  return wave;
}

bool at_work(const SimulatedDevice& device) {
  if (!device.connected || !device.assigned) return false;
  const auto& report = device.report;
  const bool ended = report.attempt == AttemptState::committed || report.attempt == AttemptState::rolled_back ||
                     report.attempt == AttemptState::failed;
  return !ended || report.attempt_epoch != device.assigned->epoch;
}

}  // namespace

void Script::command(const ScriptLine& line) {
  if (line.words.empty()) complain("an empty command");
  if (line.words[0] == "quietly") {
    ScriptLine rest = line;
    rest.words.erase(rest.words.begin());
    command(rest);
    lines_ = summarised(lines_);
    return;
  }
  const bool known = release_command(line) || fleet_command(line) || operator_command(line) ||
                     exclusion_command(line) || plan_command(line) || evidence_command(line);
  if (!known) complain("unknown command " + line.words[0]);
}

bool Script::fleet_command(const ScriptLine& line) {
  const auto& words = line.words;
  const auto& name = words[0];
  if (name == "device") {
    for (std::size_t i = 1; i < words.size(); ++i) add_device(words[i], line);
  } else if (name == "devices") {  // devices gw- 1 10 …: gw-01 to gw-10, without their traces
    std::vector<std::string> quiet;
    world_.log = &quiet;
    for (const auto& id : ids_in_range(words.at(1), number(words.at(2)), number(words.at(3)))) add_device(id, line);
    world_.log = &lines_;
  } else if (name == "report") {
    report(words.at(1), line);
  } else if (name == "commit" || name == "go") {
    commit(line);
  } else if (name == "health") {
    health({words.begin() + 1, words.end()}, line);
  } else if (name == "healths") {  // healths gw- 1 300 …: of many, their traces summarised
    health(ids_in_range(words.at(1), number(words.at(2)), number(words.at(3))), line);
    lines_ = summarised(lines_);
  } else if (name == "fail") {
    stamp(words.at(1));
    world_.roll_back(words.at(1), words.at(2), words.size() > 3 ? words[3] : "");
  } else if (name == "lost") {
    for (std::size_t i = 1; i < words.size(); ++i) world_.lose(words[i]);
  } else if (name == "seen") {
    for (std::size_t i = 1; i < words.size(); ++i) world_.see(words[i]);
  } else if (name == "tick") {
    world_.tick(number(words.at(1)));
  } else if (name == "restart") {
    world_.restart();
  } else if (name == "show") {
    show(words.at(1));
  } else if (name == "show-device") {
    show_device(words.at(1));
  } else if (name == "why") {
    for (const auto& reason : world_.engine.why(words.at(1))) lines_.push_back(reason.rollout + ": " + reason.text);
  } else {
    return false;
  }
  return true;
}

bool Script::operator_command(const ScriptLine& line) {
  const auto& words = line.words;
  const auto& name = words[0];
  if (name == "start") {
    start(line);
  } else if (name == "start-file") {
    start_file(line);
  } else if (name == "approve") {
    send(ApproveWave{words.at(1)}, line);
  } else if (name == "let-go") {
    send(ReleaseHold{words.at(1), words.size() > 2 ? words[2] : std::string()}, line);
  } else if (name == "pause") {
    send(PauseRollout{words.at(1)}, line);
  } else if (name == "resume") {
    send(ResumeRollout{words.at(1), words.size() > 2 && words[2] == "acknowledge"}, line);
  } else if (name == "abort") {
    const auto mode = words.size() < 3       ? AbortMode::by_rule
                      : words[2] == "revert" ? AbortMode::revert
                                             : AbortMode::keep;
    send(AbortRollout{words.at(1), mode}, line);
  } else if (name == "order") {
    order(line);
  } else if (name == "republish") {
    std::vector<Effect> effects;
    world_.engine.republish(effects);
    lines_ = trace(world_, effects);
  } else {
    return false;
  }
  return true;
}

void Script::send(CommandBody body, const ScriptLine& line) {
  world_.command(std::move(body), line.option("by", "alice"), line.option("why"));
}

void Script::add_device(const std::string& id, const ScriptLine& line) {
  auto& device = world_.devices[id];
  auto& facts = device.report.facts;
  for (const auto& [key, value] : line.in_order) {
    if (key == "class")
      facts.device_class = value;
    else if (key == "region")
      facts.region = value;
    else if (key == "site")
      facts.site = value;
    else if (key == "customer")
      facts.customer = value;
    else if (key == "os_version")
      facts.os_version = value;
    else if (key == "memory_tier")
      facts.memory_tier = value;
    else if (key == "memory_mb")
      facts.memory_mb = static_cast<std::uint32_t>(number(value));
    else if (key == "tags")
      facts.tags = split(value, ',');
    else if (key == "utc_offset")
      facts.utc_offset_min = static_cast<std::int16_t>(std::stoi(value));
    else if (key == "accelerators")
      facts.accelerators = split(value, ',');
    else if (key == "runtimes")
      facts.runtimes = split(value, ',');
    else if (key == "floor")
      device.report.security_floor.fill(static_cast<std::uint32_t>(number(value)));
    else
      device.report.active[static_cast<std::size_t>(plane_of(key))] = world_.release(value).manifest;
  }
  device.report.boot_id = 1;
  if (!device.connected) world_.see(id);
  stamp(id);
  world_.report(id);
}

void Script::report(const std::string& id, const ScriptLine& line) {
  auto& report = world_.devices[id].report;
  for (const auto& [key, value] : line.in_order) {
    if (key == "attempt")
      report.attempt = state_of(value, AttemptState::shadowing);
    else if (key == "state")
      report.state = state_of(value, DeviceState::rolled_back);
    else if (key == "epoch")
      report.attempt_epoch = number(value);
    else if (key == "directive")
      report.directive_epoch = number(value);
    else if (key == "error")
      report.attempt_error = value;
    else if (key == "detail")
      report.attempt_detail = value;
    else if (key == "waits")
      report.waits = value == "yes";
    else
      report.active[static_cast<std::size_t>(plane_of(key))] =
          value == "empty" ? Sha256() : world_.release(value).manifest;
  }
  if (line.options.contains("seq")) complain("seq counts by itself");
  stamp(id);
  world_.report(id);
}

// `commit` to the end, `go` as far as its assignment lets it: devices by name, or all connected ones whose attempt at
// their newest assignment has not ended.
void Script::commit(const ScriptLine& line) {
  std::vector<std::string> ids(line.words.begin() + 1, line.words.end());
  if (ids == std::vector<std::string>{"all"}) {
    ids.clear();
    for (const auto& [id, device] : world_.devices) {
      if (at_work(device)) ids.push_back(id);
    }
  }
  for (const auto& id : ids) {
    stamp(id);
    line.words[0] == "go" ? world_.go_on(id) : world_.commit(id);
  }
}

Rule Script::rule_of(const ScriptLine& line) {
  std::vector<VersionChoice> versions;
  for (const auto& text : line.all("version")) {
    const auto parts = split(text, ':');
    const auto ref = split(parts.at(1), '@');
    versions.push_back({plane_of(parts.at(0)), ref.at(0), ref.at(1)});
  }
  std::vector<Wave> waves;
  for (const auto& text : line.all("wave")) waves.push_back(wave_of(text));
  Rule rule = World::rule(line.words.at(1), line.option("targets"), versions, std::move(waves));
  rule.seed = number(line.option("seed", "7"));
  rule.halt_failed_devices = static_cast<std::uint32_t>(number(line.option("halt", "1")));
  rule.unreachable_after_s = number(line.option("unreachable", "60"));
  rule.attempt_timeout_s = number(line.option("timeout", "3600"));
  if (const auto retry = split(line.option("retry"), ':'); retry.size() == 3) {
    rule.retry.attempts = static_cast<std::uint32_t>(number(retry[0]));
    rule.retry.wait_s = number(retry[1]);
    rule.retry.wait_max_s = number(retry[2]);
  }
  for (const auto& text : line.all("by_error")) {
    const auto parts = split(text, ':');
    rule.retry.by_error.push_back({static_cast<std::uint32_t>(number(parts.at(1))), number(parts.at(2)),
                                   number(parts.at(3)), retry_reason(parts.at(0))});
  }
  rule.priority = static_cast<std::uint32_t>(number(line.option("priority", "0")));
  rule.keep_previous_for_s = number(line.option("keep_previous", "0"));
  rule.on_abort = line.option("on_abort", "keep") == "revert" ? AbortDefault::revert : AbortDefault::keep;
  return rule;
}

void Script::start(const Rule& rule, const RuleLines& lines, const ScriptLine& line) {
  std::vector<std::string> refs;
  for (const auto& version : rule.versions) refs.push_back(version.name + "@" + version.version);
  if (!refused_by_host(refs, rule.rollout, line)) world_.start(rule, lines);
}

void Script::start(const ScriptLine& line) {
  start(rule_of(line), {}, line);
}

// A rule file as shipped; the releases it names are made up when the scenario has not made them.
void Script::start_file(const ScriptLine& line) {
  const auto& path = line.words.at(1);
  auto loaded = load_rule(text_of(path), path);
  for (const auto& diagnostic : loaded.diagnostics) lines_.push_back(diagnostic.text());
  if (!loaded.rule) complain(path + " has errors");
  for (const auto& version : loaded.rule->versions) {
    const auto ref = version.name + "@" + version.version;
    if (world_.knows_release(ref)) continue;
    world_.add_release(version.plane, version.name, version.version);
    world_.known(ref).shadow = true;
  }
  start(*loaded.rule, loaded.lines, line);
}

void Script::order(const ScriptLine& line) {
  GiveOrder order;
  order.scope = line.words.at(1);
  order.kind = state_of(line.words.at(2), OrderKind::send_evidence);
  if (line.words.size() > 3) {
    const auto& release = world_.release(line.words[3]);
    order.plane = release.plane;
    order.release = release.manifest;
    order.release_name = line.words[3];
  }
  send(std::move(order), line);
}

void Script::show(const std::string& rollout) {
  const auto& status = world_.status(rollout);
  lines_.push_back(status_line(status));
  for (const auto& wave : status.waves) {
    lines_.push_back(wave.name + ": " + std::string(name_of(wave.state)) + ", devices " + std::to_string(wave.devices) +
                     ", done " + std::to_string(wave.done) + ", failed " + std::to_string(wave.failed) +
                     ", unreachable " + std::to_string(wave.unreachable) +
                     (wave.retrying == 0 ? "" : ", retrying " + std::to_string(wave.retrying)) +
                     (wave.holding == 0 ? "" : ", holding " + std::to_string(wave.holding)));
  }
  for (const auto& failure : status.failures) {
    lines_.push_back("failure " + failure.device + ": " + failure.error +
                     (failure.detail.empty() ? "" : ": " + failure.detail) +
                     (failure.acknowledged ? " (acknowledged)" : ""));
  }
  show_guardrails(status);
  show_exclusions(status);
}

void Script::show_device(const std::string& id) {
  DeviceStatus status;
  if (!world_.engine.device(id, status)) {
    lines_.push_back(id + " is unknown");
    return;
  }
  std::string text = id + (status.connected ? " connected" : " not connected") +
                     (status.reported ? "" : ", only seen") + ", " + std::string(name_of(status.state)) + ", epoch " +
                     std::to_string(status.assigned_epoch);
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!status.active[plane].is_zero())
      text += " " + std::string(name_of(static_cast<Plane>(plane))) + "=" + world_.release_name(status.active[plane]);
  }
  lines_.push_back(text);
  for (const auto& each : status.rollouts) {
    lines_.push_back(each.rollout + ": " + std::string(name_of(each.standing)) + ", wave " +
                     std::to_string(each.wave + 1));
  }
  for (const auto& each : status.overrides) {
    lines_.push_back("override of " + std::string(name_of(each.plane)) + ": " + each.release + ", " +
                     std::string(name_of(each.state)) + ", by " + each.who);
  }
}

}  // namespace muster::rules::test
