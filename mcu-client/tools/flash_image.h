// A device's whole flash in the memory of a Linux program, with NOR rules, to be filled and written to a file. Tools
// only; one thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "mcu-client/src/flash/flash.h"

namespace muster::mcu {

class FlashImage {
 public:
  // Erased. `layout` must outlive it.
  FlashImage(const Layout& layout, std::uint32_t size);
  FlashImage(const FlashImage&) = delete;
  FlashImage& operator=(const FlashImage&) = delete;

  [[nodiscard]] const Flash& flash() const { return flash_; }
  [[nodiscard]] tl::expected<void, muster::Error> save(const std::string& path) const;

 private:
  Bytes bytes_;
  Port port_;
  Flash flash_;
};

}  // namespace muster::mcu
