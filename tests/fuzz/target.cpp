#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace muster::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

void fail(const char* file, int line, const char* condition, const std::string& what) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n  %s\n", file, line, condition, what.c_str());
  std::fflush(stderr);
  std::abort();
}

ExactCopy::ExactCopy(ByteView bytes) : bytes_(new std::uint8_t[bytes.size()]), size_(bytes.size()) {
  if (size_ != 0) std::memcpy(bytes_.get(), bytes.data(), size_);
}

ByteView Choices::take(std::size_t size) {
  size = std::min(size, rest_.size());
  const ByteView taken(rest_.data(), size);
  rest_ = ByteView(rest_.data() + size, rest_.size() - size);
  return taken;
}

std::uint8_t Choices::byte() {
  const auto taken = take(1);
  return taken.empty() ? std::uint8_t{0} : *taken.begin();
}

std::uint64_t Choices::number() {
  std::uint64_t value = 0;
  for (const auto byte : take(8)) value = value << 8 | byte;
  return value;
}

std::string_view Choices::text(std::size_t size) {
  return take(size).text();
}

std::string_view Choices::line() {
  const auto text = rest_.text();
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return take(rest_.size()).text();
  const auto line = take(end).text();
  (void)take(1);
  return line;
}

std::string_view Choices::rest() {
  return take(rest_.size()).text();
}

}  // namespace muster::fuzz
