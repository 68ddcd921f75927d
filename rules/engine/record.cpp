#include "rules/engine/record.h"

#include <xxhash.h>

namespace muster::rules {

namespace {

constexpr std::size_t checksum_size = 8;

std::uint64_t checksum_of(std::string_view key, std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(key.data(), key.size()));
}

}  // namespace

void ByteWriter::number(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<char>(value));
}

void ByteWriter::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
}

void ByteWriter::digest(const Sha256& value) {
  bytes_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

std::uint64_t ByteReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail();
  return 0;
}

std::uint64_t ByteReader::number_max(std::uint64_t max) {
  const auto value = number();
  if (value <= max) return value;
  fail();
  return 0;
}

std::string_view ByteReader::text(std::size_t length_max) {
  const auto length = number_max(length_max);
  if (length > rest_.size()) {
    fail();
    return {};
  }
  const auto value = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return value;
}

Sha256 ByteReader::digest() {
  Sha256 value;
  if (rest_.size() < value.bytes.size()) {
    fail();
    return value;
  }
  std::memcpy(value.bytes.data(), rest_.data(), value.bytes.size());
  rest_.remove_prefix(value.bytes.size());
  return value;
}

std::string seal_record(std::string_view key, std::string_view body, std::uint8_t format) {
  std::string value;
  value.reserve(1 + body.size() + checksum_size);
  value.push_back(static_cast<char>(format));
  value.append(body);
  auto checksum = checksum_of(key, value);
  for (std::size_t i = 0; i < checksum_size; ++i) {
    value.push_back(static_cast<char>(checksum & 0xff));
    checksum >>= 8;
  }
  return value;
}

bool open_record(std::string_view key, std::string_view value, ByteReader& body) {
  if (format_of(key, value) != record_format) return false;
  body = ByteReader(value.substr(1, value.size() - 1 - checksum_size));
  return true;
}

std::uint8_t format_of(std::string_view key, std::string_view value) {
  if (value.size() < 1 + checksum_size) return 0;
  const auto covered = value.substr(0, value.size() - checksum_size);
  auto checksum = checksum_of(key, covered);
  for (const char c : value.substr(covered.size())) {
    if (static_cast<char>(checksum & 0xff) != c) return 0;
    checksum >>= 8;
  }
  return static_cast<std::uint8_t>(covered.front());
}

}  // namespace muster::rules
