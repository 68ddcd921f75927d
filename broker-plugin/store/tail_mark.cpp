#include "broker-plugin/store/tail_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker-plugin/core/big_endian.h"
#include "host/files.h"

namespace muster::broker {
namespace {

constexpr std::size_t slot_len = 16;                      // number, and the number XOR a constant
constexpr std::uint64_t check_mask = 0x6d75737465722d31;  // "muster-1"

std::string encode(std::uint64_t number) {
  std::string slot;
  put_u64(slot, number);
  put_u64(slot, number ^ check_mask);
  return slot;
}

std::optional<std::uint64_t> decode(std::string_view slot) {
  std::uint64_t number = 0, check = 0;
  if (!take_u64(slot, number) || !take_u64(slot, check)) return std::nullopt;
  return (number ^ check) == check_mask ? std::optional(number) : std::nullopt;
}

}  // namespace

tl::expected<TailMark, Error> TailMark::open(const std::string& path) {
  const bool fresh = ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  if (fresh) {
    const auto both = encode(0) + encode(0);
    if (auto made = host::write_file_durably(path, ByteView(std::string_view(both)), 0600); !made)
      return tl::unexpected(std::move(made.error()));
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(Error{ErrorKind::io, "cannot open " + path + ": " + std::strerror(errno)});
  TailMark file(fd, path);
  if (fresh) return file;
  std::array<char, 2 * slot_len> bytes{};
  const auto size = ::pread(fd, bytes.data(), bytes.size(), 0);
  if (size < 0) return tl::unexpected(Error{ErrorKind::io, "cannot read " + path + ": " + std::strerror(errno)});
  const std::string_view text(bytes.data(), static_cast<std::size_t>(size));
  for (const auto slot :
       {text.substr(0, slot_len), text.size() > slot_len ? text.substr(slot_len) : std::string_view()}) {
    const auto number = decode(slot);
    if (number && (!file.mark_ || *number > *file.mark_)) file.mark_ = number;
  }
  if (!file.mark_) return tl::unexpected(Error{ErrorKind::invalid, path + " is damaged"});
  return file;
}

TailMark::TailMark(TailMark&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), mark_(other.mark_) {}

TailMark::~TailMark() {
  if (fd_ >= 0) ::close(fd_);
}

tl::expected<void, Error> TailMark::write(std::uint64_t batch_number) {
  const auto slot = encode(batch_number);
  const auto offset = static_cast<off_t>((batch_number % 2) * slot_len);
  if (::pwrite(fd_, slot.data(), slot.size(), offset) != static_cast<ssize_t>(slot.size())) {
    return tl::unexpected(Error{errno == ENOSPC ? ErrorKind::no_space : ErrorKind::io,
                                "cannot write " + path_ + ": " + std::strerror(errno)});
  }
  mark_ = batch_number;
  return {};
}

}  // namespace muster::broker
