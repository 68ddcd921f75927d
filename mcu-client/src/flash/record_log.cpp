#include "mcu-client/src/flash/record_log.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace muster::mcu {

namespace {

constexpr std::uint32_t step_size = 64;  // programmed, copied or looked at at once; whole program units

}  // namespace

// Of a record in the flash, filled up to the program size.
std::uint32_t RecordLog::space_of(std::uint16_t length) const {
  const std::uint32_t unit = flash_.layout().program_size;
  const std::uint32_t size = static_cast<std::uint32_t>(sizeof(Record)) + (length == removed ? 0u : length);
  return (size + unit - 1) & ~(unit - 1);
}

RecordLog::Record RecordLog::record_of(std::uint8_t key, const void* from, std::uint16_t length) {
  Record record{key, 0xff, length, 0};
  record.crc32 = crc32(from, length == removed ? 0 : length, crc32(&record, sizeof record - 4));
  return record;
}

int RecordLog::mount() {
  mounted_ = find_bank();
  return mounted_;
}

// Takes the valid bank with the larger generation. A header that does not count is one of generation 0.
int RecordLog::find_bank() {
  Head heads[2] = {};
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::uint32_t at = i * bank_size();
    Record record;
    int status = check(at, at + bank_size(), record);
    if (status == ok && record.key == head_key && record.length == sizeof(Head))
      status = flash_.read(area_, at + static_cast<std::uint32_t>(sizeof record), &heads[i], sizeof heads[i]);
    if (status < 0 && status != err_damaged) return status;
  }
  std::uint32_t better = heads[1].generation > heads[0].generation ? 1 : 0;
  generation_ = heads[better].generation;
  for (int tries = 0; tries < 2; ++tries, better ^= 1) {
    bank_ = better * bank_size();
    const int status = scan(heads[better].generation == 0 ? UINT32_MAX : heads[better].copied);
    if (status != err_damaged) return status;
  }
  // Neither is valid: what lies here is nothing of ours, and only an erasure makes room.
  std::memset(newest_, 0, sizeof newest_);
  sealed_ = true;
  return ok;
}

// Finds the records of the bank, the first of which is its header. err_damaged when not all are there that it promises.
int RecordLog::scan(std::uint32_t copied) {
  std::memset(newest_, 0, sizeof newest_);
  const std::uint32_t limit = bank_ + bank_size();
  end_ = bank_;
  Record record;
  int status;
  while ((status = check(end_, limit, record)) == ok) {
    newest_[record.key] = record.length == removed ? 0 : end_;
    end_ += space_of(record.length);
  }
  if (status != err_damaged || end_ - bank_ < copied) return status;
  const int erased = flash_.is_erased(area_, end_, limit - end_);
  sealed_ = erased == 0;
  return erased < 0 ? erased : ok;
}

// ok when there is a whole record at `at` that ends by `limit`, else err_damaged, or what the port says.
int RecordLog::check(std::uint32_t at, std::uint32_t limit, Record& record) const {
  if (limit - at < sizeof record) return err_damaged;
  int status = flash_.read(area_, at, &record, sizeof record);
  if (status < 0) return status;
  std::uint32_t left = record.length == removed ? 0 : record.length;
  at += sizeof record;
  if (record.key > head_key || record.filler != 0xff || limit - at < left) return err_damaged;
  std::uint32_t sum = crc32(&record, sizeof record - 4);
  std::uint8_t step[step_size];
  while (left != 0) {
    const std::uint32_t count = std::min(left, step_size);
    status = flash_.read(area_, at, step, count);
    if (status < 0) return status;
    sum = crc32(step, count, sum);
    at += count;
    left -= count;
  }
  return sum == record.crc32 ? ok : err_damaged;
}

int RecordLog::find(std::uint8_t key, Record& record) const {
  assert(key < keys_max);
  if (mounted_ != ok) return mounted_;
  return newest_[key] == 0 ? err_not_found : check(newest_[key], bank_ + bank_size(), record);
}

int RecordLog::read(std::uint8_t key, void* to, std::uint32_t capacity) const {
  Record record;
  int status = find(key, record);
  if (status < 0) return status;
  if (record.length > capacity) return err_too_long;
  status = flash_.read(area_, newest_[key] + static_cast<std::uint32_t>(sizeof record), to, record.length);
  return status < 0 ? status : record.length;
}

int RecordLog::read_part(std::uint8_t key, std::uint32_t from, void* to, std::uint32_t size) const {
  assert(key < keys_max);
  if (mounted_ != ok) return mounted_;
  if (newest_[key] == 0) return err_not_found;
  Record record;
  const int status = flash_.read(area_, newest_[key], &record, sizeof record);
  if (status < 0) return status;
  if (from > record.length || size > record.length - from) return err_bounds;
  return flash_.read(area_, newest_[key] + static_cast<std::uint32_t>(sizeof record) + from, to, size);
}

