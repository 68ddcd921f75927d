// The store's keys. Each family has a prefix, and a family is what scan() reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker-plugin/core/big_endian.h"

namespace muster::broker::keys {

inline constexpr std::string_view format = "format";  // format_value
inline constexpr std::string_view format_value = "muster-store-1";
inline constexpr std::string_view batch_number = "batch";  // of the last batch, 8 bytes big-endian
inline constexpr std::string_view time = "time";           // newest event time, 8 bytes big-endian
inline constexpr std::string_view signer = "signer";       // id of the key that sealed the envelopes below
inline constexpr std::string_view sealed = "sealed";       // when all of them were last sealed, 8 bytes big-endian
inline constexpr std::string_view audit_head = "head";     // encode_head
inline constexpr std::string_view engine = "n/";           // + the engine's own key
inline constexpr std::string_view audit = "a/";            // + number, 8 bytes big-endian: encode_entry
inline constexpr std::string_view assignment = "e/a/";     // + device: envelope
inline constexpr std::string_view directive = "e/d/";      // + scope: envelope
inline constexpr std::string_view release = "r/";          // + name@version: encode_release
inline constexpr std::string_view release_move = "s/";     // + name@version/number: encode_move
inline constexpr std::string_view files_removed = "x/";    // + name@version: when its files went, 8 bytes
inline constexpr std::string_view evidence = "v/";         // + device/bundle in hex: when it was complete, 8 bytes
inline constexpr std::string_view health = "m/";           // + device: its last HealthSummary

[[nodiscard]] inline std::string join(std::string_view family, std::string_view name) {
  std::string key(family);
  key += name;
  return key;
}
[[nodiscard]] inline std::string audit_key(std::uint64_t seq) {
  std::string key(audit);
  put_u64(key, seq);
  return key;
}
[[nodiscard]] inline std::string u64_value(std::uint64_t value) {
  std::string bytes;
  put_u64(bytes, value);
  return bytes;
}
// 0 for anything that is not 8 bytes.
[[nodiscard]] inline std::uint64_t u64_from(std::string_view bytes) {
  std::uint64_t value = 0;
  return bytes.size() == 8 && take_u64(bytes, value) ? value : 0;
}

}  // namespace muster::broker::keys
