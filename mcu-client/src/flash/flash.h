// The port's flash through the layout's eyes: every access is checked against its area and the layout's boundaries before
// the port sees it. Freestanding C++17, no allocation; the client's thread.
#pragma once

#include <cstdint>

#include "mcu-client/include/layout.h"
#include "mcu-client/include/port.h"
#include "schemas/bytes.h"

namespace muster::mcu {

class Flash {
 public:
  Flash(const Port& port, const Layout& layout) : port_(port), layout_(layout) {}

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const Port& port() const { return port_; }
  // Bytes [at, at + size) of the area. err_bounds, or what the port says.
  [[nodiscard]] int read(const Area& area, std::uint32_t at, void* to, std::uint32_t size) const;
  // `at` must lie on a program boundary; the last unit is filled up with 0xff. The units must have been erased.
  [[nodiscard]] int program(const Area& area, std::uint32_t at, const void* from, std::uint32_t size) const;
  // Whole erase units that hold [at, at + size); `at` must lie on an erase boundary.
  [[nodiscard]] int erase(const Area& area, std::uint32_t at, std::uint32_t size) const;
  // Whether all of [at, at + size) reads as erased. Negative on errors, else 0 or 1; 0 for what the port calls damaged.
  [[nodiscard]] int is_erased(const Area& area, std::uint32_t at, std::uint32_t size) const;
  // SHA-256 of [at, at + size), reading in steps.
  [[nodiscard]] int digest(const Area& area, std::uint32_t at, std::uint32_t size, Sha256& digest) const;

 private:
  const Port& port_;
  const Layout& layout_;
};

// CRC-32 (IEEE 802.3, reflected, as in zlib). Chained: crc32(b, n, crc32(a, m)) is that of a followed by b.
[[nodiscard]] std::uint32_t crc32(const void* bytes, std::uint32_t size, std::uint32_t before = 0);

}  // namespace muster::mcu
