#include "tests/crash/device_disk.h"

#include <filesystem>
#include <system_error>

#include "edge-client/shell/journal.h"
#include "edge-client/shell/slots.h"

namespace muster::crash {

namespace fs = std::filesystem;

namespace {

std::string hex_or_empty(const Sha256& digest) {
  return digest.is_zero() ? std::string() : to_hex(digest);
}

std::string fault_in(const edge::SlotStore& slots, const std::string& what, const Sha256& digest) {
  if (digest.is_zero()) return {};
  const auto checked = slots.check(edge::Plane::model, digest);
  return checked ? std::string() : what + " points to a slot that is not whole: " + checked.error().detail + "; ";
}

std::string litter_in(const std::string& data_dir, const edge::SlotStore& slots) {
  std::string litter;
  std::error_code failed;
  const auto plane = data_dir + "/planes/model";
  for (const auto& entry : fs::directory_iterator(plane + "/slots", failed)) {
    Sha256 digest;
    const auto name = entry.path().filename().string();
    if (!parse_hex(name, digest) || !slots.check(edge::Plane::model, digest)) litter += "half slot " + name + "; ";
  }
  for (const auto& entry : fs::directory_iterator(data_dir + "/spool", failed)) {
    if (entry.path().extension() == ".tmp") litter += "spool " + entry.path().filename().string() + "; ";
  }
  return litter;
}

}  // namespace

bool DeviceDisk::settled_at(std::uint64_t epoch, edge::AttemptPhase phase, const std::string& digest) const {
  return journal && journal->attempt.assignment.epoch == epoch && journal->attempt.phase == phase && active == digest;
}

DeviceDisk look_at(const std::string& data_dir) {
  DeviceDisk disk;
  const edge::SlotStore slots(data_dir);
  const auto links = slots.links(edge::Plane::model);
  disk.active = hex_or_empty(links.active);
  disk.previous = hex_or_empty(links.previous);
  edge::Journal journal(data_dir + "/journal");
  auto loaded = journal.load();
  disk.journal_readable = loaded.has_value();
  if (loaded) {
    disk.journal = std::move(*loaded);
  } else {
    disk.journal_error = loaded.error().message;
    disk.broken += disk.journal_error + "; ";
  }
  if (loaded && !disk.journal && !links.active.is_zero())
    disk.broken += "a release is active but there is no journal; ";
  disk.broken += fault_in(slots, "active", links.active) + fault_in(slots, "previous", links.previous);
  disk.litter = litter_in(data_dir, slots);
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(data_dir + "/planes/model/partial", failed)) {
    disk.downloads += entry.path().filename().string() + "; ";
  }
  return disk;
}

}  // namespace muster::crash
