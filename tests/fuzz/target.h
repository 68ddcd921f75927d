// What every fuzz target is made of: a function from bytes to nothing that aborts when a property does not hold. One
// file a target below targets/, all of them named in targets.cmake. libFuzzer runs one target a program
// (fuzzer_entry.cpp); fuzz_replay_test runs the kept inputs of all of them. Tests only; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schemas/bytes.h"

namespace muster::fuzz {

struct Target {
  const char* name = nullptr;
  void (*run)(ByteView input) = nullptr;
};

// The targets that are linked into this program.
[[nodiscard]] std::vector<Target>& targets();

struct Registration {
  Registration(const char* name, void (*run)(ByteView)) { targets().push_back({name, run}); }
};

// Says what does not hold, and ends the program: libFuzzer then keeps the input, the replay has said which one it was.
[[noreturn]] void fail(const char* file, int line, const char* condition, const std::string& what);

// The bytes at an 8-aligned place of exactly their size, so that the sanitizer sees a read of one byte too many.
class ExactCopy {
 public:
  explicit ExactCopy(ByteView bytes);
  [[nodiscard]] ByteView view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_;
};

// Takes an input apart into choices and texts; an input that is too short gives zeros and empty texts.
class Choices {
 public:
  explicit Choices(ByteView input) : rest_(input) {}
  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] std::string_view text(std::size_t size);  // at most so many bytes
  [[nodiscard]] std::string_view line();                  // up to the next newline, which is taken too
  [[nodiscard]] std::string_view rest();
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  ByteView take(std::size_t size);
  ByteView rest_;
};

}  // namespace muster::fuzz

// FUZZ_TARGET(statsd) { … input … } in targets/statsd.cpp.
#define FUZZ_TARGET(NAME)                                                          \
  static void run_target(muster::ByteView input);                                  \
  static const muster::fuzz::Registration target_registration(#NAME, &run_target); \
  static void run_target([[maybe_unused]] muster::ByteView input)

#define FUZZ_REQUIRE(condition, what) \
  ((condition) ? static_cast<void>(0) : muster::fuzz::fail(__FILE__, __LINE__, #condition, (what)))
