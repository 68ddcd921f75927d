#include "broker-plugin/evidence/evidence_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "broker-plugin/blobs/file_io.h"
#include "broker-plugin/blobs/uploads.h"
#include "host/bulk_digest.h"
#include "host/files.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::broker {
namespace {

namespace fs = std::filesystem;
using Refused = tl::unexpected<EvidenceFiles::Refusal>;

constexpr std::string_view part_ending = ".part";

std::uint64_t cost_of(std::uint64_t bytes) {
  constexpr auto block = EvidenceFiles::block;
  return std::max(block, (bytes + block - 1) / block * block);
}

Refused disk_trouble(const std::string& what, int error_number) {
  const auto error = write_error(what, error_number);
  return Refused({error.kind == ErrorKind::no_space ? "no_space" : "io", error.message});
}

// What a file's name says; nothing for a name that is not ours.
struct Name {
  Sha256 bundle;
  std::optional<std::uint64_t> total;  // of an unfinished one
};
std::optional<Name> parse_name(std::string_view text) {
  constexpr std::size_t hex_len = 64;
  Name name;
  if (!parse_hex(text.substr(0, hex_len), name.bundle)) return std::nullopt;
  if (text.size() == hex_len) return name;
  const auto rest = text.substr(hex_len);
  if (rest.size() <= 1 + part_ending.size() || rest.front() != '.' ||
      rest.substr(rest.size() - part_ending.size()) != part_ending)
    return std::nullopt;
  const auto digits = rest.substr(1, rest.size() - 1 - part_ending.size());
  std::uint64_t total = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), total);
  if (wrong != std::errc() || end != digits.data() + digits.size() || total == 0 ||
      total > limits::evidence_bundle_len_max)
    return std::nullopt;
  name.total = total;
  return name;
}

}  // namespace

tl::expected<EvidenceFiles, Error> EvidenceFiles::open(const std::string& data_dir, BlobStore blobs) {
  EvidenceFiles files(data_dir + "/evidence", std::move(blobs));
  if (auto made = host::make_folders(files.folder_); !made) return tl::unexpected(std::move(made.error()));
  if (auto synced = host::sync_folder(data_dir); !synced) return tl::unexpected(std::move(synced.error()));
  std::error_code wrong;
  for (const auto& each : fs::directory_iterator(files.folder_, wrong)) {
    const auto device = each.path().filename().string();
    if (is_id(device) && each.is_directory(wrong)) files.read_folder(device);
  }
  if (wrong) return tl::unexpected(Error{ErrorKind::io, "reading " + files.folder_ + ": " + wrong.message()});
  return files;
}

