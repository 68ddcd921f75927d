#include "tests/crash/damage.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <tuple>

#include "tests/e2e/harness/folder.h"

namespace muster::crash {

std::string Damage::text() const {
  if (kind == Kind::cut) return file + " cut to " + std::to_string(at) + " bytes";
  return file + ", byte " + std::to_string(at) + ", bits " + std::to_string(mask);
}

void Damage::do_to(const std::string& folder) const {
  const auto path = folder + "/" + file;
  if (kind == Kind::cut) return e2e::truncate_file(path, at);
  auto bytes = e2e::read_text(path);
  bytes.at(at) = static_cast<char>(static_cast<std::uint8_t>(bytes.at(at)) ^ mask);
  e2e::write_text(path, bytes);
}

std::vector<Damage> damages(const std::string& folder, std::size_t count, std::uint64_t seed) {
  std::vector<std::string> files;
  for (const auto& file : e2e::files_below(folder)) {
    if (e2e::size_of(file) > 0) files.push_back(std::filesystem::path(file).lexically_relative(folder).string());
  }
  std::mt19937_64 random(seed);
  std::shuffle(files.begin(), files.end(), random);
  std::vector<Damage> chosen;
  std::set<std::tuple<std::string, Damage::Kind, std::uint64_t, std::uint8_t>> known;
  for (std::size_t tries = 0; chosen.size() < count && tries < count * 20; ++tries) {
    Damage damage;
    damage.file = files[tries % files.size()];
    const auto size = e2e::size_of(folder + "/" + damage.file);
    damage.kind = random() % 4 == 0 ? Damage::Kind::cut : Damage::Kind::bit;
    damage.at = random() % size;
    if (damage.kind == Damage::Kind::bit) damage.mask = static_cast<std::uint8_t>(1u << (random() % 8));
    if (known.emplace(damage.file, damage.kind, damage.at, damage.mask).second) chosen.push_back(damage);
  }
  return chosen;
}

}  // namespace muster::crash
