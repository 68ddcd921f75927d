#include "mcu-client/tools/flash_image.h"

#include <algorithm>
#include <cstring>

#include "host/files.h"

namespace muster::mcu {

namespace {

Bytes& bytes_of(void* context) {
  return *static_cast<Bytes*>(context);
}

bool inside(const Bytes& bytes, std::uint32_t offset, std::uint32_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

int read(void* context, std::uint32_t offset, void* to, std::uint32_t size) {
  const auto& bytes = bytes_of(context);
  if (!inside(bytes, offset, size)) return err_bounds;
  std::memcpy(to, bytes.data() + offset, size);
  return ok;
}

int program(void* context, std::uint32_t offset, const void* from, std::uint32_t size) {
  auto& bytes = bytes_of(context);
  if (!inside(bytes, offset, size)) return err_bounds;
  const auto at = bytes.begin() + offset;
  if (!std::all_of(at, at + size, [](std::uint8_t byte) { return byte == 0xff; })) return err_io;
  std::memcpy(bytes.data() + offset, from, size);
  return ok;
}

int erase(void* context, std::uint32_t offset, std::uint32_t size) {
  auto& bytes = bytes_of(context);
  if (!inside(bytes, offset, size)) return err_bounds;
  std::memset(bytes.data() + offset, 0xff, size);
  return ok;
}

Port port_over(Bytes& bytes) {
  Port port;
  port.context = &bytes;
  port.flash_read = read;
  port.flash_program = program;
  port.flash_erase = erase;
  return port;
}

}  // namespace

FlashImage::FlashImage(const Layout& layout, std::uint32_t size)
    : bytes_(size, 0xff), port_(port_over(bytes_)), flash_(port_, layout) {}

tl::expected<void, muster::Error> FlashImage::save(const std::string& path) const {
  return host::write_file_durably(path, bytes_, 0600);  // the device's private key is in it
}

}  // namespace muster::mcu
