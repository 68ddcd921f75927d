// The keys of the settings log: what the client must still know after a power cut. Freestanding C++17.
#pragma once

#include <cstdint>

namespace muster::mcu {

enum SettingsKey : std::uint8_t {
  key_update_state = 0,  // UpdateState
  key_orders = 1,        // Orders
  key_root = 2,          // trust::TrustRoot, as it lies in memory
  key_fill = 3,          // FillMark of a slot that is being filled
};

}  // namespace muster::mcu
