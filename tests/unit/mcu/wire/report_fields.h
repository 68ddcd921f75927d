// Reports with chance in every field, and the buffer that they are written to. Tests only; one thread.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <list>
#include <random>
#include <string>
#include <vector>

#include "mcu-client/src/wire/reports.h"

namespace muster::test {

// Owns what the views of the fields refer to.
class ReportFields {
 public:
  explicit ReportFields(std::uint64_t seed) : random_(seed) {}

  // Every field absent, short or as long as it may be.
  [[nodiscard]] mcu::StateReportFields state_report();
  [[nodiscard]] mcu::HealthFields health_summary();

 private:
  [[nodiscard]] std::string_view keep(std::string text);
  [[nodiscard]] std::string_view id(std::size_t len_max = 64);
  [[nodiscard]] std::string_view optional_id(std::size_t len_max = 64);
  [[nodiscard]] std::string_view text(std::size_t len_max);
  [[nodiscard]] const Sha256* digest();
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] double reading(double otherwise);

  std::mt19937_64 random_;
  std::list<std::string> texts_;
  std::list<Sha256> digests_;
  std::list<std::vector<std::string_view>> lists_;
  std::list<std::vector<std::uint32_t>> numbers_;
  std::list<std::vector<mcu::MetricFields>> metrics_;
};

// An 8-aligned buffer of `capacity` bytes with bytes before and behind it that nobody may touch.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t capacity) : capacity_(capacity), words_(capacity / 8 + 4, guard) {}
  [[nodiscard]] std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(words_.data() + 1); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool intact() const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(words_.data());
    const auto is_guard = [](std::uint8_t byte) { return byte == 0xA5; };
    return std::all_of(bytes, bytes + 8, is_guard) &&
           std::all_of(bytes + 8 + capacity_, bytes + words_.size() * 8, is_guard);
  }

 private:
  static constexpr std::uint64_t guard = 0xA5A5A5A5A5A5A5A5u;
  std::size_t capacity_;
  std::vector<std::uint64_t> words_;
};

}  // namespace muster::test
