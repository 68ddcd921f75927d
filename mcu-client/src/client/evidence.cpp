#include "mcu-client/src/client/evidence.h"

#include <cstring>

#include "trust/sha256.h"

namespace muster::mcu {
namespace {

constexpr std::uint32_t header_size = sizeof(EvidenceBundleHeader);
constexpr std::uint32_t event_size = sizeof(EvidenceEvent);
constexpr std::uint32_t events_max = 0xffff;
constexpr std::uint32_t answer_ms = 10000;  // the broker acknowledges what is durable
constexpr std::uint32_t tries_max = 5;

template <typename Plain>
ByteView bytes_of(const Plain& plain) {
  return {reinterpret_cast<const std::uint8_t*>(&plain), sizeof plain};
}

}  // namespace

void Evidence::note(EventCode code, std::uint64_t boot_id, std::uint64_t now_s, std::uint64_t uptime_ms,
                    std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  EvidenceEvent event;
  event.boot = static_cast<std::uint32_t>(boot_id);
  event.unix_s = static_cast<std::uint32_t>(now_s);
  event.uptime_ms = static_cast<std::uint32_t>(uptime_ms);
  event.code = code;
  event.a = static_cast<std::uint16_t>(a);
  event.b = b;
  event.c = c;
  (void)ring_.append(event);
}

template <typename Each>
bool Evidence::events(std::uint32_t skip, const Each& each) const {
  std::uint32_t cursor = 0;
  EvidenceEvent event;
  bool first = true;
  while (ring_.next(cursor, event) == ok && event.sequence <= last_) {
    if (event.sequence < first_) continue;
    if (first && event.sequence != first_) return false;
    first = false;
    if (skip != 0) {
      --skip;
    } else if (!each(event)) {
      break;
    }
  }
  return !first || first_ > last_;
}

void Evidence::begin_upload(const EvidenceBundleHeader& header) {
  header_ = header;
  std::uint32_t cursor = 0;
  std::uint32_t count = 0;
  EvidenceEvent event;
  first_ = 1;
  last_ = 0;
  for (; count < events_max && ring_.next(cursor, event) == ok; ++count) {
    if (count == 0) first_ = event.sequence;
    last_ = event.sequence;
  }
  header_.event_count = static_cast<std::uint16_t>(count);
  trust::Sha256Stream stream;
  stream.update(bytes_of(header_));
  (void)events(0, [&](const EvidenceEvent& one) {
    stream.update(bytes_of(one));
    return true;
  });
  digest_ = stream.finish();
  total_ = header_size + count * event_size;
  sent_ = acknowledged_ = tries_ = 0;
}

// A piece is the header alone, or as many whole events as fit.
int Evidence::piece(std::uint8_t* to, std::uint32_t capacity, std::uint64_t now_ms, std::uint32_t& offset) {
  if (sent_ != acknowledged_ && now_ms - sent_ms_ >= answer_ms) sent_ = acknowledged_;
  if (total_ == 0 || sent_ != acknowledged_) return err_not_found;
  if (tries_ == tries_max) {
    total_ = 0;
    return err_not_found;
  }
  ++tries_;
  sent_ms_ = now_ms;
  offset = sent_;
  std::uint32_t size = 0;
  if (sent_ == 0) {
    std::memcpy(to, &header_, header_size);
    size = header_size;
  } else {
    const bool there = events((sent_ - header_size) / event_size, [&](const EvidenceEvent& one) {
      if (size + event_size > capacity) return false;
      std::memcpy(to + size, &one, event_size);
      size += event_size;
      return true;
    });
    if (!there || size == 0) {
      begin_upload(header_);
      return err_damaged;
    }
  }
  sent_ += size;
  return static_cast<int>(size);
}

// An offset in the middle of an event comes of a broker that keeps less than it was sent: from the event's start again.
void Evidence::acknowledged(const Sha256& bundle, std::uint64_t offset) {
  if (total_ == 0 || bundle != digest_ || offset > total_) return;
  auto whole = static_cast<std::uint32_t>(offset);
  whole = whole < header_size ? 0 : whole - (whole - header_size) % event_size;
  if (whole > acknowledged_) tries_ = 0;
  acknowledged_ = sent_ = whole;
  if (whole == total_) total_ = 0;
}

}  // namespace muster::mcu
