// Draws a label as a PNG file. The only header over cairo: label_image.cpp alone includes it. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::reader {

// Black text, one line under the other, on white, in DejaVu Sans: the same lines give the same bytes on the same
// system.
[[nodiscard]] tl::expected<void, Error> draw_label(std::span<const std::string_view> lines, const std::string& path);

}  // namespace muster::reader
