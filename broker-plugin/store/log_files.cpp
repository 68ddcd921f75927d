#include "broker-plugin/store/log_files.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace muster::broker {
namespace {

namespace fs = std::filesystem;

// RocksDB's db/log_format.h: blocks of 32 KiB; a record begins with its checksum, two bytes of length and its type, and
// does not cross a block's end.
constexpr std::size_t block_size = 32768;
constexpr std::size_t header_size = 7, length_at = 4, type_at = 6;

// Full, first, middle and last piece of a record in a recycled log, and the sizes of user-defined timestamps in one.
bool of_recycled_log(std::uint8_t type) {
  return (type >= 5 && type <= 8) || type == 11;
}

// Whether the pieces in `block`, the first `size` bytes of which were read, are what Muster's database has. What goes
// beyond the block's end is a torn or a damaged piece: RocksDB judges it, and goes on with the next block as well.
bool is_ours(const std::array<char, block_size>& block, std::size_t size) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(block[at]); };
  std::size_t at = 0;
  while (at + header_size <= size) {
    if (of_recycled_log(byte(at + type_at))) return false;
    at += header_size + byte(at + length_at) + std::size_t{256} * byte(at + length_at + 1);
  }
  return true;
}

bool is_ours(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, block_size> block{};
  while (file) {
    file.read(block.data(), block.size());
    if (!is_ours(block, static_cast<std::size_t>(file.gcount()))) return false;
  }
  return true;
}

}  // namespace

tl::expected<void, std::string> check_log_files(const std::string& db) {
  std::error_code unreadable;
  for (fs::directory_iterator entry(db, unreadable), end; !unreadable && entry != end; entry.increment(unreadable)) {
    const auto name = entry->path().filename().string();
    if (name.rfind("MANIFEST-", 0) != 0 && entry->path().extension() != ".log") continue;
    if (!is_ours(entry->path())) return tl::unexpected(name + " has a record of a type that it cannot have");
  }
  return {};
}

}  // namespace muster::broker
