#include "tests/sim/broker.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace muster::sim {

namespace {

constexpr std::uint64_t tick_ms = 1000;
constexpr std::uint64_t epoch_s = 1'700'000'000;  // the world begins on a day with a real date

// The engine's kinds and the device's are numbered differently.
edge::OrderKind order_kind(rules::OrderKind kind) {
  switch (kind) {
    case rules::OrderKind::safe_mode:
      return edge::OrderKind::safe_mode;
    case rules::OrderKind::resume:
      return edge::OrderKind::resume;
    case rules::OrderKind::rollback:
      return edge::OrderKind::rollback;
    case rules::OrderKind::freeze:
    case rules::OrderKind::thaw:
      return edge::OrderKind::freeze;
    case rules::OrderKind::pause_updates:
      return edge::OrderKind::pause_updates;
    case rules::OrderKind::send_evidence:
      return edge::OrderKind::send_evidence;
  }
  return edge::OrderKind::safe_mode;
}

}  // namespace

Broker::Broker(const Options& options, Scheduler& scheduler, Random random, const Catalogue& catalogue,
               const Checkers& checkers, Trace& trace)
    : options_(options),
      scheduler_(scheduler),
      random_(random),
      catalogue_(catalogue),
      checkers_(checkers),
      trace_(trace) {}

std::uint64_t Broker::now_s() {
  const auto clock_s = static_cast<std::int64_t>(epoch_s + scheduler_.now_ms() / 1000) + clock_offset_s_;
  latest_s_ = std::max(latest_s_, static_cast<std::uint64_t>(clock_s));
  return latest_s_;
}

void Broker::later(std::uint64_t delay_ms, std::function<void()> task) {
  scheduler_.after(delay_ms, [this, life = life_, task = std::move(task)] {
    if (life == life_ && up()) task();
  });
}

void Broker::start() {
  assert(!up());
  ++life_;
  engine_ = std::make_unique<rules::Engine>();
  stopped_ = busy_ = false;
  latest_s_ = disk_.time_s;
  last_step_ = disk_.steps;
  queue_.clear();
  writing_.clear();
  outbox_.clear();
  changed_.clear();
  links_.clear();
  health_ = disk_.health;
  unsaved_health_.clear();
  const auto wrong = engine_->restore({disk_.records.begin(), disk_.records.end()});
  log("starts with " + std::to_string(disk_.records.size()) + " records" + (wrong.empty() ? "" : ": " + wrong));
  for (const auto& checker : checkers_) checker->on_broker_start(*engine_);
  network_->broker_up();
  // Exactly what was sealed before.
  for (const auto& [device, assignment] : disk_.assignments) network_->publish("assignment/" + device, assignment);
  for (const auto& [scope, directive] : disk_.directives) network_->publish("directive/" + scope, directive);
  for (const auto& rollout : engine_->rollouts()) {
    for (const auto& checker : checkers_) checker->on_status(*engine_->status(rollout));
  }
  later(random_.below(tick_ms), [this] { tick(); });
}

// What was being written is on the disk as a whole or not at all; what is on it but was not published yet is published
// by the next start.
void Broker::crash() {
  if (!up()) return;
  if (busy_ && !disk_full_ && random_.percent(50)) {
    log("crashes, what was being written is durable");
    commit(writing_);
  } else {
    log("crashes");
  }
  engine_.reset();
  network_->broker_down();
  for (const auto& checker : checkers_) checker->on_broker_crash();
}

void Broker::opened(const std::string& device) {
  if (++links_[device] == 1) static_cast<void>(step(rules::DeviceSeen{device}));
}

void Broker::closed(const std::string& device) {
  if (!up()) return;
  const auto found = links_.find(device);
  if (found == links_.end() || --found->second > 0) return;
  links_.erase(found);
  static_cast<void>(step(rules::DeviceLost{device}));
}

void Broker::report(const rules::DeviceReport& report) {
  if (up()) static_cast<void>(step(report));
}

void Broker::command(std::string who, std::string why, rules::CommandBody body, Answered answered) {
  if (!deciding()) return answered(false, "the broker has stopped deciding");
  const auto correlation = ++last_correlation_;
  std::map<std::uint64_t, Answered> answers;
  answers.emplace(correlation, std::move(answered));
  static_cast<void>(
      step(rules::Command{std::move(who), std::move(why), correlation, std::move(body)}, std::move(answers)));
}

bool Broker::step(decltype(rules::Event::what) what, std::map<std::uint64_t, Answered> answers, HealthOrders beside) {
  if (!deciding()) return false;
  Work work;
  work.of_engine = true;
  work.answers = std::move(answers);
  work.step.number = ++last_step_;
  work.step.event = {now_s(), std::move(what)};
  engine_->step(work.step.event, work.step.effects);
  for (const auto& effect : work.step.effects) {
    if (std::holds_alternative<rules::Persist>(effect)) work.health = beside;
    if (const auto* changed = std::get_if<rules::RolloutStatusChanged>(&effect)) {
      if (std::find(changed_.begin(), changed_.end(), changed->rollout) == changed_.end())
        changed_.push_back(changed->rollout);
      if (const auto* status = engine_->status(changed->rollout)) work.step.statuses.push_back(*status);
    }
  }
  log_effects(work.step);
  for (const auto& checker : checkers_) {
    checker->on_step(work.step);
    checker->on_engine(*engine_);
  }
  submit(std::move(work));
  if (random_.per_mille(options_.broker_crash) && random_.percent(20)) {
    // Between two system calls like any other moment.
    scheduler_.after(random_.below(1 + options_.sync_ms_max), [this, life = life_] {
      if (life == life_) crash();
    });
  }
  return true;
}

