#include "tests/sim/device.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t world_epoch_s = 1'700'000'000;
constexpr std::uint64_t health_window_ms = 20'000;
constexpr std::uint64_t journal_retry_ms = 2'000;

rules::DeviceReport report_of(const edge::Snapshot& snapshot, const std::string& id, const rules::DeviceFacts& facts,
                              std::uint64_t seq) {
  rules::DeviceReport report;
  report.device = id;
  report.boot_id = snapshot.boot_id;
  report.seq = seq;
  report.facts = facts;
  report.state = static_cast<rules::DeviceState>(snapshot.state);
  for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
    report.active[plane] = snapshot.planes[plane].active.manifest;
    report.security_floor[plane] = snapshot.planes[plane].security_floor;
  }
  report.attempt_epoch = snapshot.attempt_epoch;
  report.attempt = static_cast<rules::AttemptState>(snapshot.attempt);
  report.directive_epoch = snapshot.directive_epoch;
  if (snapshot.error != edge::ErrorCode::none) report.attempt_error = wire::EnumNameErrorCode(snapshot.error);
  report.attempt_detail = snapshot.detail;
  report.waits = snapshot.waits;
  return report;
}

}  // namespace

Device::Device(const Options& options, DeviceNumber number, Random random, Parts parts)
    : options_(options), number_(number), random_(random), parts_(parts), id_("d" + std::to_string(number)) {
  set_facts(random_facts(random_));
}

void Device::set_facts(rules::DeviceFacts facts) {
  facts_ = std::move(facts);
  scopes_ = scopes_of(id_, facts_);
}

void Device::install(rules::Plane plane, const Sha256& manifest) {
  const auto index = static_cast<std::size_t>(plane);
  disk_.slots[index][manifest] = {parts_.catalogue.at(manifest).info, true};
  disk_.links[index].active = manifest;
  edge::DurableState state = disk_.journal.empty() ? edge::DurableState() : *edge::decode(disk_.journal);
  const auto& known = parts_.catalogue.at(manifest).known;
  state.planes[index].active = {manifest, known.name, known.version, known.security_version};
  state.planes[index].security_floor = known.security_version;
  disk_.journal = edge::encode(state);
}

DeviceView Device::view() const {
  return {id_, &disk_, &facts_, &scopes_, &shadows_, charge_, running(), connected(), gone_, mended_};
}

void Device::disk_changed() {
  const auto seen = view();
  for (const auto& checker : parts_.checkers) checker->on_disk(seen);
}

std::uint64_t Device::now_s() const {
  const auto clock_s = std::max<std::int64_t>(
      0, static_cast<std::int64_t>(world_epoch_s + parts_.scheduler.now_ms() / 1000) + clock_offset_s_);
  return std::max(static_cast<std::uint64_t>(clock_s), agent_ ? agent_->newest_signed_s() : 0);
}

void Device::later(std::uint64_t delay_ms, std::function<void()> task) {
  parts_.scheduler.after(delay_ms, [this, life = life_, task = std::move(task)] {
    if (life == life_ && running()) task();
  });
}

