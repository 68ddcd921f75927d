// The engine's own encoding of what it persists: numbers as varints, texts with their length, a format version in front
// and a checksum over key and body behind. The reader is bounded: damaged bytes give a fault, never a crash or a guess.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::rules {

// Above what any one text of a record may have; a reason given by an operator is the longest.
inline constexpr std::size_t record_text_len_max = 4096;

class ByteWriter {
 public:
  void number(std::uint64_t value);  // varint: 1–10 bytes
  void flag(bool value) { number(value ? 1 : 0); }
  void text(std::string_view value);
  void digest(const Sha256& value);  // 32 bytes

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// After the first fault every read gives zero or an empty text, and ok() stays false: check once, at the end.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] std::uint64_t number();
  // A number over `max` is a fault.
  [[nodiscard]] std::uint64_t number_max(std::uint64_t max);
  [[nodiscard]] std::uint32_t number32() { return static_cast<std::uint32_t>(number_max(UINT32_MAX)); }
  [[nodiscard]] bool flag() { return number_max(1) != 0; }
  // A text longer than `length_max` is a fault. A view into the reader's bytes.
  [[nodiscard]] std::string_view text(std::size_t length_max);
  [[nodiscard]] Sha256 digest();

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

// An enumeration whose largest value is `last`.
template <typename Enum>
[[nodiscard]] Enum read_enum(ByteReader& in, Enum last) {
  return static_cast<Enum>(in.number_max(static_cast<std::uint64_t>(last)));
}

[[nodiscard]] inline Bytes read_bytes(ByteReader& in, std::size_t length_max) {
  const auto text = in.text(length_max);
  return Bytes(text.begin(), text.end());
}

// The version of this encoding and of what the engine puts into it; 1–127.
inline constexpr std::uint8_t record_format = 9;

// Body → value to store under `key`, and back. open_record gives false for another format or wrong bytes; the checksum
// covers the key too, so that a value under a foreign key is found.
[[nodiscard]] std::string seal_record(std::string_view key, std::string_view body, std::uint8_t format = record_format);
[[nodiscard]] bool open_record(std::string_view key, std::string_view value, ByteReader& body);
// The format of a record that is whole, be it this version's or not; 0: it is damaged.
[[nodiscard]] std::uint8_t format_of(std::string_view key, std::string_view value);

}  // namespace muster::rules
