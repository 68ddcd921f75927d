#include "tests/sim/catalogue.h"

#include <cassert>
#include <cstring>
#include <functional>

#include "rules/condition/compile.h"

namespace muster::sim {

namespace {

constexpr std::uint32_t versions_max = 6;

Sha256 digest_of(std::uint64_t number) {
  Random random(number);
  Sha256 digest;
  for (auto& byte : digest.bytes) byte = static_cast<std::uint8_t>(random.below(256));
  return digest;
}

// The same on every machine, unlike std::hash.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

Bytes policy_condition(std::string_view text) {
  auto compiled = rules::compile_condition(text, rules::recovery_vocabulary());
  assert(compiled.ok());
  return std::move(compiled.program);
}

void add_policy(edge::ReleaseInfo& info, Random& random) {
  using edge::RecoveryAction;
  const auto add = [&](const char* condition, RecoveryAction action) {
    if (random.percent(75)) info.recovery.push_back({policy_condition(condition), action, condition});
  };
  add("crash_loop_count > 3", RecoveryAction::rollback_release);
  add("camera_timeout_secs > 5", RecoveryAction::restart_ingest_pipeline);
  add("gpu_oom_count > 2", RecoveryAction::switch_to_degraded_model);
  add("inference_p99_ms > 200", RecoveryAction::drop_to_safe_mode);
}

// What devices come with waits for nothing. Taken from the digest: nothing else is drawn differently for it.
void add_conditions(edge::ReleaseInfo& info) {
  const auto& bytes = info.manifest.bytes;
  const auto condition = [](std::uint8_t byte) {
    const auto text = "charge >= " + std::to_string(20 + byte % 70);
    return edge::WaitCondition{policy_condition(text), text};
  };
  if (bytes[1] % 3 == 0) info.fetch_when = condition(bytes[2]);
  if (bytes[3] % 2 == 0) info.swap_when = condition(bytes[4]);
  info.wait_max_s = 60u + 10u * bytes[5];
}

}  // namespace

std::string short_name(const Sha256& digest) {
  return digest.is_zero() ? "empty" : to_hex(digest).substr(0, 6);
}

Catalogue::Catalogue(const Options& options, Random random) {
  for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
    for (std::uint32_t version = 1; version <= versions_max; ++version) {
      add(options, random, static_cast<rules::Plane>(plane), version);
    }
  }
  if (!options.guardrails) return;
  for (std::size_t plane = 0; plane < rules::plane_count; ++plane) add_harm(random, static_cast<rules::Plane>(plane));
}

void Catalogue::add_harm(Random& random, rules::Plane plane) {
  for (const auto& manifest : of(plane)) {
    auto& quality = qualities_[manifest];
    if (manifest == of(plane).front() || !random.percent(60)) continue;
    if (random.percent(60)) quality.flaw = Flaw::none;  // nothing but a guardrail finds it then
    for (auto more = 1 + random.below(4); more > 0; --more) quality.harms.add(static_cast<Harm>(random.below(6)));
    if (random.percent(8)) quality.harms.add(Harm::silent);
    quality.harm_percent = random.percent(60) ? 100 : 1 + random.below(60);
    quality.harm_salt = random.next();
    if (random.percent(40)) quality.harm_region = random.percent(60) ? "eu" : "us";
  }
}

void Catalogue::add(const Options& options, Random& random, rules::Plane plane, std::uint32_t version) {
  static const std::array<const char*, rules::plane_count> names = {"os", "reader", "sorter"};
  Release release;
  auto& known = release.known;
  known.plane = plane;
  known.name = names[static_cast<std::size_t>(plane)];
  known.version = std::to_string(version);
  known.manifest = digest_of(random.next());
  known.security_version = random.percent(60) ? 1 + version / 2 : 1 + version / 4;
  auto& info = release.info;
  info.manifest = known.manifest;
  info.plane = edge_plane(plane);
  info.name = known.name;
  info.version = known.version;
  info.security_version = known.security_version;
  info.bytes_total = 1000 + random.below(100'000);
  if (options.restrictions && version > 1) {
    if (random.percent(15)) info.classes = {"rk3566"};
    if (random.percent(10)) info.memory_mb_min = 1024;
    if (plane == rules::Plane::config && random.percent(30)) info.needs = {{edge::Plane::model, "2"}};
  }
  if (random.percent(80)) {
    edge::ProbeSpec probe;
    probe.target = "golden-replay";
    info.probes = {probe};
  }
  if (plane == rules::Plane::config && options.recovery) add_policy(info, random);
  known.shadow = options.shadows && random.percent(80);
  if (known.shadow) info.shadow = "run-beside";
  if (options.conditions && version > 1) add_conditions(info);
  Quality quality;
  // Version 1 is what devices come with: it works.
  if (options.bad_releases && version > 1 && random.percent(45)) {
    quality.flaw = static_cast<Flaw>(1 + random.below(5));
    quality.percent = random.percent(40) ? 100 : 1 + random.below(60);
    quality.salt = random.next();
  }
  qualities_[known.manifest] = quality;
  by_plane_[static_cast<std::size_t>(plane)].push_back(known.manifest);
  releases_.emplace(known.manifest, std::move(release));
}

std::size_t Catalogue::FirstBytes::operator()(const Sha256& digest) const {
  std::size_t value = 0;
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}

Flaw Catalogue::flaw(const Sha256& manifest, const std::string& device) const {
  const auto found = qualities_.find(manifest);
  if (found == qualities_.end() || found->second.flaw == Flaw::none) return Flaw::none;
  const bool hit = Random::mix(hash_of(device) ^ found->second.salt) % 100 < found->second.percent;
  return hit ? found->second.flaw : Flaw::none;
}

Harms Catalogue::harms(const Sha256& manifest, const std::string& device, const std::string& region) const {
  const auto found = qualities_.find(manifest);
  if (found == qualities_.end() || found->second.harms.none()) return {};
  const auto& quality = found->second;
  if (!quality.harm_region.empty() && quality.harm_region != region) return {};
  return Random::mix(hash_of(device) ^ quality.harm_salt) % 100 < quality.harm_percent ? quality.harms : Harms();
}

}  // namespace muster::sim
