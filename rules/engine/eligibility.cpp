// Which devices can run a rollout's releases, how far the states of those releases let it go, and what still names one.
#include <algorithm>
#include <utility>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "rules/engine/facts.h"
#include "rules/engine/fleet_fit.h"

namespace muster::rules {

namespace {

constexpr char between_versions = '\n';  // stands in no version

bool asks_for_anything(const std::vector<KnownRelease>& releases) {
  return std::any_of(releases.begin(), releases.end(), [](const KnownRelease& release) { return release.needs.any(); });
}

PerPlane<bool> governed_by(const std::vector<KnownRelease>& releases) {
  PerPlane<bool> governed{};
  for (const auto& release : releases) governed[static_cast<std::size_t>(release.plane)] = true;
  return governed;
}

// A share that comes to all targets takes everybody, whatever its number, and so does a ring that has all whom earlier
// waves left. Of one device it says nothing.
bool takes_everybody(const Rollout& rollout) {
  const Wave& wave = rollout.rule.waves[rollout.wave];
  const std::uint64_t targets = rollout.total().targets;
  if (wave.percent == 100 || targets <= 1) return wave.percent == 100;
  return wave.is_ring() ? rollout.waves[rollout.wave].takes_rest : share_of(wave, targets) >= targets;
}

// A rehearsal belongs to the wave that follows it: the two together are what a release's state calls the first.
bool is_first(const Rule& rule, std::size_t wave) {
  return wave == 0 || (wave == 1 && rule.waves[0].rehearse);
}

bool may_open(Reach reach, bool everybody, bool first) {
  switch (reach) {
    case Reach::development:
      return false;
    case Reach::candidate:
      return first && !everybody;
    case Reach::canary:
      return !everybody;
    case Reach::promoted:
      return true;
  }
  return false;
}

}  // namespace

std::string pack_versions(const std::array<std::string, plane_count>& versions) {
  std::string packed;
  for (const auto& version : versions) packed += version + between_versions;
  return packed.size() == plane_count ? std::string() : packed;
}

VersionsView view_versions(std::string_view packed) {
  VersionsView versions;
  for (auto& version : versions) {
    const auto end = std::min(packed.find(between_versions), packed.size());
    version = packed.substr(0, end);
    packed.remove_prefix(std::min(end + 1, packed.size()));
  }
  return versions;
}

bool Core::versions_matter() const {
  return std::any_of(rollouts_.begin(), rollouts_.end(), [](const auto& each) {
    const Rollout& rollout = *each.second;
    const bool asks = std::any_of(rollout.releases.begin(), rollout.releases.end(), [](const KnownRelease& release) {
      return release.needs.version_min != Needs().version_min;
    });
    return rollout.serving() && (asks || !rollout.contrary.empty());
  });
}

bool Core::is_target(const Rollout& rollout, DeviceIndex index) const {
  return matches(ByteView(rollout.rule.targets), index) && fits(rollout.releases, rollout.contrary, index) &&
         rollout.exclusions.cancelled(fleet_.id(index)) == nullptr;
}

bool Core::fits(const std::vector<KnownRelease>& releases, const std::vector<Sha256>& contrary,
                DeviceIndex index) const {
  FactsView facts;
  if (!overridden(releases, index).empty() || contrary_on(contrary, index) != nullptr) return false;
  if (!asks_for_anything(releases) || !view_facts(fleet_.facts(index), facts)) return true;
  const auto versions = view_versions(fleet_.text(fleet_[index].versions));
  const auto governed = governed_by(releases);
  return std::all_of(releases.begin(), releases.end(), [&](const KnownRelease& release) {
    return misfit_of(release.needs, facts, versions, governed) == Misfit::none;
  });
}

UnfitDevice Core::unfit(const std::vector<KnownRelease>& releases, const std::vector<Sha256>& contrary,
                        DeviceIndex index) const {
  UnfitDevice found{std::string(fleet_.id(index)), Misfit::none, {}};
  if (auto override = overridden(releases, index); !override.empty())
    found = {std::move(found.device), Misfit::overridden, std::move(override)};
  if (const auto* asks = contrary_on(contrary, index); asks != nullptr)
    found = {std::move(found.device), Misfit::prerequisite, describe_contrary(*asks, releases)};
  FactsView facts;
  if (!asks_for_anything(releases) || !view_facts(fleet_.facts(index), facts)) return found;
  const auto versions = view_versions(fleet_.text(fleet_[index].versions));
  const auto governed = governed_by(releases);
  for (const auto& release : releases) {
    const auto misfit = misfit_of(release.needs, facts, versions, governed);
    if (misfit == Misfit::none) continue;
    found.misfit = misfit;
    found.why = describe_misfit(describe(release), release.needs, facts, versions, governed);
    break;
  }
  return found;
}

// Who matches the targets, cannot run a release and has not got it from `running`: nobody, and nothing is looked at,
// where none asks for anything and no override stands.
FleetFit Core::unfit_for(const Rule& rule, const std::vector<KnownRelease>& releases, const Rollout* running) const {
  FleetFit found;
  const ByteView program(rule.targets);
  const auto contrary = contrary_to(releases);
  const bool all_fit = !asks_for_anything(releases) && overrides_.none() && contrary.empty();
  if (all_fit || check_program(program) != ProgramFault::none) return found;
  std::vector<DeviceIndex> unfit_ones;
  fleet_.for_each([&](DeviceIndex index) {
    const bool asked = fleet_[index].reported && matches(program, index) && !fits(releases, contrary, index);
    const auto member = asked && running != nullptr ? members_.find(index, *running) : 0;
    if (asked && !(member != 0 && members_[member].reached)) unfit_ones.push_back(index);
  });
  std::sort(unfit_ones.begin(), unfit_ones.end(),
            [this](DeviceIndex a, DeviceIndex b) { return fleet_.id(a) < fleet_.id(b); });
  found.unfit = static_cast<std::uint32_t>(unfit_ones.size());
  for (const auto index : unfit_ones) {
    auto one = unfit(releases, contrary, index);
    ++found.counts[static_cast<std::size_t>(one.misfit)];
    if (found.devices.size() < unfit_shown_max) found.devices.push_back(std::move(one));
  }
  return found;
}

std::uint32_t Core::without_site(const Rule& rule, const std::vector<DeviceIndex>& targets) const {
  if (rule.pace.per_site == 0) return 0;
  return static_cast<std::uint32_t>(std::count_if(targets.begin(), targets.end(), [this](DeviceIndex index) {
    FactsView facts;
    return !view_facts(fleet_.facts(index), facts) || facts.site.empty();
  }));
}

FleetFit Core::fit(const StartRollout& body) const {
  auto found = unfit_for(body.rule, body.releases, nullptr);
  found.fault = fault_of_start(body);
  if (check_program(ByteView(body.rule.targets)) != ProgramFault::none) return found;
  const auto targets = targets_of(body);
  found.targets = static_cast<std::uint32_t>(targets.size());
  found.without_site = without_site(body.rule, targets);
  if (found.fault.empty()) found.fault = conflict_of_start(body, targets);
  return found;
}

// As of now: devices have come since it started, and others have changed. One that has the releases stays.
FleetFit Core::unfit_for(std::string_view name) const {
  const auto* rollout = find_rollout(name);
  if (rollout == nullptr || !rollout->serving()) return {};
  return unfit_for(rollout->rule, rollout->releases, rollout);
}

std::string describe_without_site(std::uint32_t count) {
  if (count == 0) return {};
  return count_text(count, "target") + (count == 1 ? " names" : " name") + " no site, and per_site does not limit " +
         (count == 1 ? "it" : "them");
}

std::string describe_unfit(const FleetFit& fit) {
  if (fit.unfit == 0) return {};
  std::string reasons;
  for (std::size_t misfit = 1; misfit < misfit_count; ++misfit) {
    if (fit.counts[misfit] == 0) continue;
    reasons += (reasons.empty() ? "" : ", ") + std::to_string(fit.counts[misfit]) + " " +
               std::string(name_of(static_cast<Misfit>(misfit)));
  }
  return count_text(fit.unfit, "device") + " cannot run it (" + reasons + ")";
}

// A release that a plane of the same rollout needs has to be new enough itself: no device would take the two.
std::string fault_of_needs(const std::vector<KnownRelease>& releases) {
  for (const auto& release : releases) {
    for (const auto& other : releases) {
      const auto& least = release.needs.version_min[static_cast<std::size_t>(other.plane)];
      FactsView none;
      VersionsView versions;
      versions[static_cast<std::size_t>(other.plane)] = other.version;
      Needs needs;
      needs.version_min[static_cast<std::size_t>(other.plane)] = least;
      if (least.empty() || misfit_of(needs, none, versions, {}) == Misfit::none) continue;
      return "release " + describe(release) + " needs " + std::string(name_of(other.plane)) + " >= " + least +
             ", and the rule brings " + describe(other) + "; bring a later one";
    }
  }
  return {};
}

// --- how far a release's state lets it go ---

void Core::on(const ReleaseReach& reach) {
  for (const auto& [number, rollout] : rollouts_) {
    if (rollout->state == RolloutState::aborted) continue;
    for (auto& release : rollout->releases) {
      const auto item = std::find_if(reach.releases.begin(), reach.releases.end(),
                                     [&](const auto& each) { return each.manifest == release.manifest; });
      if (item == reach.releases.end() || item->reach == release.reach) continue;
      release.reach = item->reach;
      rollout->persist_rule = true;
      members_.touch(*rollout);
    }
  }
}

bool Core::is_outside(const Rollout& rollout, MemberIndex index) const {
  const Member& member = members_[index];
  return member.target && member.wave == no_wave &&
         !matches(ByteView(rollout.rule.waves[rollout.wave].ring), member.device);
}

// Whether the ring that is to open next leaves a target out. All are looked at once, while the state of a release asks
// for it; then it is known until the one that was found is no such target any more, or until one comes that is.
void Core::look_outside_ring(Rollout& rollout) {
  WaveRun& run = rollout.waves[rollout.wave];
  const bool asks = std::any_of(rollout.releases.begin(), rollout.releases.end(), [](const KnownRelease& release) {
    return release.reach == Reach::candidate || release.reach == Reach::canary;
  });
  if (!asks || run.state != WaveState::pending || !rollout.rule.waves[rollout.wave].is_ring() || run.takes_rest) return;
  const auto known = run.outsider;
  if (known != 0 && members_.live(known) && members_[known].rollout == &rollout && is_outside(rollout, known)) return;
  run.outsider = 0;
  for (auto each = rollout.first_member; each != 0 && run.outsider == 0; each = members_[each].next) {
    if (is_outside(rollout, each)) run.outsider = each;
  }
  run.takes_rest = run.outsider == 0;
}

void Core::note_outside_ring(Rollout& rollout, MemberIndex index) {
  WaveRun& run = rollout.waves[rollout.wave];
  if (!run.takes_rest || run.state != WaveState::pending || !is_outside(rollout, index)) return;
  run.takes_rest = false;
  run.outsider = index;
  members_.touch(rollout);
}

const KnownRelease* Core::held_by_state(const Rollout& rollout) const {
  if (rollout.waves[rollout.wave].state != WaveState::pending) return nullptr;
  const bool everybody = takes_everybody(rollout);
  const auto held = std::find_if(rollout.releases.begin(), rollout.releases.end(), [&](const KnownRelease& release) {
    return !may_open(release.reach, everybody, is_first(rollout.rule, rollout.wave));
  });
  return held == rollout.releases.end() ? nullptr : &*held;
}

std::string describe_state_hold(const Rollout& rollout, const KnownRelease& held) {
  const Wave& wave = rollout.rule.waves[rollout.wave];
  const bool everybody = takes_everybody(rollout);
  return describe_wave(wave) + " waits for the state of " + describe(held) + ": it is " +
         std::string(name_of(held.reach)) + ", and a wave that " +
         (everybody                              ? "takes everybody needs promoted"
          : is_first(rollout.rule, rollout.wave) ? "is the first needs candidate, canary or promoted"
                                                 : "follows the first needs canary or promoted") +
         "; 'musterctl release promote' moves it on";
}

// --- what names a release ---

ReleaseUses Core::uses(const Sha256& manifest) const {
  ReleaseUses found;
  const Handle wanted = fleet_.find(manifest);
  if (wanted == 0) return found;  // rollouts and devices keep what they name
  const auto has = [wanted](const PerPlane<Handle>& handles) {
    return std::find(handles.begin(), handles.end(), wanted) != handles.end();
  };
  for (const auto& [number, rollout] : rollouts_) {
    if (rollout->state == RolloutState::aborted) continue;
    if (has(rollout->target)) {
      found.rollouts.push_back(rollout->name());
      continue;
    }
    // While it is at work, an abort takes devices back to what they ran.
    const auto kept_until_s = rollout->previous_kept_until_s();
    if (!rollout->active() && kept_until_s <= turn_.now_s) continue;
    if (!members_.any(*rollout, [&](const Member& member) { return has(member.prior); })) continue;
    if (rollout->active())
      found.returning.push_back(rollout->name());
    else
      found.keeping.push_back(rollout->name() + " until " + utc_text(kept_until_s) +
                              rollout->lines.cite(Clause::keep_previous_for));
  }
  fleet_.for_each([&](DeviceIndex index) {
    if (!has(fleet_[index].assigned)) return;
    ++found.device_count;
    auto& ids = found.devices;
    const auto id = fleet_.id(index);
    if (ids.size() == uses_shown_max && !(id < ids.back())) return;
    ids.emplace(std::upper_bound(ids.begin(), ids.end(), id), id);
    if (ids.size() > uses_shown_max) ids.pop_back();
  });
  return found;
}

}  // namespace muster::rules