void Device::start() {
  if (gone_ || running()) return;
  starting_ = false;
  const auto again = [this](std::uint64_t delay_ms, void (Device::*what)()) {
    starting_ = true;
    parts_.scheduler.after(delay_ms, [this, what] { (this->*what)(); });
  };
  const bool has_links = std::any_of(disk_.links.begin(), disk_.links.end(),
                                     [](const edge::PlaneLinks& links) { return !links.active.is_zero(); });
  if (!disk_.journal_whole || (disk_.journal.empty() && has_links)) {
    log("refuses to start: its journal is damaged");
    return again(random_.between(1000, 60'000), &Device::reset_journal);
  }
  edge::DurableState state;
  if (!disk_.journal.empty()) {
    auto decoded = edge::decode(disk_.journal);
    assert(decoded);
    state = std::move(*decoded);
  }
  if (disk_full_) return again(5000, &Device::start);  // the first thing a start does is to write the journal
  ++life_;
  edge::AgentSetup setup;
  setup.device_id = id_;
  setup.facts = edge_facts(facts_);
  setup.planes = {true, true, true};
  setup.scopes = scopes_;
  setup.health_window_ms = health_window_ms;
  auto started = look_at_disk(state);
  events_.clear();
  held_.clear();
  stepping_ = ending_ = false;
  link_ = 0;
  report_seq_ = backoff_ = wake_ = probing_ = 0;
  fetching_.reset();
  expired_.clear();
  charge_.reset();
  worker_free_ms_ = 0;
  agent_.emplace(std::move(setup), std::move(state));
  feed(std::move(started));
  if (!running()) return;
  connect_soon();
  later(random_.below(health_window_ms), [this] { give_readings(); });
  if (options_.health_ms != 0) begin_measuring();
}

edge::Started Device::look_at_disk(const edge::DurableState& state) const {
  edge::Started started;
  started.links = disk_.links;
  for (const auto& [plane, manifest] : edge::slots_spoken_of(state)) {
    edge::SlotFound found;
    found.release.plane = plane;
    found.release.manifest = manifest;
    const auto& slots = disk_.slots[edge::index_of(plane)];
    const auto slot = slots.find(manifest);
    found.intact = slot != slots.end() && slot->second.whole;
    if (found.intact) found.release = slot->second.release;
    started.slots.push_back(std::move(found));
  }
  return started;
}

// What `muster-edge --reset-journal` does.
void Device::reset_journal() {
  if (gone_) return;
  edge::DurableState state;
  for (std::size_t i = 0; i < rules::plane_count; ++i) {
    auto& record = state.planes[i];
    const auto take = [&](const Sha256& manifest, edge::SlotRef& slot) {
      const auto found = disk_.slots[i].find(manifest);
      if (manifest.is_zero() || found == disk_.slots[i].end() || !found->second.whole) return;
      const auto& release = found->second.release;
      slot = {manifest, release.name, release.version, release.security_version};
    };
    take(disk_.links[i].active, record.active);
    take(disk_.links[i].previous, record.previous);
    record.security_floor = record.active.security_version;
  }
  state.boot_id = world_epoch_s + parts_.scheduler.now_ms() / 1000;
  disk_.journal = edge::encode(state);
  disk_.journal_whole = true;
  mended_ = true;
  log("its journal is made anew from its slots");
  for (const auto& checker : parts_.checkers) checker->on_mended(view());
  disk_changed();
  start();
}

void Device::feed(What what) {
  if (!running() || ending_) return;
  if (!held_.empty() && std::holds_alternative<edge::Readings>(what)) return;
  events_.push_back(std::move(what));
  if (!stepping_ && held_.empty()) run_events();
}

void Device::run_events() {
  stepping_ = true;
  const auto life = life_;
  std::vector<edge::Effect> effects;
  while (running() && life == life_ && !events_.empty() && held_.empty()) {
    const edge::Event event{parts_.scheduler.now_ms(), now_s(), std::move(events_.front())};
    events_.pop_front();
    effects.clear();
    agent_->step(event, effects);
    held_.assign(effects.begin(), effects.end());
    if (!perform_all()) break;
    if (shadows_.empty()) continue;
    const auto seen = view();
    for (const auto& checker : parts_.checkers) checker->on_shadowing(seen);
  }
  if (life == life_) stepping_ = false;
}

// False when the disk is full, or when the power went.
bool Device::perform_all() {
  while (!held_.empty()) {
    if (may_crash()) return false;
    if (const auto* persist = std::get_if<edge::Persist>(&held_.front())) {
      if (disk_full_) {
        log("cannot write its journal: everything waits");
        later(journal_retry_ms, [this] {
          if (perform_all()) run_events();
        });
        return false;
      }
      disk_.journal = persist->state;
      disk_changed();
    } else {
      const auto effect = std::move(held_.front());
      perform(effect);
    }
    held_.pop_front();
  }
  return true;
}

void Device::perform(const edge::Effect& effect) {
  if (const auto* note = std::get_if<edge::Note>(&effect)) {
    log(note->text);
  } else if (const auto* refusal = std::get_if<edge::Refusal>(&effect)) {
    log("refused: " + refusal->text);
  } else if (std::holds_alternative<edge::Report>(effect)) {
    publish_report();
  } else if (const auto* wake = std::get_if<edge::WakeAt>(&effect)) {
    wake_at(wake->at_ms);
  } else if (const auto* manifest = std::get_if<edge::FetchManifest>(&effect)) {
    fetch({manifest->job, JobKind::manifest, manifest->release.manifest, manifest->release.plane});
  } else if (const auto* files = std::get_if<edge::FetchFiles>(&effect)) {
    fetch({files->job, JobKind::files, files->manifest, files->plane});
  } else if (const auto* slot = std::get_if<edge::BuildSlot>(&effect)) {
    build(*slot);
  } else if (const auto* flip = std::get_if<edge::Activate>(&effect)) {
    activate(*flip);
  } else if (const auto* probes = std::get_if<edge::RunProbes>(&effect)) {
    run_probes(*probes);
  } else if (const auto* shadow = std::get_if<edge::RunShadow>(&effect)) {
    run_shadow(*shadow);
  } else if (std::holds_alternative<edge::CancelJobs>(effect)) {
    fetching_.reset();
    probing_ = 0;
    shadows_.clear();
  } else if (const auto* remove = std::get_if<edge::RemoveSlots>(&effect)) {
    remove_slots(*remove);
  }
}

void Device::wake_at(std::uint64_t at_ms) {
  const auto number = ++wake_;
  if (at_ms == 0) return;
  const auto now_ms = parts_.scheduler.now_ms();
  later(at_ms > now_ms ? at_ms - now_ms : 0, [this, number] {
    if (number == wake_) feed(edge::Tick{});
  });
}

void Device::publish_report() {
  if (link_ == 0) return;
  auto report = report_of(agent_->snapshot(), id_, facts_, ++report_seq_);
  if (has_clock()) report.reported_s = now_s();
  log("reports " + std::string(rules::name_of(report.attempt)) + " " + std::to_string(report.attempt_epoch) + ", " +
      std::string(rules::name_of(report.state)) + ", active " + short_name(report.active[0]) + " " +
      short_name(report.active[1]) + " " + short_name(report.active[2]) +
      (report.attempt_error.empty() ? "" : ", " + report.attempt_error));
  for (const auto& checker : parts_.checkers) checker->on_report(view(), report);
  parts_.network.send(number_, report);
}

void Device::connect_soon() {
  const auto wait_ms =
      1 + random_.below(std::min<std::uint64_t>(60'000, 1000u << std::min<std::uint64_t>(backoff_++, 6)));
  later(wait_ms, [this] {
    if (link_ != 0 || ending_) return;
    std::vector<std::string> topics{"assignment/" + id_};
    for (const auto& scope : scopes_) topics.push_back("directive/" + scope);
    link_ = parts_.network.connect(number_, std::move(topics));
    if (link_ == 0) return connect_soon();
    backoff_ = 0;
    log("connected");
    feed(edge::Connected{});
    go_on_fetching();
    send_waiting();
  });
}

void Device::line_lost(LinkId id) {
  if (!running() || link_ != id) return;
  link_ = 0;
  keep_unacknowledged();
  log("lost its connection");
  connect_soon();
}

// The opener refuses what has expired; the agent sees only what passed.
void Device::arrived(const Downward& message) {
  if (!running()) return;
  if (const auto* assignment = std::get_if<std::shared_ptr<const edge::Assignment>>(&message)) {
    const auto& arrived = **assignment;
    if (arrived.expires_s != 0 && now_s() > arrived.expires_s) {
      log("refuses assignment " + std::to_string(arrived.epoch) + ": expired");
      expired_.emplace_back(now_s(), message);
      return;
    }
    for (const auto& checker : parts_.checkers) checker->on_taken(view(), arrived);
    feed(edge::AssignmentArrived{arrived});
    return;
  }
  const auto& directive = *std::get<std::shared_ptr<const edge::Directive>>(message);
  if (now_s() > directive.issued_s + options_.valid_for_s) {
    log("refuses directive " + std::to_string(directive.epoch) + ": expired");
    expired_.emplace_back(now_s(), message);
    return;
  }
  feed(edge::DirectiveArrived{directive});
}

bool Device::may_crash() {
  if (!random_.per_mille(options_.device_crash) || !random_.percent(25)) return false;
  crash();
  return true;
}

void Device::power_off() {
  agent_.reset();
  fetching_.reset();
  shadows_.clear();  // what runs beside the agent dies with it
  events_.clear();
  held_.clear();
  in_flight_.clear();
  stepping_ = false;
  ++life_;
}

void Device::crash() {
  if (!running()) return;
  log("loses its power");
  if (link_ != 0) parts_.network.hang_up(number_, false);
  link_ = 0;
  power_off();
  lose_unsynced();
  if (random_.per_mille(options_.damage)) damage_something();
  disk_changed();
  if (gone_ || starting_) return;
  starting_ = true;
  parts_.scheduler.after(random_.between(500, random_.percent(20) ? 180'000 : 20'000), [this] { start(); });
}

void Device::stop() {
  if (!running() || ending_) return;
  log("is asked to stop");
  feed(edge::Stopping{});
  if (!running()) return;  // the power went meanwhile
  ending_ = true;
  if (link_ != 0) parts_.network.hang_up(number_, true);
  link_ = 0;
  keep_unacknowledged();
  power_off();
  lose_unsynced();
  disk_changed();
  starting_ = true;
  parts_.scheduler.after(random_.between(500, 60'000), [this] { start(); });
}

void Device::leave() {
  if (gone_) return;
  log("leaves for ever");
  gone_ = true;
  crash();
}

void Device::heal() {
  options_.device_crash = options_.damage = options_.trouble = 0;
  options_.torn_writes = false;
  disk_full_ = false;
  clock_offset_s_ = 0;
}

}  // namespace muster::sim
