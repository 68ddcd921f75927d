#include "mcu-client/tools/der_file.h"

#include "host/base64.h"
#include "host/files.h"

namespace muster::mcu {

namespace {

constexpr std::size_t file_len_max = 64 * 1024;

std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string_view::npos) return {};
  const auto at = from + begin.size();
  const auto to = text.find(end, at);
  return to == std::string_view::npos ? std::string_view() : text.substr(at, to - at);
}

std::string without_spaces(std::string_view text) {
  std::string found;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != ' ') found += c;
  }
  return found;
}

}  // namespace

tl::expected<Bytes, muster::Error> read_der(const std::string& path, std::string_view label) {
  auto bytes = host::read_file(path, file_len_max);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  const auto text = ByteView(*bytes).text();
  if (text.find("-----BEGIN ") == std::string_view::npos) return bytes;
  const std::string mark = std::string(label) + "-----";
  // "-----BEGIN EC PRIVATE KEY-----" … "-----END"
  const auto block = between(text, mark, "-----END");
  auto der = host::from_base64(without_spaces(block));
  if (block.empty() || !der)
    return tl::unexpected(
        muster::Error{ErrorKind::invalid, path + " has no block that ends with '" + std::string(label) + "'"});
  return std::move(*der);
}

}  // namespace muster::mcu
