// The agent's journal as a file. The first byte says whether the rest is the file as it lies there, or a payload that
// the harness frames with the right length and checksum, so that what lies behind those is reached too.
#include "edge-client/shell/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/target.h"
#include "trust/sha256.h"

namespace {

using namespace muster;

void put(Bytes& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

Bytes framed(ByteView payload) {
  const std::string_view magic = "MUSTERJ1";
  Bytes bytes(magic.begin(), magic.end());
  put(bytes, 7, 8);
  put(bytes, payload.size(), 4);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  const auto digest = trust::sha256(bytes);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  return bytes;
}

// A file in memory, read through its name below /proc.
class MemoryFile {
 public:
  explicit MemoryFile(ByteView content) : fd_(::memfd_create("journal", MFD_CLOEXEC)) {
    FUZZ_REQUIRE(fd_ >= 0, "no file in memory");
    FUZZ_REQUIRE(::write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "a short write");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace

FUZZ_TARGET(journal) {
  fuzz::Choices choices(input);
  const bool whole_file = choices.byte() % 2 == 0;
  const ByteView rest(choices.rest());
  const MemoryFile file(whole_file ? Bytes(rest.begin(), rest.end()) : framed(rest));
  edge::Journal journal(file.path());
  const auto loaded = journal.load();
  if (!loaded) {
    FUZZ_REQUIRE(loaded.error().kind == ErrorKind::invalid, "damage is called something else");
    FUZZ_REQUIRE(loaded.error().message.find("--reset-journal") != std::string::npos, "no word on how to recover");
    return;
  }
  FUZZ_REQUIRE(loaded->has_value(), "a file that is there was not seen");
  if (whole_file) return;
  const auto said = edge::decode(rest);  // which may be of the format before, and is written in the present one
  FUZZ_REQUIRE(said.has_value() && edge::encode(**loaded) == edge::encode(*said),
               "the state is not what the payload says");
}
