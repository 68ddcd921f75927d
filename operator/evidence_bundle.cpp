#include "operator/evidence_bundle.h"

#include <bit>
#include <cstring>
#include <string>

namespace muster::ctl {
namespace {

static_assert(std::endian::native == std::endian::little, "bundles are read as they lie");

tl::unexpected<Error> invalid(std::string message) {
  return tl::make_unexpected(Error{ErrorKind::invalid, std::move(message)});
}

}  // namespace

std::uint32_t check_sum_of(const EvidenceEvent& event) {
  std::uint8_t bytes[sizeof event];
  std::memcpy(bytes, &event, sizeof event);
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < offsetof(EvidenceEvent, crc32); ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

std::optional<std::uint64_t> McuBundle::time_of(const EvidenceEvent& event, bool& reckoned) const {
  reckoned = false;
  if (event.unix_s != 0) return event.unix_s;
  const bool same_start = event.boot == static_cast<std::uint32_t>(header.boot_id);
  if (!same_start || header.now_s == 0 || event.uptime_ms > header.uptime_ms) return std::nullopt;
  const std::uint64_t before_s = (header.uptime_ms - event.uptime_ms) / 1000;
  if (before_s >= header.now_s) return std::nullopt;
  reckoned = true;
  return header.now_s - before_s;
}

tl::expected<McuBundle, Error> decode_bundle(ByteView bytes) {
  McuBundle bundle;
  auto& header = bundle.header;
  const EvidenceBundleHeader model;
  if (bytes.size() < sizeof header || std::memcmp(bytes.data(), model.magic, sizeof model.magic) != 0) {
    return invalid("these " + std::to_string(bytes.size()) +
                   " bytes are no bundle of a microcontroller; 'evidence get' writes them to a file for other tools");
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.format != evidence_bundle_format) {
    return invalid("the bundle has format " + std::to_string(header.format) +
                   ", which this musterctl does not know: use the one that came with the device's firmware");
  }
  const auto size = sizeof header + std::size_t{header.event_count} * sizeof(EvidenceEvent);
  if (bytes.size() != size) {
    return invalid("the bundle says that it has " + std::to_string(header.event_count) + " events, which are " +
                   std::to_string(size) + " bytes, and has " + std::to_string(bytes.size()));
  }
  bundle.events.resize(header.event_count);
  const auto* at = bytes.data() + sizeof header;
  for (auto& [event, intact] : bundle.events) {
    std::memcpy(&event, at, sizeof event);
    intact = check_sum_of(event) == event.crc32;
    at += sizeof event;
  }
  return bundle;
}

}  // namespace muster::ctl
