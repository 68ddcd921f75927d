// Base64 (RFC 4648, section 4, with padding), as the control API carries bytes. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::host {

[[nodiscard]] std::string to_base64(ByteView bytes);
// Nothing when `text` is not exactly what to_base64 gives for some bytes.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace muster::host
