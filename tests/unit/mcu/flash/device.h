// A small device for tests: simulated flash behind a port, laid out with all its areas, and slots filled with firmware.
// Tests only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "mcu-client/ports/posix/nor_flash.h"
#include "mcu-client/src/boot/boot.h"
#include "mcu-client/src/flash/event_ring.h"
#include "mcu-client/src/flash/flash.h"
#include "mcu-client/src/flash/record_log.h"
#include "mcu-client/src/flash/slot.h"
#include "trust/sha256.h"

namespace muster::mcu::testing {

inline Layout small_layout(std::uint32_t program_size = 8, std::uint32_t erase_size = 1024) {
  Layout layout;
  layout.erase_size = erase_size;
  layout.program_size = program_size;
  std::uint32_t at = 0;
  const auto area = [&](std::uint32_t units) {
    const Area made{at * erase_size, units * erase_size};
    at += units;
    return made;
  };
  layout.identity = area(1);
  layout.boot_log = area(2);
  layout.settings = area(4);
  layout.evidence = area(3);
  layout.scratch = area(1);
  for (auto& plane : layout.slots) {
    for (auto& slot : plane) slot = area(6);
  }
  return layout;
}

inline NorShape shape_of(const Layout& layout) {
  const Area& last = layout.slots[plane_count - 1][slots_per_plane - 1];
  return {last.offset + last.size, layout.erase_size, layout.program_size};
}

struct Device {
  explicit Device(const Layout& chosen = small_layout()) : layout(chosen), nor(shape_of(chosen)) { nor.attach(port); }

  Layout layout;
  NorFlash nor;
  Port port;
  Flash flash{port, layout};
};

inline std::string some_bytes(std::uint32_t size, std::uint32_t salt) {
  std::string bytes(size, '\0');
  std::uint32_t state = salt * 2654435761u + 1;
  for (auto& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

// A release of one file, and how it gets into a slot as a client does it.
struct Release {
  std::string file, manifest;
  SlotHeader header{};

  Release(std::uint32_t size, std::uint32_t version, std::uint8_t plane = 0)
      : file(some_bytes(size, version)), manifest(some_bytes(200, version + 1000)) {
    header.plane = plane;
    header.file_count = 1;
    header.security_version = version;
    header.manifest_size = static_cast<std::uint16_t>(manifest.size());
    std::memcpy(header.files[0].name, "app.bin", 7);
    header.files[0].size = size;
    const Sha256 of_file = trust::sha256(ByteView(file)), of_manifest = trust::sha256(ByteView(manifest));
    std::memcpy(header.files[0].sha256, of_file.bytes.data(), 32);
    std::memcpy(header.manifest, of_manifest.bytes.data(), 32);
  }

  [[nodiscard]] std::uint32_t end() const { return header.manifest_offset + header.manifest_size; }

  // Goes on filling at `at` by pieces; stops at the first error.
  int fill_from(const Flash& flash, const Area& slot, std::uint32_t at, std::uint32_t piece = 256) {
    for (const auto* part : {&file, &manifest}) {
      const std::uint32_t begin = part == &file ? header.files[0].offset : header.manifest_offset;
      const auto part_end = begin + static_cast<std::uint32_t>(part->size());
      if (at < begin) at = begin;
      while (at < part_end) {
        // Pieces end on multiples of their size, as chunks do.
        const std::uint32_t count = std::min(piece - (at - begin) % piece, part_end - at);
        const int status = fill(flash, slot, at, part->data() + (at - begin), count);
        if (status != ok) return status;
        at += count;
      }
    }
    return ok;
  }

  int install(const Flash& flash, const Area& slot) {
    int status = place_files(header, slot);
    if (status == ok) status = erase_header(flash, slot);
    if (status == ok) status = fill_from(flash, slot, slot_header_size);
    return status == ok ? write_header(flash, slot, header) : status;
  }
};

}  // namespace muster::mcu::testing
