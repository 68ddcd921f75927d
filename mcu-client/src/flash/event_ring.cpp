#include "mcu-client/src/flash/event_ring.h"

namespace muster::mcu {

namespace {

constexpr std::uint32_t event_size = sizeof(EvidenceEvent);

}  // namespace

int EventRing::read(std::uint32_t at, EvidenceEvent& event) const {
  const int status = flash_.read(area_, at, &event, event_size);
  if (status == err_damaged) return 0;
  if (status < 0) return status;
  return event.crc32 == crc32(&event, event_size - 4) && event.sequence != 0 ? 1 : 0;
}

int EventRing::mount() {
  newest_ = end_ = boot_ = 0;
  EvidenceEvent event;
  for (std::uint32_t at = 0; at < area_.size; at += event_size) {
    const int found = read(at, event);
    if (found < 0) return found;
    if (found == 0) continue;
    if (event.boot > boot_) boot_ = event.boot;
    if (event.sequence <= newest_) continue;
    newest_ = event.sequence;
    end_ = at + event_size;
  }
  // What was cut off behind the newest event may not be programmed again: the next one goes behind that.
  const std::uint32_t unit = flash_.layout().erase_size;
  for (std::uint32_t at = end_; at % unit != 0; at += event_size) {
    const int erased = flash_.is_erased(area_, at, event_size);
    if (erased < 0) return erased;
    if (erased == 0) end_ = at + event_size;
  }
  if (end_ == area_.size) end_ = 0;
  return ok;
}

int EventRing::append(EvidenceEvent& event) {
  const std::uint32_t unit = flash_.layout().erase_size;
  if (end_ % unit == 0) {
    const int status = flash_.erase(area_, end_, unit);
    if (status < 0) return status;
  }
  event.sequence = newest_ + 1;
  event.crc32 = crc32(&event, event_size - 4);
  const int status = flash_.program(area_, end_, &event, event_size);
  // The place is used up also when this failed.
  newest_ = event.sequence;
  end_ += event_size;
  if (end_ == area_.size) end_ = 0;
  return status;
}

int EventRing::next(std::uint32_t& cursor, EvidenceEvent& event) const {
  // Cursors count places from the unit that goes next.
  const std::uint32_t unit = flash_.layout().erase_size;
  const std::uint32_t oldest = (end_ + unit - 1) & ~(unit - 1);
  while (cursor < area_.size) {
    std::uint32_t at = oldest + cursor;
    if (at >= area_.size) at -= area_.size;
    cursor += event_size;
    const int found = read(at, event);
    if (found < 0) return found;
    if (found == 1) return ok;
  }
  return err_not_found;
}

}  // namespace muster::mcu
