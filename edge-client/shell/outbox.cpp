#include "edge-client/shell/outbox.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "host/files.h"
#include "schemas/limits.h"
#include "trust/sha256.h"

namespace muster::edge {
namespace {

constexpr std::size_t name_len = 16 + 1 + 16;
constexpr std::size_t digest_len = 32;

Bytes with_digest(const Bytes& summary) {
  auto bytes = summary;
  const auto digest = trust::sha256(summary);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  return bytes;
}

// The summary in a spooled file; empty when it is not as it was written.
Bytes summary_in(Bytes bytes) {
  if (bytes.size() <= digest_len) return {};
  const ByteView summary(bytes.data(), bytes.size() - digest_len);
  if (std::memcmp(trust::sha256(summary).bytes.data(), summary.end(), digest_len) != 0) return {};
  bytes.resize(summary.size());
  return bytes;
}

// Sixteen digits each, so that names sort by time.
std::string name_of(std::uint64_t boot_id, std::uint64_t seq) {
  std::array<char, name_len + 1> name{};
  std::snprintf(name.data(), name.size(), "%016llx-%016llx", static_cast<unsigned long long>(boot_id),
                static_cast<unsigned long long>(seq));
  return name.data();
}

}  // namespace

tl::expected<void, Error> HealthOutbox::open() {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return tl::unexpected(Error{ErrorKind::io, "cannot make the folder " + folder_ + ": " + error.message()});
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    auto name = entry.path().filename().string();
    if (name.size() == name_len) {
      spool_.insert(std::move(name));
    } else {
      ::unlink(entry.path().c_str());  // a summary whose writing was cut off
    }
  }
  while (spool_.size() > files_max_) {
    remove(*spool_.begin());
    ++dropped_;
  }
  return {};
}

void HealthOutbox::put(const Bytes& summary, std::uint64_t boot_id, std::uint64_t seq) {
  const auto name = name_of(boot_id, seq);
  if (online_ && spool_.empty() && in_flight_.size() < in_flight_max && send(name, summary)) {
    in_flight_[name].summary = summary;
    return;
  }
  store(name, summary);
  pump();
}

bool HealthOutbox::send(const std::string& name, const Bytes& summary) {
  return send_(summary, [this, name, connection = connection_](bool) {
    if (connection != connection_) return;
    in_flight_.erase(name);
    if (spool_.count(name) != 0) remove(name);
    pump();
  });
}

void HealthOutbox::store(const std::string& name, const Bytes& summary) {
  while (spool_.size() >= files_max_) {
    in_flight_.erase(*spool_.begin());
    remove(*spool_.begin());
    ++dropped_;
  }
  if (!host::write_file_durably(folder_ + "/" + name, with_digest(summary))) {
    ++dropped_;  // a full disk: health is the first thing that may be lost
    return;
  }
  spool_.insert(name);
}

void HealthOutbox::remove(const std::string& name) {
  ::unlink((folder_ + "/" + name).c_str());
  spool_.erase(std::string(name));
}

void HealthOutbox::pump() {
  if (!online_) return;
  for (auto next = spool_.begin(); next != spool_.end() && in_flight_.size() < in_flight_max;) {
    const auto name = *next++;
    if (in_flight_.count(name) != 0) continue;
    auto file = host::read_file(folder_ + "/" + name, limits::health_summary_len_max + digest_len);
    const auto summary = file ? summary_in(std::move(*file)) : Bytes();
    if (summary.empty()) {
      remove(name);
      ++dropped_;
      continue;
    }
    if (!send(name, summary)) return;
    in_flight_[name];
  }
}

void HealthOutbox::set_online(bool online) {
  online_ = online;
  ++connection_;
  if (!online) keep_all();
  pump();
}

void HealthOutbox::keep_all() {
  const auto unacked = std::exchange(in_flight_, {});
  for (const auto& [name, entry] : unacked) {
    if (!entry.summary.empty()) store(name, entry.summary);
  }
}

std::uint64_t HealthOutbox::take_dropped() {
  return std::exchange(dropped_, 0);
}

}  // namespace muster::edge