// Whether the record of `key` is these bytes already.
bool RecordLog::holds(std::uint8_t key, const void* from, std::uint32_t size) const {
  Record record;
  if (find(key, record) != ok || record.length != size) return false;
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  std::uint32_t at = newest_[key] + static_cast<std::uint32_t>(sizeof record);
  std::uint8_t step[step_size];
  while (size != 0) {
    const std::uint32_t count = std::min(size, step_size);
    if (flash_.read(area_, at, step, count) != ok || std::memcmp(step, bytes, count) != 0) return false;
    at += count;
    bytes += count;
    size -= count;
  }
  return true;
}

int RecordLog::write(std::uint8_t key, const void* from, std::uint32_t size) {
  assert(key < keys_max);
  if (size >= removed) return err_no_space;
  return holds(key, from, size) ? ok : change(key, from, static_cast<std::uint16_t>(size));
}

int RecordLog::remove(std::uint8_t key) {
  assert(key < keys_max);
  return mounted_ == ok && newest_[key] == 0 ? ok : change(key, nullptr, removed);
}

int RecordLog::change(std::uint8_t key, const void* from, std::uint16_t length) {
  if (mounted_ != ok) return mounted_;
  const Record record = record_of(key, from, length);
  if (space_of(length) <= free_bytes() && append(record, from) == ok) return ok;
  return move(&record, from);
}

int RecordLog::duplicate() {
  return mounted_ == ok ? move(nullptr, nullptr) : mounted_;
}

std::uint32_t RecordLog::free_bytes() const {
  return sealed_ ? 0 : bank_ + bank_size() - end_;
}

// Writes the record at `at`, by steps. Its data is at `from`, or behind the record at `source` in the area when that is
// null.
int RecordLog::put(std::uint32_t at, const Record& record, const void* from, std::uint32_t source) const {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  std::uint32_t left = record.length == removed ? 0 : record.length;
  std::uint8_t step[step_size];
  std::uint32_t filled = sizeof record;
  std::memcpy(step, &record, sizeof record);
  source += filled;
  do {
    const std::uint32_t count = std::min(left, step_size - filled);
    int status = ok;
    if (bytes == nullptr) {
      status = flash_.read(area_, source, step + filled, count);
      source += count;
    } else {
      std::memcpy(step + filled, bytes, count);
      bytes += count;
    }
    if (status == ok) status = flash_.program(area_, at, step, filled + count);
    if (status < 0) return status;
    at += step_size;
    left -= count;
    filled = 0;
  } while (left != 0);
  return ok;
}

int RecordLog::append(const Record& record, const void* from) {
  int status = put(end_, record, from, 0);
  Record written;
  if (status == ok) status = check(end_, bank_ + bank_size(), written);
  sealed_ = status != ok;
  if (sealed_) return status;
  newest_[record.key] = record.length == removed ? 0 : end_;
  end_ += space_of(record.length);
  return ok;
}

// Copies the newest records into the other bank, `replacing` (may be null) in place of its key's, and lets that bank
// count.
int RecordLog::move(const Record* replacing, const void* from) {
  const std::uint32_t begin = bank_size() - bank_;
  Head head{generation_ + 1, 0};
  // Twice the same way: first to see that all of it fits, then to do it.
  for (int pass = 0; pass < 2; ++pass) {
    int status = pass == 0 ? ok : flash_.erase(area_, begin, bank_size());
    head.copied = space_of(sizeof head);
    for (std::uint8_t key = 0; key < keys_max; ++key) {
      const bool replaced = replacing != nullptr && replacing->key == key;
      Record record;
      if (replaced) {
        record = *replacing;
        if (record.length == removed) continue;
      } else {
        if (newest_[key] == 0) continue;
        if (status == ok) status = flash_.read(area_, newest_[key], &record, sizeof record);
      }
      if (status < 0) return status;
      const std::uint32_t space = space_of(record.length);
      if (space > bank_size() - head.copied) return err_no_space;
      if (pass != 0) status = put(begin + head.copied, record, replaced ? from : nullptr, newest_[key]);
      head.copied += space;
    }
    if (status < 0) return status;
  }
  // What counts now is what the flash says, also when the port says that this failed: a header may be there all the
  // same.
  const int status = put(begin, record_of(head_key, &head, sizeof head), &head, 0);
  if (mount() < 0) return mounted_;
  if (bank_ == begin && generation_ == head.generation) return ok;
  sealed_ = true;
  return status < 0 ? status : err_damaged;
}

}  // namespace muster::mcu
