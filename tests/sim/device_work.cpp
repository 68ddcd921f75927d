// What a device does outside its agent: fetching, building slots, moving pointers, running probes, measuring.
#include <algorithm>
#include <utility>

#include "tests/sim/device.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t readings_ms = 10'000;

}  // namespace

// --- fetching: needs the broker, and waits for it without failing ---

void Device::fetch(FetchJob job) {
  fetching_ = job;
  const bool here = disk_.slots[edge::index_of(job.plane)].contains(job.manifest);
  fetching_->waiting = !here;
  if (here) {
    later(random_.below(20), [this, number = job.job] {
      if (fetching_ && fetching_->job == number) finish_fetch();
    });
    return;
  }
  go_on_fetching();
}

void Device::go_on_fetching() {
  if (!fetching_ || !fetching_->waiting || link_ == 0) return;
  fetching_->waiting = false;
  later(random_.between(5, 8000), [this, number = fetching_->job] {
    if (!fetching_ || fetching_->job != number) return;
    if (link_ == 0) {
      fetching_->waiting = true;  // resumes what is there when the connection is back
      return;
    }
    finish_fetch();
  });
}

void Device::finish_fetch() {
  const auto job = *std::exchange(fetching_, std::nullopt);
  const auto& release = parts_.catalogue.at(job.manifest);
  if (job.kind == JobKind::manifest) return feed(edge::ManifestArrived{job.job, release.info});
  auto& slots = disk_.slots[edge::index_of(job.plane)];
  if (const auto slot = slots.find(job.manifest); slot != slots.end()) {
    if (slot->second.whole) return feed(edge::FilesArrived{job.job});
    const auto& links = disk_.links[edge::index_of(job.plane)];
    if (links.active == job.manifest || links.previous == job.manifest) {
      return feed(edge::JobFailed{job.job, {edge::ErrorCode::slot_damaged, "a file in the slot differs"}, {}});
    }
    slots.erase(slot);  // as if it had never been here
    disk_changed();
    return fetch(job);
  }
  if (disk_full_) {
    return feed(edge::JobFailed{job.job, {edge::ErrorCode::disk_full, "no room for the files"}, {}});
  }
  if (parts_.catalogue.flaw(job.manifest, id_) == Flaw::corrupt) {
    return feed(edge::JobFailed{job.job, {edge::ErrorCode::digest_mismatch, "a file differs from its manifest"}, {}});
  }
  feed(edge::FetchProgress{release.info.bytes_total});
  feed(edge::FilesArrived{job.job});
}

// --- the disk's worker: one thing after another ---

void Device::worker(std::uint64_t duration_ms, std::function<void()> begin, std::function<void()> end) {
  const auto now_ms = parts_.scheduler.now_ms();
  const auto start_ms = std::max(now_ms, worker_free_ms_);
  worker_free_ms_ = start_ms + duration_ms;
  later(start_ms - now_ms, std::move(begin));
  later(start_ms + duration_ms - now_ms, std::move(end));
}

void Device::build(const edge::BuildSlot& build) {
  worker(
      random_.between(1, 300), [] {},
      [this, build] {
        auto& slots = disk_.slots[edge::index_of(build.plane)];
        if (!slots.contains(build.manifest)) {
          if (disk_full_) {
            return feed(edge::JobFailed{build.job, {edge::ErrorCode::disk_full, "no room for the slot"}, {}});
          }
          slots[build.manifest] = {parts_.catalogue.at(build.manifest).info, true};
          disk_changed();
        }
        feed(edge::SlotBuilt{build.job});
      });
}

void Device::activate(const edge::Activate& activate) {
  worker(
      random_.between(1, 400),
      [this, activate] {
        const auto plane = edge::index_of(activate.plane);
        if (!activate.active.is_zero() && !disk_.slots[plane].contains(activate.active)) return;  // told at the end
        const edge::PlaneLinks wanted{activate.active, activate.previous};
        auto& links = disk_.links[plane];
        if (links.active == wanted.active && links.previous == wanted.previous) return;
        for (const auto& checker : parts_.checkers) checker->on_activate(view(), activate);
        if (disk_full_ && random_.percent(50)) return;
        unsynced_ = UnsyncedLinks{plane, links};
        links = wanted;
        disk_changed();
      },
      [this, activate] { end_activation(activate); });
}

void Device::end_activation(const edge::Activate& activate) {
  unsynced_.reset();
  const auto plane = edge::index_of(activate.plane);
  const auto& links = disk_.links[plane];
  if (!activate.active.is_zero() && !disk_.slots[plane].contains(activate.active)) {
    return feed(
        edge::JobFailed{activate.job, {edge::ErrorCode::slot_damaged, "there is no such slot"}, activate.plane});
  }
  if (links.active != activate.active || links.previous != activate.previous) {
    return feed(edge::JobFailed{activate.job, {edge::ErrorCode::disk_full, "the link cannot be made"}, activate.plane});
  }
  log("active " + std::string(wire::EnumNamePlane(activate.plane)) + " is " + short_name(activate.active) +
      ", previous " + short_name(activate.previous));
  feed(edge::Activated{activate.job});
}