void Broker::tick() {
  drain();
  static_cast<void>(step(rules::Tick{}));
  publish_statuses();
  save_health();
  renew();
  later(tick_ms, [this] { tick(); });
}

// As they are now, behind everything that made them so.
void Broker::publish_statuses() {
  if (changed_.empty() || !deciding()) return;
  Work work;
  for (const auto& rollout : std::exchange(changed_, {})) {
    if (const auto* status = engine_->status(rollout)) work.publish.push_back(*status);
  }
  submit(std::move(work));
}

void Broker::renew() {
  const auto now = now_s();
  if (disk_.sealed_s == 0) disk_.sealed_s = now;
  if (!deciding() || now - disk_.sealed_s < options_.valid_for_s / 2) return;
  disk_.sealed_s = now;
  log("seals everything again");
  Work work;
  engine_->republish(work.step.effects);
  submit(std::move(work));
}

void Broker::submit(Work work) {
  queue_.push_back(std::move(work));
  write();
}

// One group commit at a time; what comes meanwhile is the next group.
void Broker::write() {
  if (busy_ || queue_.empty() || stopped_) return;
  busy_ = true;
  writing_ = std::exchange(queue_, {});
  const auto sync_ms = options_.sync_ms_max == 0 ? 0 : random_.below(options_.sync_ms_max);
  later(sync_ms, [this] {
    if (disk_full_) {
      log("cannot write: its disk is full; stops deciding");
      stopped_ = true;
      busy_ = false;
      for (auto* works : {&writing_, &queue_}) {
        for (auto& work : *works) {
          for (auto& [correlation, answered] : work.answers) answered(false, "it could not be made durable");
        }
        works->clear();
      }
      return;
    }
    commit(writing_);
    release(writing_);
    writing_.clear();
    busy_ = false;
    write();
  });
}

void Broker::commit(std::vector<Work>& batch) {
  seal(batch);
  for (auto& work : batch) {
    issued_s_ = std::max(issued_s_, work.step.event.now_s);
    for (const auto& [device, order] : work.health) disk_.health[device] = order;
    if (!work.of_engine) continue;
    for (const auto& effect : work.step.effects) {
      if (const auto* persist = std::get_if<rules::Persist>(&effect)) {
        if (persist->value) {
          disk_.records[persist->key] = *persist->value;
        } else {
          disk_.records.erase(persist->key);
        }
      }
      if (const auto* entry = std::get_if<rules::Audit>(&effect)) {
        disk_.audit.push_back({disk_.audit.size() + 1, work.step.event.now_s, *entry});
        for (const auto& checker : checkers_) checker->on_audit(disk_.audit.back());
      }
    }
    disk_.time_s = std::max(disk_.time_s, work.step.event.now_s);
    disk_.steps = work.step.number;
    if (options_.old_copy) disk_.history.push_back(work.step);
    for (const auto& checker : checkers_) checker->on_commit(work.step);
  }
}

// Of several assignments of one device in a group, and directives of one scope, only the last is sealed.
void Broker::seal(const std::vector<Work>& batch) {
  for (const auto& work : batch) issued_s_ = std::max({issued_s_, work.step.event.now_s, disk_.time_s});
  for (const auto& work : batch) {
    for (const auto& effect : work.step.effects) {
      if (const auto* assign = std::get_if<rules::Assign>(&effect))
        disk_.assignments[assign->device] = std::make_shared<const edge::Assignment>(sealed(*assign));
      if (const auto* direct = std::get_if<rules::Direct>(&effect))
        disk_.directives[direct->scope] = std::make_shared<const edge::Directive>(sealed(*direct));
    }
  }
}

// What left the group goes to the outbox in the order of the steps; the outbox leaves from a tick a little later.
void Broker::release(std::vector<Work>& batch) {
  for (auto& work : batch) {
    for (const auto& effect : work.step.effects) {
      if (const auto* direct = std::get_if<rules::Direct>(&effect)) {
        const auto found = disk_.directives.at(direct->scope);
        if (found->epoch != direct->epoch) continue;
        outbox_.emplace_back([this, found] {
          for (const auto& checker : checkers_) checker->on_directive(*found);
          network_->publish("directive/" + found->scope, found);
        });
      }
      if (const auto* assign = std::get_if<rules::Assign>(&effect)) {
        const auto found = disk_.assignments.at(assign->device);
        if (found->epoch != assign->epoch) continue;
        outbox_.emplace_back([this, found, device = assign->device] {
          for (const auto& checker : checkers_) checker->on_assignment(device, *found);
          network_->publish("assignment/" + device, found);
        });
      }
      if (const auto* reply = std::get_if<rules::Reply>(&effect)) {
        auto answer = work.answers.find(reply->correlation);
        if (answer == work.answers.end()) continue;
        outbox_.emplace_back(
            [done = std::move(answer->second), ok = reply->ok, text = reply->message] { done(ok, text); });
      }
    }
    for (auto& status : work.publish) {
      outbox_.emplace_back([this, status = std::move(status)] {
        for (const auto& checker : checkers_) checker->on_status(status);
      });
    }
  }
  later(random_.below(5), [this] { drain(); });
}

