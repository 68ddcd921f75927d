#include "tests/unit/edge/bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace muster::edge {

Bench::Bench() {
  setup.device_id = "gw-17";
  setup.facts.device_class = "rk3566";
  setup.facts.region = "eu";
  setup.facts.memory_mb = 2048;
  setup.facts.accelerators = {"npu"};
  setup.planes = {false, true, true};
  setup.scopes = {"device/gw-17", "group/region=eu", "fleet"};
  setup.health_window_ms = 60000;
}

Sha256 Bench::digest(const std::string& ref) {
  Sha256 digest;
  std::copy_n(ref.begin(), std::min<std::size_t>(ref.size(), 31), digest.bytes.begin());
  digest.bytes[31] = 1;
  return digest;
}

ReleaseInfo& Bench::release(const std::string& ref, Plane plane, std::uint32_t security_version) {
  auto& info = releases_[ref];
  info.manifest = digest(ref);
  info.plane = plane;
  info.name = ref.substr(0, ref.find('@'));
  info.version = ref.substr(ref.find('@') + 1);
  info.security_version = security_version;
  info.probes = {ProbeSpec{ProbeKind::exec, "golden", 0, 1000, 1, 0}};
  info.bytes_total = 100;
  return info;
}

const ReleaseInfo* Bench::find(const Sha256& manifest) const {
  for (const auto& [ref, info] : releases_) {
    if (info.manifest == manifest) return &info;
  }
  return nullptr;
}

std::string Bench::ref_of(const Sha256& manifest) const {
  const auto* info = find(manifest);
  return info == nullptr ? "" : info->name + "@" + info->version;
}

std::vector<AssignedRelease> Bench::lines_of(const std::vector<std::string>& refs) const {
  std::vector<AssignedRelease> lines;
  for (const auto& ref : refs) {
    AssignedRelease line;
    if (ref.front() == '-') {
      line.plane = ref == "-model" ? Plane::model : Plane::config;
    } else {
      const auto& info = releases_.at(ref);
      line = {info.plane, info.manifest, digest("envelope of " + ref), 1000, info.name, info.version};
    }
    lines.push_back(line);
  }
  return lines;
}

void Bench::assign(std::uint64_t epoch, const std::vector<std::string>& refs, std::uint32_t soak_s, Hold hold,
                   const std::vector<std::string>& shadow) {
  Assignment assignment;
  assignment.epoch = epoch;
  assignment.issued_s = now_s;
  assignment.rollout = "r";
  assignment.soak_s = soak_s;
  assignment.hold = hold;
  assignment.releases = lines_of(refs);
  assignment.shadow = lines_of(shadow);
  feed(AssignmentArrived{assignment});
}

void Bench::direct(const std::string& scope, std::uint64_t epoch, std::vector<StandingOrder> orders) {
  feed(DirectiveArrived{Directive{scope, epoch, now_s, std::move(orders)}});
}

void Bench::readings(std::vector<std::pair<std::string, double>> values) {
  std::sort(values.begin(), values.end());
  feed(Readings{std::move(values)});
}

void Bench::wait_s(std::uint64_t seconds) {
  const auto end = now_ms + seconds * 1000;
  while (wake_ms_ != 0 && wake_ms_ <= end) {
    const auto at = std::max(wake_ms_, now_ms);
    now_s += (at - now_ms) / 1000;
    now_ms = at;
    feed(Tick{});
  }
  now_s += (end - now_ms) / 1000;
  now_ms = end;
  feed(Tick{});
}

void Bench::start() {
  jobs_.clear();
  shadow_.reset();
  running_jobs_ = false;
  wake_ms_ = 0;
  operations_left.reset();
  auto state = journal.empty() ? DurableState{} : decode(journal).value();
  agent = std::make_unique<Agent>(setup, state);
  Started started;
  for (std::size_t i = 0; i < plane_count; ++i) started.links[i] = links[static_cast<Plane>(i)];
  for (const auto& [plane, manifest] : slots_spoken_of(state)) {
    SlotFound found;
    found.intact = slots[plane].count(manifest) != 0 && damaged.count(manifest) == 0;
    found.release.plane = plane;
    found.release.manifest = manifest;
    if (found.intact) found.release = *find(manifest);
    started.slots.push_back(found);
  }
  feed(started);
}

void Bench::stop_in_order() {
  feed(Stopping{});
  lose_power();
}

void Bench::lose_power() {
  agent.reset();
  shadow_.reset();
}

void Bench::operate() {
  if (operations_left && *operations_left == 0) throw PowerCut{};
  if (operations_left) --*operations_left;
  ++operations;
}

void Bench::feed(decltype(Event::what) what) {
  std::vector<Effect> effects;
  agent->step(Event{now_ms, now_s, std::move(what)}, effects);
  for (const auto& effect : effects) perform(effect);
  run_jobs();
}

