#include "rules/engine/needs.h"

#include <algorithm>
#include <string>

#include "rules/engine/facts.h"
#include "rules/engine/record.h"
#include "schemas/limits.h"
#include "schemas/version_order.h"

namespace muster::rules {

namespace {

constexpr std::string_view misfit_names[misfit_count] = {"none",    "class",      "memory",       "accelerators",
                                                         "runtime", "os_version", "prerequisite", "overridden"};

void encode_list(const std::vector<std::string>& texts, ByteWriter& out) {
  out.number(texts.size());
  for (const auto& text : texts) out.text(text);
}

void decode_list(ByteReader& in, std::size_t count_max, std::vector<std::string>& texts) {
  const auto count = in.number_max(count_max);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) texts.emplace_back(in.text(limits::id_len_max));
}

template <typename Items>
bool lists(const Items& items, std::size_t count, std::string_view wanted) {
  return std::find(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count), wanted) !=
         items.begin() + static_cast<std::ptrdiff_t>(count);
}

bool one_of(const std::vector<std::string>& wanted, std::string_view has) {
  return wanted.empty() || lists(wanted, wanted.size(), has);
}

std::string join(const std::vector<std::string>& texts, std::string_view between) {
  std::string joined;
  for (const auto& text : texts) joined.append(joined.empty() ? std::string_view() : between).append(text);
  return joined;
}

// Nothing where all of them are there.
const std::string* missing_accelerator(const Needs& needs, const FactsView& facts) {
  const auto missing = std::find_if(needs.accelerators.begin(), needs.accelerators.end(), [&](const auto& wanted) {
    return !lists(facts.accelerators, facts.accelerator_count, wanted);
  });
  return missing == needs.accelerators.end() ? nullptr : &*missing;
}

bool runs_at_least(std::string_view version, const std::string& least) {
  return !version.empty() && compare_versions(version, least) >= 0;
}

// The first plane whose version is too low; plane_count when there is none.
std::size_t unmet_plane(const Needs& needs, const VersionsView& versions,
                        const std::array<bool, plane_count>& governed) {
  std::size_t plane = 0;
  while (plane < plane_count && (governed[plane] || needs.version_min[plane].empty() ||
                                 runs_at_least(versions[plane], needs.version_min[plane]))) {
    ++plane;
  }
  return plane;
}

std::string or_unsaid(std::string_view has) {
  return has.empty() ? "it does not say what it has" : "it has " + std::string(has);
}

}  // namespace

std::string_view name_of(Misfit misfit) {
  return misfit_names[static_cast<std::size_t>(misfit)];
}

bool Needs::any() const {
  return !classes.empty() || !os_versions.empty() || !accelerators.empty() || !runtime.empty() || memory_mb_min != 0 ||
         std::any_of(version_min.begin(), version_min.end(), [](const auto& version) { return !version.empty(); });
}

void encode(const Needs& needs, ByteWriter& out) {
  encode_list(needs.classes, out);
  encode_list(needs.os_versions, out);
  encode_list(needs.accelerators, out);
  out.text(needs.runtime);
  out.number(needs.memory_mb_min);
  for (const auto& version : needs.version_min) out.text(version);
}

bool decode(ByteReader& in, Needs& needs) {
  decode_list(in, limits::classes_max, needs.classes);
  decode_list(in, limits::classes_max, needs.os_versions);
  decode_list(in, limits::accelerators_max, needs.accelerators);
  needs.runtime = in.text(limits::attribute_len_max);
  needs.memory_mb_min = in.number32();
  for (auto& version : needs.version_min) version = in.text(limits::version_len_max);
  return in.ok();
}

Misfit misfit_of(const Needs& needs, const FactsView& facts, const VersionsView& versions,
                 const std::array<bool, plane_count>& governed) {
  if (!one_of(needs.classes, facts.device_class)) return Misfit::device_class;
  if (facts.memory_mb < needs.memory_mb_min) return Misfit::memory;
  if (missing_accelerator(needs, facts) != nullptr) return Misfit::accelerators;
  if (!needs.runtime.empty() && !lists(facts.runtimes, facts.runtime_count, needs.runtime)) return Misfit::runtime;
  if (!one_of(needs.os_versions, facts.os_version)) return Misfit::os_version;
  return unmet_plane(needs, versions, governed) == plane_count ? Misfit::none : Misfit::prerequisite;
}

std::string describe_misfit(std::string_view release, const Needs& needs, const FactsView& facts,
                            const VersionsView& versions, const std::array<bool, plane_count>& governed) {
  const std::string name(release);
  switch (misfit_of(needs, facts, versions, governed)) {
    case Misfit::none:
    case Misfit::overridden:  // which no manifest asks for
      return {};
    case Misfit::device_class:
      return name + " is made for class " + join(needs.classes, " or ") + ", and its class is " +
             std::string(facts.device_class);
    case Misfit::memory:
      return name + " needs " + std::to_string(needs.memory_mb_min) + " MiB of memory, and " +
             (facts.memory_mb == 0 ? std::string("it does not say what it has")
                                   : "it has " + std::to_string(facts.memory_mb));
    case Misfit::accelerators:
      return name + " needs the accelerator " + *missing_accelerator(needs, facts) + ", which it lacks";
    case Misfit::runtime: {
      std::vector<std::string> has(facts.runtimes.begin(), facts.runtimes.begin() + facts.runtime_count);
      return name + " needs the runtime " + needs.runtime + ", and " + or_unsaid(join(has, ", "));
    }
    case Misfit::os_version:
      return name + " is made for os_version " + join(needs.os_versions, " or ") + ", and " +
             or_unsaid(facts.os_version);
    case Misfit::prerequisite:
      break;
  }
  const auto plane = unmet_plane(needs, versions, governed);
  return name + " needs " + std::string(name_of(static_cast<Plane>(plane))) + " >= " + needs.version_min[plane] +
         ", and " +
         (versions[plane].empty() ? "it names none that it runs" : "it runs " + std::string(versions[plane]));
}

}  // namespace muster::rules