void EvidenceFiles::read_folder(const std::string& device) {
  std::error_code wrong;
  for (const auto& each : fs::directory_iterator(folder_of(device), wrong)) {
    const auto name = parse_name(each.path().filename().string());
    struct stat found {};
    if (!name || ::stat(each.path().c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    const auto size = static_cast<std::uint64_t>(found.st_size);
    Entry entry;
    entry.complete = !name->total.has_value();
    entry.total = name->total.value_or(size);
    entry.written = entry.durable = size;
    entry.time_s = static_cast<std::uint64_t>(std::max<time_t>(0, found.st_mtime));
    entry.unproven = !entry.complete;
    const EvidenceId id{device, name->bundle};
    const auto known = entries_.find(id);
    // A name beside that of the complete bundle, or one of another length: what a start that was cut off left.
    if (size > entry.total || (known != entries_.end() && !entry.complete)) {
      ::unlink(each.path().c_str());
      continue;
    }
    if (known != entries_.end()) erase(known);
    put_in(*entries_.emplace(id, entry).first);
  }
  // Of several unfinished ones, all but the newest would have been removed next.
  auto newest = entries_.end();
  for (auto at = entries_.lower_bound({device, {}}); at != entries_.end() && at->first.device == device;) {
    const auto each = at++;
    if (each->second.complete) continue;
    if (newest == entries_.end()) {
      newest = each;
      continue;
    }
    const auto older = newest->second.time_s < each->second.time_s ? newest : each;
    if (older == newest) newest = each;
    erase(older);
  }
}

std::string EvidenceFiles::path_of(const EvidenceId& id, const Entry& entry) const {
  const auto path = folder_of(id.device) + "/" + to_hex(id.bundle);
  return entry.complete ? path : path + "." + std::to_string(entry.total) + std::string(part_ending);
}

void EvidenceFiles::take_out(const Entries::value_type& at) {
  const auto& [id, entry] = at;
  order_.erase({!entry.complete, entry.time_s, id});
  numbers_.bytes -= cost_of(entry.written);
  --(entry.complete ? numbers_.bundles : numbers_.unfinished);
}

void EvidenceFiles::put_in(const Entries::value_type& at) {
  const auto& [id, entry] = at;
  order_.insert({!entry.complete, entry.time_s, id});
  numbers_.bytes += cost_of(entry.written);
  ++(entry.complete ? numbers_.bundles : numbers_.unfinished);
}

void EvidenceFiles::erase(Entries::iterator at) {
  take_out(*at);
  ::unlink(path_of(at->first, at->second).c_str());
  if (at->second.recorded) gone_.push_back(at->first);
  const auto device = at->first.device;
  entries_.erase(at);
  const auto next = entries_.lower_bound({device, {}});
  if (next == entries_.end() || next->first.device != device) ::rmdir(folder_of(device).c_str());
}

// The oldest complete bundle first, whoever sent it; then what has been unfinished for longest.
bool EvidenceFiles::make_room(std::uint64_t more, std::uint64_t room, const EvidenceId* but) {
  while (numbers_.bytes + more > room) {
    auto victim = order_.begin();
    if (victim != order_.end() && but != nullptr && std::get<EvidenceId>(*victim) == *but) ++victim;
    if (victim == order_.end()) return false;
    erase(entries_.find(std::get<EvidenceId>(*victim)));
  }
  return true;
}

bool EvidenceFiles::may_begin(const std::string& device, std::uint64_t now_s) {
  const auto [at, added] = beginnings_.try_emplace(device);
  auto& bucket = at->second;
  if (!added && now_s > bucket.refilled_s) {
    bucket.left += static_cast<double>(now_s - bucket.refilled_s) * begun_per_hour_max / 3600;
    bucket.left = std::min<double>(bucket.left, begun_per_hour_max);
  }
  bucket.refilled_s = std::max(now_s, bucket.refilled_s);
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

tl::expected<EvidenceFiles::Entries::iterator, EvidenceFiles::Refusal> EvidenceFiles::begin(const EvidencePiece& piece,
                                                                                            std::uint64_t room) {
  const auto& device = piece.id.device;
  if (!may_begin(device, piece.now_s)) return Refused({"evidence_rate"});
  // What the device had begun before, also this one with another length.
  for (auto at = entries_.lower_bound({device, {}}); at != entries_.end() && at->first.device == device;) {
    const auto each = at++;
    if (!each->second.complete) erase(each);
  }
  if (!make_room(block, room, nullptr)) return Refused({"evidence_full"});
  if (::mkdir(folder_of(device).c_str(), 0755) != 0 && errno != EEXIST)
    return disk_trouble("making " + folder_of(device), errno);
  Entry entry;
  entry.total = piece.total;
  entry.time_s = piece.now_s;
  entry.is_new = true;
  const auto at = entries_.emplace(piece.id, entry).first;
  put_in(*at);
  return at;
}

tl::expected<void, EvidenceFiles::Refusal> EvidenceFiles::put(const EvidencePiece& piece, std::uint64_t room) {
  auto at = entries_.find(piece.id);
  if (at != entries_.end() && at->second.total != piece.total && (at->second.complete || piece.offset != 0))
    return Refused({"malformed"});
  if (at == entries_.end() || at->second.total != piece.total) {
    if (piece.offset != 0) return {};  // a gap: nothing is here
    auto begun = begin(piece, room);
    if (!begun) return Refused(std::move(begun.error()));
    at = *begun;
  }
  auto& entry = at->second;
  if (entry.complete) return {};
  if (entry.unproven) {
    // The device sends on from what was acknowledged, or from before it: that much is good, and the rest comes again.
    if (piece.offset > entry.written) return Refused({"evidence_gap"});
    const auto path = path_of(piece.id, entry);
    if (::truncate(path.c_str(), static_cast<off_t>(piece.offset)) != 0) return disk_trouble("cutting " + path, errno);
    take_out(*at);
    entry.written = entry.durable = piece.offset;
    entry.unproven = false;
    put_in(*at);
  }
  take_out(*at);
  entry.time_s = std::max(entry.time_s, piece.now_s);
  put_in(*at);
  if (piece.offset > entry.written || piece.offset + piece.data.size() <= entry.written) return {};
  const auto known = static_cast<std::size_t>(entry.written - piece.offset);
  return append(at, ByteView(piece.data.data() + known, piece.data.size() - known), room);
}

tl::expected<void, EvidenceFiles::Refusal> EvidenceFiles::append(Entries::iterator at, ByteView data,
                                                                 std::uint64_t room) {
  auto& [id, entry] = *at;
  const auto more = cost_of(entry.written + data.size()) - cost_of(entry.written);
  if (!make_room(more, room, &id)) return Refused({"evidence_full"});
  // The database goes first: a broker that can not write its decisions down stops all rollouts.
  if (blobs_.free_bytes() < data.size() + Uploads::reserve_bytes) return Refused({"no_space"});
  const auto path = path_of(id, entry);
  const File file(path, O_WRONLY | O_CREAT);
  if (file.fd() < 0) return disk_trouble("making " + path, errno);
  if (const int failed = write_all(file.fd(), data, entry.written); failed != 0) {
    // Bytes behind `written` are written over by the next piece, and cut off before the digest is looked at.
    return disk_trouble("writing " + path, failed);
  }
  take_out(*at);
  entry.written += data.size();
  put_in(*at);
  return {};
}

tl::expected<void, EvidenceFiles::Refusal> EvidenceFiles::make_durable(const EvidenceId& id, Entry& entry) {
  const auto path = path_of(id, entry);
  const File file(path, O_WRONLY | O_CREAT);
  if (file.fd() < 0 || ::ftruncate(file.fd(), static_cast<off_t>(entry.written)) != 0 || ::fdatasync(file.fd()) != 0)
    return disk_trouble("storing " + path, errno);
  if (entry.is_new) {
    for (const auto& folder : {folder_of(id.device), folder_}) {
      if (auto synced = host::sync_folder(folder); !synced) return Refused({"io", synced.error().message});
    }
    entry.is_new = false;
  }
  entry.durable = entry.written;
  return {};
}

tl::expected<EvidenceFiles::Settled, EvidenceFiles::Refusal> EvidenceFiles::settle(const EvidenceId& id) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) return Settled{};
  auto& entry = at->second;
  if (!entry.complete) {
    if (entry.written > entry.durable || entry.is_new) {
      if (auto durable = make_durable(id, entry); !durable) {
        // Nobody knows what of the new bytes the disk has; they are asked for again.
        take_out(*at);
        entry.written = entry.durable;
        put_in(*at);
        return Refused(std::move(durable.error()));
      }
    }
    if (entry.durable < entry.total) return Settled{entry.durable};
    const auto held = host::digest_file(path_of(id, entry));
    if (!held) return Refused({"io", held.error().message});
    if (held->sha256 != id.bundle) {
      erase(at);
      return Settled{0, false, 0, "digest_mismatch"};
    }
    if (auto finished = finish(at); !finished) return Refused(std::move(finished.error()));
  }
  return Settled{entry.total, !entry.recorded, entry.time_s};
}

tl::expected<void, EvidenceFiles::Refusal> EvidenceFiles::finish(Entries::iterator at) {
  auto& [id, entry] = *at;
  const auto before = path_of(id, entry);
  auto complete = entry;
  complete.complete = true;
  const auto after = path_of(id, complete);
  if (::rename(before.c_str(), after.c_str()) != 0) return disk_trouble("storing " + after, errno);
  take_out(*at);
  entry = complete;
  put_in(*at);
  if (auto synced = host::sync_folder(folder_of(id.device)); !synced) {
    // Its name may be lost with the next power cut: unfinished, until the name is durable.
    take_out(*at);
    entry.complete = false;
    entry.is_new = true;
    put_in(*at);
    if (::rename(after.c_str(), before.c_str()) != 0) erase(at);
    return Refused({"io", synced.error().message});
  }
  while (drop_oldest_over_count(at)) {
  }
  return {};
}

// More than one may be over when an earlier run was cut off between the name of a bundle and the end of another.
bool EvidenceFiles::drop_oldest_over_count(Entries::iterator but) {
  const auto& device = but->first.device;
  auto oldest = entries_.end();
  std::size_t count = 0;
  for (auto each = entries_.lower_bound({device, {}}); each != entries_.end() && each->first.device == device; ++each) {
    if (!each->second.complete) continue;
    ++count;
    if (each != but && (oldest == entries_.end() || each->second.time_s < oldest->second.time_s)) oldest = each;
  }
  if (count <= complete_per_device_max) return false;
  erase(oldest);
  return true;
}

bool EvidenceFiles::recorded(const EvidenceId& id, std::uint64_t time_s) {
  const auto at = entries_.find(id);
  if (at == entries_.end() || !at->second.complete) return false;
  take_out(*at);
  at->second.recorded = true;
  at->second.time_s = time_s;
  put_in(*at);
  return true;
}

void EvidenceFiles::sweep(std::uint64_t now_s, std::uint64_t room) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto each = at++;
    const auto& entry = each->second;
    if (!entry.complete && entry.time_s + unfinished_age_max_s <= now_s) erase(each);
  }
  (void)make_room(0, room, nullptr);
  std::erase_if(beginnings_, [now_s](const auto& each) { return each.second.refilled_s + 3600 <= now_s; });
}

