// A few records by key in NOR flash, safe against power cuts: a write either took place whole or not at all, and the
// record before it is found again. The area is two banks of equal size; records are appended to one until it is full,
// then the newest of each key are copied to the other, which takes over by its header, written last. Freestanding C++17,
// no allocation; one owner at a time, the client's thread (or the bootloader).
//
//   bank    header · records …
//   header  a record of key 32: generation u32, copied u32: where the records end that were there before the header
//   record  key u8, 0xff, length u16, crc32 of these and the data · data      each filled up to the program size
//
// The valid bank with the larger generation counts. A bank whose copied records do not all read is not valid: an erasure that
// was cut off can leave a header. The first record that is not valid ends the reading of a bank: what follows was cut off in
// its own write, and the next one moves to the other bank ("sealed"). A bank is never written behind such a place. A removed
// record is one of length 0xffff without data. What is written is read back, so that a bank with worn cells is left too.
//
// One damaged bank costs at most what was written since it was moved to; duplicate() makes that nothing. An area of which both
// banks are damaged is an empty log.
#pragma once

#include <cstdint>

#include "mcu-client/src/flash/flash.h"

namespace muster::mcu {

class RecordLog {
 public:
  static constexpr std::uint32_t keys_max = 32;  // keys are 0 to 31

  RecordLog(const Flash& flash, const Area& area) : flash_(flash), area_(area) {}

  // Reads the area once; an area that was never written (or whose first write was cut off) is an empty log. Call it before
  // anything else. ok, or what the port says.
  [[nodiscard]] int mount();
  // Size of the newest record of `key`, at most `capacity` bytes of which are copied to `to`. err_not_found when there is none,
  // err_too_long when it is longer (nothing is copied), err_damaged when the flash changed under us.
  [[nodiscard]] int read(std::uint8_t key, void* to, std::uint32_t capacity) const;
  // Part of it, [from, from + size), without a look at its check sum: for records that are too long for the stack. ok,
  // err_not_found, or err_bounds when the record is shorter.
  [[nodiscard]] int read_part(std::uint8_t key, std::uint32_t from, void* to, std::uint32_t size) const;
  // Durable when this returns ok. A write of what is there already does nothing. err_no_space when the newest records of all
  // keys do not fit into a bank together; nothing has changed then.
  [[nodiscard]] int write(std::uint8_t key, const void* from, std::uint32_t size);
  // Afterwards there is no such record. ok also when there was none.
  [[nodiscard]] int remove(std::uint8_t key);
  // Moves to the other bank now: afterwards both hold the newest records. For what must outlive the damage of one.
  [[nodiscard]] int duplicate();
  // Bytes that the bank has left before the log moves to the other one.
  [[nodiscard]] std::uint32_t free_bytes() const;

 private:
  static constexpr std::uint16_t removed = 0xffff;       // as a length
  static constexpr std::uint8_t head_key = keys_max;
  struct Record {
    std::uint8_t key, filler;
    std::uint16_t length;
    std::uint32_t crc32;
  };
  struct Head {
    std::uint32_t generation, copied;
  };
  const Flash& flash_;
  const Area area_;
  int mounted_ = err_io;          // what mount() returned: nothing is read or written before it went well
  std::uint32_t generation_ = 0;  // the largest that was seen; 0: no bank has a valid header yet
  std::uint32_t bank_ = 0;        // where the bank starts in the area
  std::uint32_t end_ = 0;         // where the next record goes, in the area
  bool sealed_ = false;           // nothing may be written at `end_`
  std::uint32_t newest_[keys_max + 1] = {};  // where each key's record is in the area; 0: none

  [[nodiscard]] std::uint32_t bank_size() const { return area_.size / 2; }
  [[nodiscard]] std::uint32_t space_of(std::uint16_t length) const;
  [[nodiscard]] int find_bank();
  [[nodiscard]] int scan(std::uint32_t copied);
  [[nodiscard]] int check(std::uint32_t at, std::uint32_t limit, Record& record) const;
  [[nodiscard]] int find(std::uint8_t key, Record& record) const;
  [[nodiscard]] bool holds(std::uint8_t key, const void* from, std::uint32_t size) const;
  [[nodiscard]] int put(std::uint32_t at, const Record& record, const void* from, std::uint32_t source) const;
  [[nodiscard]] int append(const Record& record, const void* from);
  [[nodiscard]] int move(const Record* replacing, const void* from);
  [[nodiscard]] int change(std::uint8_t key, const void* from, std::uint16_t length);
  [[nodiscard]] static Record record_of(std::uint8_t key, const void* from, std::uint16_t length);
};

}  // namespace muster::mcu
