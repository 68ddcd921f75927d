// NOR flash on Linux, in memory or in a file, for the posix port and the tests. It enforces the rules of include/port.h: a program
// outside its bounds or boundaries, of a unit that is not erased, or of one whose erasure was cut off ends the process
// with a sentence. It can lose its power during a chosen operation, which then takes place partly, by a seed. One thread.
#pragma once

#include <cstdint>
#include <cstdio>

#include "mcu-client/include/port.h"

namespace muster::mcu {

struct NorShape {
  std::uint32_t size = 0;          // bytes; whole erase units
  std::uint32_t erase_size = 4096;
  std::uint32_t program_size = 8;
};

class NorFlash {
 public:
  // Erased, in memory.
  explicit NorFlash(const NorShape& shape);
  // In a file, which is made erased and as long as needed if it is not there. What it holds outlives the process, also when that is
  // killed during an operation; units of it that are not 0xff count as programmed. is_open() tells whether it went well.
  NorFlash(const NorShape& shape, const char* path);
  ~NorFlash();
  NorFlash(const NorFlash&) = delete;
  NorFlash& operator=(const NorFlash&) = delete;
  [[nodiscard]] bool is_open() const { return bytes_ != nullptr; }

  // The port's three functions: 0 or err_io when there is no power; read also err_damaged for bytes that cannot be read.
  [[nodiscard]] int read(std::uint32_t offset, void* to, std::uint32_t size) const;
  [[nodiscard]] int program(std::uint32_t offset, const void* from, std::uint32_t size);
  [[nodiscard]] int erase(std::uint32_t offset, std::uint32_t size);
  // Everything that it holds, for code that reads in place.
  [[nodiscard]] const std::uint8_t* bytes() const { return bytes_; }
  // Sets the three functions and the context of a port that has nothing else.
  void attach(Port& port);

  // --- power ---
  // Power fails during the n-th program or erase from now (1: the next). How it takes place is the seed's: not at all, wholly,
  // up to a place, some bits, bytes at random, unreadable. From then on everything returns err_io.
  void cut_power_at(std::uint64_t n, std::uint64_t seed);
  void power_on();  // and no cut is planned any more
  [[nodiscard]] bool has_power() const { return powered_; }
  // The n-th program or erase from now fails with err_io without power being lost; 0 of it takes place.
  void fail_at(std::uint64_t n) { fail_at_ = operations() + n; }

  // --- for tests ---
  [[nodiscard]] std::uint64_t operations() const { return programs_ + erases_; }
  [[nodiscard]] std::uint64_t programs() const { return programs_; }
  [[nodiscard]] std::uint64_t erases() const { return erases_; }
  // How often the erase unit of `offset` was erased since this object was made.
  [[nodiscard]] std::uint32_t wear(std::uint32_t offset) const { return wear_[offset / shape_.erase_size]; }
  [[nodiscard]] const NorShape& shape() const { return shape_; }
  // Bypasses the rules: damage, and what a chip held before it was ours.
  void set(std::uint32_t offset, const void* from, std::uint32_t size);
  void fill_at_random(std::uint32_t offset, std::uint32_t size, std::uint64_t seed);
  // Everything that it holds, and what may be done with it; for trying one thing several times.
  void copy_from(const NorFlash& other);

 private:
  enum class Unit : std::uint8_t { erased, programmed, spoiled, unreadable };
  NorShape shape_;
  std::uint8_t* bytes_ = nullptr;
  Unit* units_ = nullptr;  // by program_size
  std::uint32_t* wear_ = nullptr;
  int file_ = -1;
  bool powered_ = true;
  std::uint64_t programs_ = 0, erases_ = 0, cut_at_ = 0, fail_at_ = 0, seed_ = 0;

  void make_tables();
  void note(std::uint32_t offset, std::uint32_t size);
  void check(bool good, const char* what, std::uint32_t offset, std::uint32_t size) const;
  [[nodiscard]] int begin(bool& cut);
  void tear(std::uint32_t offset, const std::uint8_t* wanted, std::uint32_t size);
  [[nodiscard]] std::uint64_t chance();
};

}  // namespace muster::mcu
