// Base64 of RFC 4648, section 4, with padding: how bytes travel in the control API's JSON. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::broker {

[[nodiscard]] std::string to_base64(ByteView bytes);
// Nothing for text that is not exactly what to_base64 gives for some bytes.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace muster::broker