std::vector<EvidenceBundle> EvidenceFiles::unrecorded() const {
  std::vector<EvidenceBundle> found;
  for (const auto& [id, entry] : entries_) {
    if (entry.complete && !entry.recorded) found.push_back({id, entry.total, entry.written, entry.time_s, true});
  }
  return found;
}

std::vector<EvidenceBundle> EvidenceFiles::list(const std::string& device, const EvidenceId& after,
                                                std::size_t max) const {
  std::vector<EvidenceBundle> found;
  for (auto at = entries_.upper_bound(std::max(after, EvidenceId{device, {}}));
       at != entries_.end() && found.size() < max; ++at) {
    const auto& [id, entry] = *at;
    if (!device.empty() && id.device != device) break;
    found.push_back({id, entry.total, entry.written, entry.time_s, entry.complete});
  }
  return found;
}

tl::expected<EvidenceFiles::Part, Error> EvidenceFiles::read(const EvidenceId& id, std::uint64_t offset,
                                                             std::size_t length) const {
  const auto at = entries_.find(id);
  if (at == entries_.end() || !at->second.complete) {
    return tl::unexpected(Error{ErrorKind::not_found, "no complete bundle " + to_hex(id.bundle).substr(0, 12) +
                                                          "… of " + id.device + " is here; see listEvidence"});
  }
  const auto size = at->second.total;
  if (offset > size) {
    return tl::unexpected(
        Error{ErrorKind::usage, "'offset' lies behind the bundle's end, which is " + std::to_string(size)});
  }
  Part part;
  part.size = size;
  part.data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, size - offset)));
  const auto path = path_of(id, at->second);
  const File file(path, O_RDONLY);
  const int failed = file.fd() < 0 ? errno : read_all(file.fd(), part.data.data(), part.data.size(), offset);
  if (failed != 0) {
    return tl::unexpected(Error{ErrorKind::io, "reading " + path + ": " + std::generic_category().message(failed)});
  }
  return part;
}

}  // namespace muster::broker
