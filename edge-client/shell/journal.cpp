#include "edge-client/shell/journal.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "host/files.h"
#include "trust/sha256.h"

namespace muster::edge {
namespace {

constexpr std::string_view magic = "MUSTERJ1";
constexpr std::size_t header_len = 8 + 8 + 4;
constexpr std::size_t digest_len = 32;

void append_number(Bytes& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>((value >> (8 * i)) & 0xff));
}

std::uint64_t read_number(const std::uint8_t* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = (value << 8) | at[i];
  return value;
}

Error damaged(const std::string& path, const std::string& what) {
  return {ErrorKind::invalid,
          "the journal " + path + " is damaged (" + what +
              "); nothing was changed. To start again from the slots on disk, run muster-edge with --reset-journal: "
              "releases are kept, the record of accepted epochs is lost"};
}

// Its checksum holds, so that it is what somebody wrote.
Error of_another_version(const std::string& path) {
  return {ErrorKind::invalid,
          "the journal " + path +
              " was written by another version of Muster; nothing was changed. Run that version, or start again from "
              "the slots on "
              "disk with --reset-journal: releases are kept, the record of accepted epochs is lost"};
}

}  // namespace

tl::expected<std::optional<DurableState>, Error> Journal::load() {
  if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<DurableState>{};
  auto read = host::read_file(path_, len_max);
  if (!read) return tl::unexpected(std::move(read.error()).with_context("reading the journal"));
  const auto& bytes = *read;
  if (bytes.size() < header_len + digest_len) return tl::unexpected(damaged(path_, "it is cut short"));
  if (ByteView(bytes.data(), magic.size()).text() != magic)
    return tl::unexpected(damaged(path_, "it does not begin as one"));
  const auto payload_len = read_number(bytes.data() + 16, 4);
  if (bytes.size() != header_len + payload_len + digest_len)
    return tl::unexpected(damaged(path_, "its length is wrong"));
  const ByteView covered(bytes.data(), bytes.size() - digest_len);
  if (std::memcmp(trust::sha256(covered).bytes.data(), covered.end(), digest_len) != 0) {
    return tl::unexpected(damaged(path_, "its checksum does not match"));
  }
  auto state = decode({bytes.data() + header_len, static_cast<std::size_t>(payload_len)});
  if (!state) return tl::unexpected(of_another_version(path_));
  sequence_ = read_number(bytes.data() + 8, 8);
  return std::optional<DurableState>(std::move(*state));
}

tl::expected<void, Error> Journal::save(ByteView state) {
  Bytes bytes(magic.begin(), magic.end());
  bytes.reserve(header_len + state.size() + digest_len);
  append_number(bytes, ++sequence_, 8);
  append_number(bytes, state.size(), 4);
  bytes.insert(bytes.end(), state.begin(), state.end());
  const auto digest = trust::sha256(bytes);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  auto written = host::write_file_durably(path_, bytes, 0600);
  if (!written) return tl::unexpected(std::move(written.error()).with_context("writing the journal"));
  return {};
}

}  // namespace muster::edge
