// Certificates and keys from files, as DER. Tools only; any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::mcu {

// What the file holds: DER as it is, or of PEM the first block whose label ends with `label` ("CERTIFICATE", "PRIVATE
// KEY").
[[nodiscard]] tl::expected<Bytes, muster::Error> read_der(const std::string& path, std::string_view label);

}  // namespace muster::mcu