void Broker::drain() {
  while (!outbox_.empty()) {
    auto item = std::move(outbox_.front());
    outbox_.pop_front();
    item();
  }
}

edge::Assignment Broker::sealed(const rules::Assign& assign) const {
  edge::Assignment sealed;
  sealed.epoch = assign.epoch;
  sealed.issued_s = issued_s_;
  sealed.expires_s = issued_s_ + options_.valid_for_s;
  sealed.rollout = assign.rollout;
  sealed.soak_s = static_cast<std::uint32_t>(assign.soak_s);
  sealed.hold = static_cast<edge::Hold>(assign.hold);
  const auto lines_of = [this](const std::vector<std::pair<rules::Plane, Sha256>>& releases) {
    std::vector<edge::AssignedRelease> lines;
    for (const auto& [plane, manifest] : releases) {
      edge::AssignedRelease line;
      line.plane = edge_plane(plane);
      line.manifest = manifest;
      if (!manifest.is_zero()) {
        const auto& known = catalogue_.at(manifest).known;
        line.name = known.name;
        line.version = known.version;
      }
      lines.push_back(std::move(line));
    }
    return lines;
  };
  sealed.releases = lines_of(assign.releases);
  sealed.shadow = lines_of(assign.shadow);
  return sealed;
}

edge::Directive Broker::sealed(const rules::Direct& direct) const {
  edge::Directive sealed;
  sealed.scope = direct.scope;
  sealed.epoch = direct.epoch;
  sealed.issued_s = issued_s_;
  for (const auto& order : direct.orders) {
    sealed.orders.push_back(
        {order_kind(order.kind), order.epoch, edge_plane(order.plane), order.release, order.reason, order.by});
  }
  return sealed;
}

void Broker::keep_copy() {
  copy_ = disk_;
}

void Broker::put_back_copy() {
  assert(!up());
  if (!copy_) return;
  log("its data is put back from a copy that holds " + std::to_string(copy_->steps) + " of " +
      std::to_string(disk_.steps) + " steps");
  disk_ = *copy_;
  for (const auto& checker : checkers_) {
    checker->on_old_copy();
    auto entry = disk_.audit.begin();
    for (const auto& step : disk_.history) {
      for (const auto& effect : step.effects) {
        if (std::holds_alternative<rules::Audit>(effect)) checker->on_audit(*entry++);
      }
      checker->on_commit(step);
    }
  }
}

void Broker::heal() {
  options_.broker_crash = 0;
  options_.sync_ms_max = std::min<std::uint64_t>(options_.sync_ms_max, 50);
  disk_full_ = false;
  clock_offset_s_ = 0;
}

std::vector<rules::RolloutStatus> Broker::statuses() const {
  std::vector<rules::RolloutStatus> list;
  if (!up()) return list;
  for (const auto& rollout : engine_->rollouts()) list.push_back(*engine_->status(rollout));
  return list;
}

void Broker::log_effects(const EngineStep& step) {
  const auto prefix = "step " + std::to_string(step.number) + " ";
  for (const auto& effect : step.effects) {
    if (const auto* entry = std::get_if<rules::Audit>(&effect)) {
      log(prefix + entry->what + " " + entry->subject + " by " + entry->who + ": " + entry->why);
    } else if (const auto* assign = std::get_if<rules::Assign>(&effect)) {
      std::string text = prefix + "assigns " + assign->device + " epoch " + std::to_string(assign->epoch) + " of " +
                         assign->rollout + ":";
      for (const auto& [plane, manifest] : assign->releases)
        text += " " + std::string(rules::name_of(plane)) + "=" + short_name(manifest);
      for (const auto& [plane, manifest] : assign->shadow)
        text += ", in the shadow " + std::string(rules::name_of(plane)) + "=" + short_name(manifest);
      if (assign->hold != rules::HoldPoint::none) text += ", holds " + std::string(rules::name_of(assign->hold));
      log(text);
    } else if (const auto* direct = std::get_if<rules::Direct>(&effect)) {
      log(prefix + "orders " + direct->scope + " epoch " + std::to_string(direct->epoch) + ", " +
          std::to_string(direct->orders.size()) + " standing");
    } else if (const auto* reply = std::get_if<rules::Reply>(&effect)) {
      log(prefix + (reply->ok ? "answers: " : "refuses: ") + reply->message);
    }
  }
}

}  // namespace muster::sim
