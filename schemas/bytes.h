// Views of bytes, an 8-aligned copy of them, and SHA-256 values with their hexadecimal form.
// C++17, standard library only; any thread. AlignedBytes allocates, so the MCU client does not use it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// A read-only stretch of memory (C++17 has no std::span).
class ByteView {
 public:
  constexpr ByteView() = default;
  constexpr ByteView(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  ByteView(const std::vector<std::uint8_t>& bytes) : data_(bytes.data()), size_(bytes.size()) {}  // NOLINT: implicit by design
  explicit ByteView(std::string_view text) : data_(reinterpret_cast<const std::uint8_t*>(text.data())), size_(text.size()) {}

  [[nodiscard]] constexpr const std::uint8_t* data() const { return data_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr const std::uint8_t* begin() const { return data_; }
  [[nodiscard]] constexpr const std::uint8_t* end() const { return data_ + size_; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  [[nodiscard]] bool aligned() const { return reinterpret_cast<std::uintptr_t>(data_) % 8 == 0; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

using Bytes = std::vector<std::uint8_t>;

// A copy that starts on an 8-byte boundary, as FlatBuffers' readers need and its verifier does not check.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(ByteView bytes) : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(words_.data(), bytes.data(), size_);
  }
  [[nodiscard]] ByteView view() const { return {reinterpret_cast<const std::uint8_t*>(words_.data()), size_}; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
};

// A SHA-256. All zero stands for "none".
struct Sha256 {
  std::array<std::uint8_t, 32> bytes{};

  [[nodiscard]] constexpr bool is_zero() const {
    for (const auto b : bytes) {
      if (b != 0) return false;
    }
    return true;
  }
  friend constexpr bool operator==(const Sha256& a, const Sha256& b) {
    for (std::size_t i = 0; i < 32; ++i) {
      if (a.bytes[i] != b.bytes[i]) return false;
    }
    return true;
  }
  friend constexpr bool operator!=(const Sha256& a, const Sha256& b) { return !(a == b); }
  friend constexpr bool operator<(const Sha256& a, const Sha256& b) {
    for (std::size_t i = 0; i < 32; ++i) {
      if (a.bytes[i] != b.bytes[i]) return a.bytes[i] < b.bytes[i];
    }
    return false;
  }
};

// 64 lower-case hexadecimal digits.
[[nodiscard]] inline std::string to_hex(ByteView bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto b : bytes) {
    text.push_back(digits[b >> 4]);
    text.push_back(digits[b & 15]);
  }
  return text;
}
[[nodiscard]] inline std::string to_hex(const Sha256& digest) { return to_hex(ByteView(digest.bytes.data(), digest.bytes.size())); }

// Reads exactly 64 hexadecimal digits; false (and `digest` untouched) for anything else.
[[nodiscard]] inline bool parse_hex(std::string_view text, Sha256& digest) {
  if (text.size() != 64) return false;
  Sha256 found;
  for (std::size_t i = 0; i < 64; ++i) {
    const char c = text[i];
    unsigned value = 0;
    if (c >= '0' && c <= '9') value = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A') + 10;
    else return false;
    found.bytes[i / 2] = static_cast<std::uint8_t>((found.bytes[i / 2] << 4) | value);
  }
  digest = found;
  return true;
}

}  // namespace muster
