// Fetches one blob by chunks into a file: a window of requests, in order, resuming at any byte that is already there,
// hashed as it is written. The transport keeps order and may lose; so a gap or a silence means asking again from what
// is held. What is asked for at once follows the link: more while answers are quick, less when they are slow, fail to
// come, or the connection does not live long enough for one. No clock and no network of its own: time comes in,
// requests go out by a callback. One thread at a time; open() may block.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "edge-client/agent/types.h"
#include "host/bulk_digest.h"
#include "schemas/chunk_generated.h"

namespace muster::edge {

struct FetchPolicy {
  std::uint32_t window = 8;             // requests without an answer, at most
  std::uint32_t window_first = 2;       // at the beginning
  std::uint32_t chunk_len = 64 * 1024;  // bytes of one request, at most
  std::uint32_t chunk_len_min = 4096;   // and on a bad link
  std::uint64_t quick_ms = 1000;        // answers that come sooner let more be asked for,
  std::uint64_t slow_ms = 3000;         // later ones less
  std::uint64_t silence_ms = 5000;  // without an answer for so long: ask again; doubles each time, up to silence_ms_max
  std::uint64_t silence_ms_max = 30000;
  std::uint32_t silences_max = 6;         // in a row, while connected
  std::uint64_t unknown_pause_ms = 1000;  // the broker does not have it (yet); doubles as well
  std::uint32_t unknown_max = 5;
  std::uint64_t busy_pause_ms = 200;  // doubles too
  std::uint64_t busy_pause_ms_max = 5000;
  std::uint32_t busy_max = 100;  // in a row
};

struct ChunkAnswer {
  std::uint64_t offset = 0, total = 0;
  wire::ChunkStatus status = wire::ChunkStatus::ok;
  ByteView data;
};

class BlobFetch {
 public:
  using Ask = std::function<void(std::uint64_t offset, std::uint32_t length)>;
  enum class Progress : std::uint8_t { more, done, failed };

  // Opens (or makes) the file and hashes what is already there; a file that is too long starts anew.
  [[nodiscard]] static tl::expected<BlobFetch, Fault> open(const std::string& path, const Sha256& digest,
                                                           std::uint64_t size, const FetchPolicy& policy);
  BlobFetch(BlobFetch&&) noexcept = default;
  BlobFetch& operator=(BlobFetch&&) noexcept = default;

  // Begins to ask when `online`; done at once when everything was there.
  [[nodiscard]] Progress start(Ask ask, bool online, std::uint64_t now_ms);
  [[nodiscard]] Progress take(const ChunkAnswer& answer, std::uint64_t now_ms);
  // Call at deadline_ms() or later.
  [[nodiscard]] Progress on_time(std::uint64_t now_ms);
  // Offline nothing is asked and no silence counts; online it goes on from what is held.
  void set_online(bool online, std::uint64_t now_ms);

  [[nodiscard]] std::uint64_t deadline_ms() const { return deadline_ms_; }  // 0: none
  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] const Sha256& digest() const { return digest_; }
  [[nodiscard]] const Fault& fault() const { return fault_; }  // after failed

 private:
  // Closes when it goes, and leaves nothing behind when moved from.
  class File {
   public:
    explicit File(int fd = -1) : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~File();
    [[nodiscard]] int fd() const { return fd_; }

   private:
    int fd_;
  };

  BlobFetch() = default;
  [[nodiscard]] Progress fail(ErrorCode code, std::string detail);
  [[nodiscard]] Progress write(ByteView data, std::uint64_t now_ms);
  [[nodiscard]] Progress finish();
  [[nodiscard]] Progress restart(std::uint64_t now_ms);
  void ask_more(std::uint64_t now_ms);
  void grow();
  void shrink();
  // Nothing came of what was asked: as little as possible from now on, until something does.
  void fall_back();
  void note_answer_time(std::uint64_t now_ms);
  void ask_again_from_held(std::uint64_t now_ms);
  void pause(std::uint64_t until_ms);

  FetchPolicy policy_;
  File file_;
  std::string path_;
  Sha256 digest_;
  std::uint64_t size_ = 0, held_ = 0,
                asked_ = 0;         // bytes [0, held) are written and hashed, [held, asked) are asked for
  std::uint64_t written_back_ = 0;  // bytes below have been started on their way to the disk
  std::uint64_t rewound_at_ = 0;    // held_ + 1 when it was asked again from there because of a gap
  bool resumed_ = false;            // part of the file is from before: a wrong digest deserves one new start
  bool online_ = false;
  bool paused_ = false;
  std::uint64_t deadline_ms_ = 0;
  std::uint32_t window_ = 1, chunk_len_ = 1;         // as the link is now
  std::uint64_t online_from_ = 0;                    // held_ when the connection came up
  std::uint64_t timed_end_ = 0, timed_from_ms_ = 0;  // a request whose answer is awaited with a watch: its end; 0: none
  std::uint64_t untimed_until_ = 0;                  // below, an answer may be to an earlier request
  std::uint64_t answer_ms_ = 0;                      // how long the last timed answer took
  std::uint32_t silences_ = 0, unknowns_ = 0, busies_ = 0;
  host::BulkDigest hash_;
  Ask ask_;
  Fault fault_;
};

}  // namespace muster::edge