void Bench::perform(const Effect& effect) {
  if (const auto* persist = std::get_if<Persist>(&effect)) {
    operate();
    journal = persist->state;
  } else if (const auto* note = std::get_if<Note>(&effect)) {
    if (note->text.find(" -> ") != std::string::npos) trace_.push_back(note->text);
    notes.push_back(note->text);
  } else if (const auto* refusal = std::get_if<Refusal>(&effect)) {
    refusals_.push_back(std::string(wire::EnumNameErrorCode(refusal->code)) + ": " + refusal->text);
  } else if (const auto* workload = std::get_if<RunWorkload>(&effect)) {
    static constexpr const char* names[] = {"restart", "degraded", "normal"};
    trace_.push_back(std::string("workload ") + names[static_cast<std::size_t>(workload->command)]);
  } else if (const auto* remove = std::get_if<RemoveSlots>(&effect)) {
    operate();
    auto& there = slots[remove->plane];
    for (auto it = there.begin(); it != there.end();) {
      const bool kept = std::find(remove->keep.begin(), remove->keep.end(), *it) != remove->keep.end();
      it = kept ? std::next(it) : there.erase(it);
    }
  } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
    wake_ms_ = wake->at_ms;
  } else if (const auto* shadow = std::get_if<RunShadow>(&effect)) {
    operate();
    EXPECT_FALSE(shadow_.has_value()) << "two shadows at once";
    for (const auto& release : shadow->releases)
      EXPECT_EQ(slots[release.plane].count(release.manifest), 1u) << "a shadow that is not here";
    shadow_ = *shadow;
    ++shadow_runs;
  } else if (std::holds_alternative<CancelJobs>(effect)) {
    shadow_.reset();
    jobs_.erase(std::remove_if(jobs_.begin(), jobs_.end(),
                               [](const Effect& job) { return !std::holds_alternative<Activate>(job); }),
                jobs_.end());
  } else if (std::holds_alternative<Report>(effect)) {
    ++reports;
  } else if (std::holds_alternative<ResetReadings>(effect)) {
    ++forgotten;
  } else if (!std::holds_alternative<DropDownloads>(effect)) {
    jobs_.push_back(effect);
  }
}

void Bench::release_jobs() {
  hold_jobs = false;
  run_jobs();
}

void Bench::release_job() {
  if (jobs_.empty()) return;
  const auto job = std::move(jobs_.front());
  jobs_.pop_front();
  run_job(job);
}

void Bench::run_jobs() {
  if (running_jobs_ || hold_jobs) return;
  running_jobs_ = true;
  while (!jobs_.empty() && !hold_jobs) {
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    run_job(job);
  }
  running_jobs_ = false;
}

void Bench::answer(std::uint64_t job, const std::map<std::string, ErrorCode>& failures, const Sha256& manifest,
                   decltype(Event::what) good) {
  const auto fault = failures.find(ref_of(manifest));
  if (fault == failures.end()) return feed(std::move(good));
  feed(JobFailed{job, {fault->second, failure_words}, std::nullopt});
}

void Bench::run_job(const Effect& effect) {
  if (const auto* manifest = std::get_if<FetchManifest>(&effect)) {
    feed(ManifestArrived{manifest->job, *find(manifest->release.manifest)});
  } else if (const auto* files = std::get_if<FetchFiles>(&effect)) {
    operate();
    ++fetches_[ref_of(files->manifest)];
    answer(files->job, fetch_fails, files->manifest, FilesArrived{files->job});
  } else if (const auto* build = std::get_if<BuildSlot>(&effect)) {
    operate();
    if (build_fails.count(ref_of(build->manifest)) == 0) {
      slots[build->plane].insert(build->manifest);
      damaged.erase(build->manifest);
    }
    answer(build->job, build_fails, build->manifest, SlotBuilt{build->job});
  } else if (const auto* activate = std::get_if<Activate>(&effect)) {
    operate();
    const auto ref = ref_of(activate->active);
    if (activate->going_back && activate_back_fails[ref] > 0) {
      --activate_back_fails[ref];
      return feed(JobFailed{activate->job, {ErrorCode::install_failed, failure_words}, std::nullopt});
    }
    const bool fails = !activate->going_back && activate_fails.count(ref) != 0;
    if (!fails) links[activate->plane] = {activate->active, activate->previous};
    check_invariants();
    operate();  // the power may go between the flip and its answer
    answer(activate->job, activate->going_back ? decltype(activate_fails){} : activate_fails, activate->active,
           Activated{activate->job});
  } else if (const auto* probes = std::get_if<RunProbes>(&effect)) {
    operate();
    ++probe_runs;
    for (const auto& probe : probes->probes) {
      const auto fault = probe_fails.find(ref_of(probe.manifest));
      if (fault != probe_fails.end()) return feed(JobFailed{probes->job, {fault->second, failure_words}, probe.plane});
    }
    feed(ProbesPassed{probes->job});
  }
}

std::string Bench::active(Plane plane) const {
  const auto found = links.find(plane);
  return found == links.end() ? "" : ref_of(found->second.active);
}

std::string Bench::previous(Plane plane) const {
  const auto found = links.find(plane);
  return found == links.end() ? "" : ref_of(found->second.previous);
}

std::vector<std::string> Bench::take_trace() {
  return std::exchange(trace_, {});
}
std::vector<std::string> Bench::take_refusals() {
  return std::exchange(refusals_, {});
}

std::vector<std::string> Bench::shadow() const {
  std::vector<std::string> running;
  if (!shadow_) return running;
  for (const auto& release : shadow_->releases) running.push_back(ref_of(release.manifest) + " " + release.command);
  return running;
}

void Bench::end_shadow(ErrorCode code) {
  const auto job = shadow_.value().job;
  const auto plane = shadow_->releases.front().plane;
  shadow_.reset();
  feed(JobFailed{job, {code, failure_words}, plane});
}

std::size_t Bench::fetch_count(const std::string& ref) const {
  const auto found = fetches_.find(ref);
  return found == fetches_.end() ? 0 : found->second;
}

void Bench::check_invariants() const {
  for (const auto& [plane, link] : links) {
    if (link.active.is_zero()) continue;
    const auto there = slots.find(plane);
    EXPECT_TRUE(there != slots.end() && there->second.count(link.active) != 0)
        << "active points to a slot that is not there";
  }
}

}  // namespace muster::edge