void Device::remove_slots(const edge::RemoveSlots& remove) {
  worker(
      random_.below(20), [] {},
      [this, remove] {
        auto& slots = disk_.slots[edge::index_of(remove.plane)];
        for (auto slot = slots.begin(); slot != slots.end();) {
          const bool kept = std::find(remove.keep.begin(), remove.keep.end(), slot->first) != remove.keep.end();
          slot = kept ? std::next(slot) : slots.erase(slot);
        }
        disk_changed();
      });
}

// Two renames and a sync: without the sync either may have reached the disk.
void Device::lose_unsynced() {
  if (!unsynced_) return;
  const auto lost = *std::exchange(unsynced_, std::nullopt);
  if (!options_.torn_writes) return;
  auto& links = disk_.links[lost.plane];
  if (random_.percent(50)) links.active = lost.before.active;
  if (random_.percent(50)) links.previous = lost.before.previous;
}

// A bad sector: in a slot, or in the journal.
void Device::damage_something() {
  if (random_.percent(25)) {
    disk_.journal_whole = false;
    log("its journal is damaged");
    return;
  }
  auto& slots = disk_.slots[random_.below(rules::plane_count)];
  if (slots.empty()) return;
  auto slot = slots.begin();
  std::advance(slot, static_cast<std::ptrdiff_t>(random_.below(slots.size())));
  slot->second.whole = false;
  log("its slot " + short_name(slot->first) + " is damaged");
}

// --- the workload ---

void Device::run_probes(const edge::RunProbes& run) {
  probing_ = run.job;
  const auto crashes = [&](const edge::ProbeJob& probe) {
    return parts_.catalogue.flaw(probe.manifest, id_) == Flaw::crashes;
  };
  if (!run.warm && std::any_of(run.probes.begin(), run.probes.end(), crashes)) {
    return later(random_.between(5, 2000), [this, job = run.job] {
      if (probing_ == job) crash();
    });
  }
  later(random_.between(5, 3000), [this, run] {
    if (probing_ == run.job) end_probes(run);
  });
}

void Device::end_probes(const edge::RunProbes& run) {
  probing_ = 0;
  for (const auto& probe : run.probes) {
    const auto flaw = parts_.catalogue.flaw(probe.manifest, id_);
    const bool fails = (!run.warm && flaw == Flaw::probe_fails) || (run.warm && flaw == Flaw::soak_fails);
    if (!fails) continue;
    return feed(edge::JobFailed{run.job, {edge::ErrorCode::probe_failed, "exit code 1"}, probe.plane});
  }
  feed(edge::ProbesPassed{run.job});
}

// It runs until it is ended; a bad one ends by itself, and now and then a good one does.
void Device::run_shadow(const edge::RunShadow& run) {
  shadows_.push_back(run);
  for (const auto& release : run.releases) {
    log("runs " + short_name(release.manifest) + " in the shadow");
    if (release.command.empty()) continue;
    const auto flaw = parts_.catalogue.flaw(release.manifest, id_);
    std::uint64_t ends_ms = 0;
    if (flaw == Flaw::probe_fails || flaw == Flaw::crashes) {
      ends_ms = random_.between(5, 3000);
    } else if (flaw == Flaw::soak_fails || random_.per_mille(options_.trouble)) {
      ends_ms = random_.between(1000, 120'000);
    }
    if (ends_ms == 0) continue;
    later(ends_ms, [this, job = run.job, plane = release.plane] { end_shadow_early(job, plane); });
  }
}

void Device::end_shadow_early(std::uint64_t job, edge::Plane plane) {
  const auto found =
      std::find_if(shadows_.begin(), shadows_.end(), [&](const edge::RunShadow& run) { return run.job == job; });
  if (found == shadows_.end()) return;
  shadows_.erase(found);
  feed(edge::JobFailed{job, {edge::ErrorCode::shadow_failed, "it ended before its time: exit code 1"}, plane});
}

// What Inbound::look_again does.
void Device::look_again() {
  for (const auto& [refused_s, message] : std::exchange(expired_, {})) {
    if (now_s() < refused_s) {
      arrived(message);
    } else {
      expired_.emplace_back(refused_s, message);
    }
    if (!running()) return;
  }
}

void Device::give_readings() {
  later(readings_ms, [this] { give_readings(); });
  look_again();
  if (!running()) return;
  double loops = 0;
  double camera = 0;
  double memory = 0;
  double latency = 50;
  for (const auto& links : disk_.links) {
    if (links.active.is_zero() || parts_.catalogue.flaw(links.active, id_) != Flaw::misbehaves) continue;
    const auto kind = links.active.bytes[0] % 4;
    loops += kind == 0 ? 9 : 0;
    camera += kind == 1 ? 9 : 0;
    memory += kind == 2 ? 9 : 0;
    latency += kind == 3 ? 900 : 0;
  }
  if (random_.per_mille(options_.trouble)) camera += 9;
  if (random_.per_mille(options_.trouble)) memory += 9;
  // A battery that is emptied over twenty minutes and full again at once, each device's at its own time.
  const double charge = 100 - static_cast<double>((parts_.scheduler.now_ms() / 12'000 + 37u * number_) % 101);
  if (held_.empty()) charge_ = charge;  // else feed() drops what it is given
  feed(edge::Readings{{{"camera_timeout_secs", camera},
                       {"charge", charge},
                       {"crash_loop_count", loops},
                       {"gpu_oom_count", memory},
                       {"inference_p99_ms", latency}}});
}

}  // namespace muster::sim
