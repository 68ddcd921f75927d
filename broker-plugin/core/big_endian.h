// Numbers as big-endian bytes, as the store's keys and the audit record's hashes need them. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster::broker {

// Works on std::string and on Bytes.
template <typename Buffer>
void put_u64(Buffer& buffer, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    buffer.push_back(static_cast<typename Buffer::value_type>((value >> shift) & 0xff));
  }
}

template <typename Buffer>
void put_u32(Buffer& buffer, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    buffer.push_back(static_cast<typename Buffer::value_type>((value >> shift) & 0xff));
  }
}

// Takes fields off the front of `rest`; each returns false, and takes nothing, when there are too few bytes.
inline bool take_u64(std::string_view& rest, std::uint64_t& value) {
  if (rest.size() < 8) return false;
  value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = (value << 8) | static_cast<unsigned char>(rest[i]);
  rest.remove_prefix(8);
  return true;
}

inline bool take_u32(std::string_view& rest, std::uint32_t& value) {
  if (rest.size() < 4) return false;
  value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = (value << 8) | static_cast<unsigned char>(rest[i]);
  rest.remove_prefix(4);
  return true;
}

inline bool take_text(std::string_view& rest, std::size_t size, std::string_view& text) {
  if (rest.size() < size) return false;
  text = rest.substr(0, size);
  rest.remove_prefix(size);
  return true;
}

}  // namespace muster::broker
