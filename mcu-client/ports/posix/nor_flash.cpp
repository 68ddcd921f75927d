#include "mcu-client/ports/posix/nor_flash.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace muster::mcu {

NorFlash::NorFlash(const NorShape& shape) : shape_(shape) {
  bytes_ = static_cast<std::uint8_t*>(std::malloc(shape.size));
  if (bytes_ != nullptr) std::memset(bytes_, 0xff, shape.size);
  make_tables();
}

NorFlash::NorFlash(const NorShape& shape, const char* path) : shape_(shape) {
  file_ = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct stat found {};
  if (file_ < 0 || ::fstat(file_, &found) != 0) return;
  const auto old_size = static_cast<std::uint64_t>(found.st_size);
  if (old_size > shape.size || (old_size < shape.size && ::ftruncate(file_, shape.size) != 0)) return;
  void* mapped = ::mmap(nullptr, shape.size, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (mapped == MAP_FAILED) return;
  bytes_ = static_cast<std::uint8_t*>(mapped);
  std::memset(bytes_ + old_size, 0xff, shape.size - old_size);
  make_tables();
}

NorFlash::~NorFlash() {
  if (file_ < 0) {
    std::free(bytes_);
  } else {
    if (bytes_ != nullptr) ::munmap(bytes_, shape_.size);
    ::close(file_);
  }
  std::free(units_);
  std::free(wear_);
}

void NorFlash::make_tables() {
  units_ = static_cast<Unit*>(std::calloc(shape_.size / shape_.program_size, sizeof(Unit)));
  wear_ = static_cast<std::uint32_t*>(std::calloc(shape_.size / shape_.erase_size, sizeof *wear_));
  check(bytes_ != nullptr && units_ != nullptr && wear_ != nullptr, "no memory", 0, shape_.size);
  note(0, shape_.size);
}

// Takes what the units hold for what they are.
void NorFlash::note(std::uint32_t offset, std::uint32_t size) {
  const std::uint32_t unit = shape_.program_size;
  for (std::uint32_t at = offset / unit * unit; at < offset + size; at += unit) {
    const auto* begin = bytes_ + at;
    const bool erased = std::all_of(begin, begin + unit, [](std::uint8_t byte) { return byte == 0xff; });
    units_[at / unit] = erased ? Unit::erased : Unit::programmed;
  }
}

void NorFlash::check(bool good, const char* what, std::uint32_t offset, std::uint32_t size) const {
  if (good) return;
  std::fprintf(stderr, "nor flash: %s: offset %u, %u bytes\n", what, offset, size);
  std::abort();
}

int NorFlash::read(std::uint32_t offset, void* to, std::uint32_t size) const {
  check(offset <= shape_.size && size <= shape_.size - offset, "read out of bounds", offset, size);
  if (!powered_) return err_io;
  const std::uint32_t unit = shape_.program_size;
  for (std::uint32_t at = offset / unit * unit; at < offset + size; at += unit) {
    if (units_[at / unit] == Unit::unreadable) return err_damaged;
  }
  std::memcpy(to, bytes_ + offset, size);
  return 0;
}

// Counts an operation: 0 when it takes place, `cut` saying whether only partly.
int NorFlash::begin(bool& cut) {
  cut = operations() == cut_at_;
  if (cut) powered_ = false;
  return operations() == fail_at_ ? err_io : 0;
}

int NorFlash::program(std::uint32_t offset, const void* from, std::uint32_t size) {
  const std::uint32_t unit = shape_.program_size;
  check(offset <= shape_.size && size <= shape_.size - offset, "program out of bounds", offset, size);
  check(size != 0 && offset % unit == 0 && size % unit == 0, "program off the boundaries", offset, size);
  if (!powered_) return err_io;
  for (std::uint32_t at = offset; at < offset + size; at += unit) {
    check(units_[at / unit] != Unit::programmed, "program of a unit that is not erased", at, size);
    check(units_[at / unit] == Unit::erased, "program of a unit whose erasure was cut off", at, size);
  }
  ++programs_;
  bool cut = false;
  const int status = begin(cut);
  if (status < 0) return status;
  const auto* wanted = static_cast<const std::uint8_t*>(from);
  if (cut) {
    tear(offset, wanted, size);
    return err_io;
  }
  std::memcpy(bytes_ + offset, wanted, size);
  std::fill(units_ + offset / unit, units_ + (offset + size) / unit, Unit::programmed);
  return 0;
}

int NorFlash::erase(std::uint32_t offset, std::uint32_t size) {
  const std::uint32_t unit = shape_.erase_size;
  check(offset <= shape_.size && size <= shape_.size - offset, "erase out of bounds", offset, size);
  check(size != 0 && offset % unit == 0 && size % unit == 0, "erase off the boundaries", offset, size);
  if (!powered_) return err_io;
  ++erases_;
  for (std::uint32_t at = offset; at < offset + size; at += unit) ++wear_[at / unit];
  bool cut = false;
  const int status = begin(cut);
  if (status < 0) return status;
  Unit* first = units_ + offset / shape_.program_size;
  Unit* last = units_ + (offset + size) / shape_.program_size;
  if (cut) {
    tear(offset, nullptr, size);
    // Whatever it reads as, only an erasure that comes to its end makes it fit to be programmed.
    std::replace(first, last, Unit::erased, Unit::spoiled);
    return err_io;
  }
  std::memset(bytes_ + offset, 0xff, size);
  std::fill(first, last, Unit::erased);
  return 0;
}

void NorFlash::attach(Port& port) {
  port.context = this;
  port.flash_read = [](void* flash, std::uint32_t offset, void* to, std::uint32_t size) {
    return static_cast<NorFlash*>(flash)->read(offset, to, size);
  };
  port.flash_program = [](void* flash, std::uint32_t offset, const void* from, std::uint32_t size) {
    return static_cast<NorFlash*>(flash)->program(offset, from, size);
  };
  port.flash_erase = [](void* flash, std::uint32_t offset, std::uint32_t size) {
    return static_cast<NorFlash*>(flash)->erase(offset, size);
  };
}

void NorFlash::cut_power_at(std::uint64_t n, std::uint64_t seed) {
  cut_at_ = operations() + n;
  seed_ = seed;
}

void NorFlash::power_on() {
  powered_ = true;
  cut_at_ = 0;
}

// splitmix64.
std::uint64_t NorFlash::chance() {
  std::uint64_t z = seed_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// A program of `wanted` (null: an erasure) that is cut off. Each way may also be so between two places only, and around
// them all is as it was.
void NorFlash::tear(std::uint32_t offset, const std::uint8_t* wanted, std::uint32_t size) {
  enum Way { nothing, all, up_to, some_bits, some_bytes, at_random, unreadable, ways };
  const auto way = static_cast<Way>(chance() % ways);
  std::uint32_t end = size;
  if (way == nothing) end = 0;
  if (way != all && (way == up_to || chance() % 2 == 0)) end = static_cast<std::uint32_t>(chance() % (size + 1));
  const auto start =
      way != all && way != up_to && chance() % 4 == 0 ? static_cast<std::uint32_t>(chance() % (end + 1)) : 0;
  for (std::uint32_t i = start; i < end; ++i) {
    std::uint8_t& byte = bytes_[offset + i];
    const std::uint8_t is_to_be = wanted == nullptr ? std::uint8_t{0xff} : wanted[i];
    const std::uint64_t dice = chance();
    // The bits that differ, each at its new value or its old one.
    const auto changed = static_cast<std::uint8_t>((byte ^ is_to_be) & (dice >> 8));
    if (way == all || way == up_to) byte = is_to_be;
    if (way == some_bits) byte = static_cast<std::uint8_t>(byte ^ changed);
    if (way == some_bytes && dice % 2 == 0) byte = is_to_be;
    if (way == at_random || way == unreadable) byte = static_cast<std::uint8_t>(dice);
  }
  note(offset, size);
  if (way != unreadable || end == 0) return;
  const std::uint32_t unit = shape_.program_size;
  const std::uint32_t last = (offset + end - 1) / unit;
  units_[offset / unit + chance() % (last - offset / unit + 1)] = Unit::unreadable;
}

void NorFlash::set(std::uint32_t offset, const void* from, std::uint32_t size) {
  check(offset <= shape_.size && size <= shape_.size - offset, "set out of bounds", offset, size);
  std::memcpy(bytes_ + offset, from, size);
  note(offset, size);
}

void NorFlash::fill_at_random(std::uint32_t offset, std::uint32_t size, std::uint64_t seed) {
  check(offset <= shape_.size && size <= shape_.size - offset, "fill out of bounds", offset, size);
  seed_ = seed;
  for (std::uint32_t i = 0; i < size; ++i) bytes_[offset + i] = static_cast<std::uint8_t>(chance());
  note(offset, size);
}

void NorFlash::copy_from(const NorFlash& other) {
  check(shape_.size == other.shape_.size && shape_.program_size == other.shape_.program_size &&
            shape_.erase_size == other.shape_.erase_size,
        "copied from another shape", 0, other.shape_.size);
  std::memcpy(bytes_, other.bytes_, shape_.size);
  std::memcpy(units_, other.units_, shape_.size / shape_.program_size * sizeof *units_);
  powered_ = other.powered_;
  programs_ = other.programs_;
  erases_ = other.erases_;
  cut_at_ = other.cut_at_;
  fail_at_ = other.fail_at_;
  seed_ = other.seed_;
}

}  // namespace muster::mcu
