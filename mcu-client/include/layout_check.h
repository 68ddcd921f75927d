// Whether a layout can work, at compile time. Freestanding C++17; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "mcu-client/include/layout.h"

namespace muster::mcu {
namespace layout_check {

constexpr bool is_power_of_two(std::uint32_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

constexpr bool is_whole_units(const Area& area, std::uint32_t units_min, std::uint32_t unit) {
  return area.offset % unit == 0 && area.size % unit == 0 && area.size / unit >= units_min &&
         area.size <= UINT32_MAX - area.offset;
}

constexpr bool overlap(const Area& a, const Area& b) {
  return a.size != 0 && b.size != 0 && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

}  // namespace layout_check

// The first rule that the layout breaks, or null. A port asks at compile time, which costs the device nothing:
//   static_assert(layout_fault(layout) == nullptr);
[[nodiscard]] constexpr const char* layout_fault(const Layout& layout) {
  const std::uint32_t unit = layout.erase_size;
  if (!layout_check::is_power_of_two(unit) || unit < slot_header_size)
    return "erase_size must be a power of two, and hold a slot header";
  if (!layout_check::is_power_of_two(layout.program_size) || layout.program_size > program_size_max)
    return "program_size must be a power of two up to program_size_max";

  constexpr std::size_t fixed_areas = 5;
  const Area* areas[fixed_areas + plane_count * slots_per_plane] = {&layout.identity, &layout.scratch, &layout.boot_log,
                                                                    &layout.settings, &layout.evidence};
  if (!layout_check::is_whole_units(layout.identity, 1, unit)) return "identity must be whole erase units, at least one";
  if (!layout_check::is_whole_units(layout.scratch, 1, unit)) return "scratch must be whole erase units, at least one";
  if (!layout_check::is_whole_units(layout.evidence, 2, unit)) return "evidence must be whole erase units, at least two";
  for (const Area* log : {&layout.boot_log, &layout.settings}) {
    if (!layout_check::is_whole_units(*log, 2, unit) || log->size / unit % 2 != 0)
      return "boot_log and settings must be two banks of whole erase units each";
  }
  std::size_t count = fixed_areas;
  for (const auto& plane : layout.slots) {
    if (plane[0].size != plane[1].size) return "both slots of a plane must be of the same size";
    for (const Area& slot : plane) {
      if (!layout_check::is_whole_units(slot, 0, unit)) return "a slot must be whole erase units";
      if (slot.size != 0 && slot.size <= slot_header_size) return "a slot must be longer than its header";
      areas[count++] = &slot;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (layout_check::overlap(*areas[i], *areas[j])) return "two areas overlap";
    }
  }
  return nullptr;
}

}  // namespace muster::mcu
