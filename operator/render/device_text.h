// Devices as text: the table of `device list` and the page of `device show`. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

// `now_s` turns "last seen" into an age.
[[nodiscard]] std::string device_table(const std::vector<DeviceView>& devices, std::uint64_t now_s, std::size_t columns,
                                       const Style& style);
[[nodiscard]] std::string device_text(const DeviceView& device, std::uint64_t now_s, const Style& style);

}  // namespace muster::ctl
