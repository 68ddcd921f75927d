// A TCP relay on loopback that cuts what the broker sends at one exact byte: the rest goes on only when the device has
// read everything before it. Driven by turn() on the test's thread. Tests only.
#pragma once

#include <cstdint>
#include <string>

namespace muster::e2e {

class SplittingRelay {
 public:
  explicit SplittingRelay(std::uint16_t target);
  ~SplittingRelay();
  SplittingRelay(const SplittingRelay&) = delete;
  SplittingRelay& operator=(const SplittingRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // The next bytes that come from the broker are cut after the first `at`.
  void split_next(std::size_t at) { split_ = at; }
  [[nodiscard]] bool has_split() const { return split_ == 0; }
  // Carries what can be carried; `read_by_device`: all bytes that it ever read.
  void turn(std::uint64_t read_by_device);

 private:
  void give(std::size_t size);

  std::uint16_t target_, port_ = 0;
  int listener_ = -1, device_ = -1, broker_ = -1;
  std::string down_;
  std::uint64_t given_ = 0;
  std::size_t split_ = 0;
};

}  // namespace muster::e2e
