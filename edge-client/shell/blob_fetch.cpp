#include "edge-client/shell/blob_fetch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "edge-client/shell/slots.h"

namespace muster::edge {
namespace {

constexpr std::size_t rehash_step = 256 * 1024;
// So many bytes at a time start on their way to the disk while the next ones arrive: the sync at the end then has
// little left to wait for.
constexpr std::uint64_t write_back_step = std::uint64_t{4} << 20;

std::string short_name(const Sha256& digest) {
  return "blob " + to_hex(digest).substr(0, 12);
}

// Doubles `base` with every step, up to `max`.
std::uint64_t backed_off(std::uint64_t base, std::uint32_t step, std::uint64_t max) {
  return std::min(base << std::min<std::uint32_t>(step, 16), std::max(base, max));
}

}  // namespace

tl::expected<BlobFetch, Fault> BlobFetch::open(const std::string& path, const Sha256& digest, std::uint64_t size,
                                               const FetchPolicy& policy) {
  BlobFetch fetch;
  fetch.policy_ = policy;
  fetch.path_ = path;
  fetch.digest_ = digest;
  fetch.size_ = size;
  fetch.window_ = std::min(policy.window_first, policy.window);
  fetch.chunk_len_ = policy.chunk_len;
  ::chmod(path.c_str(), 0600);  // read-only when a slot build was cut off
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return tl::unexpected(fault_of_errno(errno, "opening " + path));
  fetch.file_ = File(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::unexpected(fault_of_errno(errno, "looking at " + path));
  if (!S_ISREG(status.st_mode)) return tl::unexpected(Fault{ErrorCode::internal, path + " is no file"});
  if (static_cast<std::uint64_t>(status.st_size) > size && ::ftruncate(fd, 0) != 0) {
    return tl::unexpected(fault_of_errno(errno, "emptying " + path));
  }
  std::vector<std::uint8_t> buffer(rehash_step);
  for (;;) {
    const auto got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(fetch.held_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(fault_of_errno(errno, "reading " + path));
    if (got == 0) break;
    fetch.hash_.update({buffer.data(), static_cast<std::size_t>(got)});
    fetch.held_ += static_cast<std::uint64_t>(got);
  }
  fetch.resumed_ = fetch.held_ > 0;
  fetch.written_back_ = fetch.held_;
  return fetch;
}

BlobFetch::File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

BlobFetch::Progress BlobFetch::start(Ask ask, bool online, std::uint64_t now_ms) {
  ask_ = std::move(ask);
  online_ = online;
  if (held_ == size_) {
    const auto progress = finish();
    return progress == Progress::more ? restart(now_ms) : progress;
  }
  set_online(online, now_ms);
  return Progress::more;
}

void BlobFetch::set_online(bool online, std::uint64_t now_ms) {
  const bool was_online = std::exchange(online_, online);
  // The connection ended before anything of what was asked for had come.
  if (was_online && !online && asked_ > held_ && held_ == online_from_) fall_back();
  silences_ = 0;
  deadline_ms_ = 0;
  online_from_ = held_;
  if (online_) ask_again_from_held(now_ms);
}

void BlobFetch::ask_again_from_held(std::uint64_t now_ms) {
  paused_ = false;
  untimed_until_ = std::max(untimed_until_, asked_);
  timed_end_ = 0;
  asked_ = held_;
  const auto silence = backed_off(policy_.silence_ms, silences_, policy_.silence_ms_max);
  deadline_ms_ = now_ms + std::max(silence, std::min(2 * answer_ms_, policy_.silence_ms_max));
  ask_more(now_ms);
}

void BlobFetch::ask_more(std::uint64_t now_ms) {
  // Half a window at a time: waking this process's threads and the broker's costs more than a chunk does.
  if (asked_ - held_ > std::uint64_t{window_ / 2} * chunk_len_) return;
  const auto window_end = std::min(size_, held_ + std::uint64_t{window_} * chunk_len_);
  while (asked_ < window_end) {
    const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(chunk_len_, size_ - asked_));
    if (asked_ + length > window_end && asked_ > held_) return;  // whole chunks only, so that offsets stay regular
    if (timed_end_ == 0 && asked_ >= untimed_until_) {
      timed_end_ = asked_ + length;
      timed_from_ms_ = now_ms;
    }
    ask_(asked_, length);
    asked_ += length;
  }
}

void BlobFetch::grow() {
  if (chunk_len_ < policy_.chunk_len) {
    chunk_len_ = std::min(policy_.chunk_len, chunk_len_ * 2);
  } else if (window_ < policy_.window) {
    ++window_;
  }
}

void BlobFetch::shrink() {
  if (window_ > 1) {
    window_ /= 2;
  } else {
    chunk_len_ = std::max(chunk_len_ / 2, std::min(policy_.chunk_len_min, policy_.chunk_len));
  }
}

void BlobFetch::fall_back() {
  window_ = 1;
  shrink();
  shrink();
}

// Of the window as it is: twice as much in flight takes twice as long on a link that is the bottleneck.
void BlobFetch::note_answer_time(std::uint64_t now_ms) {
  if (timed_end_ != 0 && held_ >= timed_end_) {
    timed_end_ = 0;
    answer_ms_ = now_ms - timed_from_ms_;
    if (answer_ms_ >= policy_.slow_ms) shrink();
  }
  if (answer_ms_ < policy_.quick_ms && held_ > untimed_until_) grow();
}

void BlobFetch::pause(std::uint64_t until_ms) {
  paused_ = true;
  deadline_ms_ = until_ms;
}

BlobFetch::Progress BlobFetch::take(const ChunkAnswer& answer, std::uint64_t now_ms) {
  using wire::ChunkStatus;
  if (paused_ || !online_ || held_ == size_) return Progress::more;  // late answers of the window before
  switch (answer.status) {
    case ChunkStatus::ok:
      break;
    case ChunkStatus::unknown_blob:
      if (++unknowns_ >= policy_.unknown_max)
        return fail(ErrorCode::fetch_failed, "the broker does not have " + short_name(digest_));
      pause(now_ms + backed_off(policy_.unknown_pause_ms, unknowns_ - 1, policy_.silence_ms_max));
      return Progress::more;
    case ChunkStatus::busy:
      if (++busies_ >= policy_.busy_max)
        return fail(ErrorCode::fetch_failed, "the broker stays too busy to serve " + short_name(digest_));
      pause(now_ms + backed_off(policy_.busy_pause_ms, busies_ - 1, policy_.busy_pause_ms_max));
      return Progress::more;
    case ChunkStatus::out_of_range:
      return fail(ErrorCode::size_mismatch, short_name(digest_) + " is shorter at the broker than its manifest says");
  }
  if (answer.total != size_)
    return fail(ErrorCode::size_mismatch,
                short_name(digest_) + " has another size at the broker than its manifest says");
  if (answer.offset < held_) return Progress::more;  // an answer to a request that was repeated
  if (answer.offset > held_) {
    if (rewound_at_ == held_ + 1) return Progress::more;
    rewound_at_ = held_ + 1;
    ask_again_from_held(now_ms);
    return Progress::more;
  }
  if (answer.data.empty() || answer.data.size() > size_ - held_) {
    return fail(ErrorCode::fetch_failed, "the broker sent a chunk of the wrong length of " + short_name(digest_));
  }
  return write(answer.data, now_ms);
}

BlobFetch::Progress BlobFetch::write(ByteView data, std::uint64_t now_ms) {
  std::size_t written = 0;
  while (written < data.size()) {
    const auto put =
        ::pwrite(file_.fd(), data.data() + written, data.size() - written, static_cast<off_t>(held_ + written));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const auto fault = fault_of_errno(errno, "writing " + path_);
      // Give the space back at once: the journal needs some to say what happened.
      if (fault.code == ErrorCode::disk_full) static_cast<void>(!::ftruncate(file_.fd(), 0));
      return fail(fault.code, fault.detail);
    }
    written += static_cast<std::size_t>(put);
  }
  hash_.update(data);
  held_ += data.size();
  if (held_ - written_back_ >= write_back_step) {
    // Only a hint that starts the writing; what it can not do, the sync does.
    static_cast<void>(::sync_file_range(file_.fd(), static_cast<off_t>(written_back_),
                                        static_cast<off_t>(held_ - written_back_), SYNC_FILE_RANGE_WRITE));
    written_back_ = held_;
  }
  asked_ = std::max(asked_, held_);
  silences_ = unknowns_ = busies_ = 0;
  note_answer_time(now_ms);
  deadline_ms_ = now_ms + std::max(policy_.silence_ms, std::min(2 * answer_ms_, policy_.silence_ms_max));
  if (held_ < size_) {
    ask_more(now_ms);
    return Progress::more;
  }
  const auto progress = finish();
  return progress == Progress::more ? restart(now_ms) : progress;
}

// done, failed, or more: the digest is wrong, but the first part was from before, so it deserves one new start.
BlobFetch::Progress BlobFetch::finish() {
  deadline_ms_ = 0;
  if (hash_.finish() == digest_) return Progress::done;
  if (std::exchange(resumed_, false)) return Progress::more;
  static_cast<void>(!::ftruncate(file_.fd(), 0));
  return fail(ErrorCode::digest_mismatch, short_name(digest_) + " does not have that digest");
}

BlobFetch::Progress BlobFetch::restart(std::uint64_t now_ms) {
  if (::ftruncate(file_.fd(), 0) != 0) {
    const auto fault = fault_of_errno(errno, "emptying " + path_);
    return fail(fault.code, fault.detail);
  }
  held_ = asked_ = rewound_at_ = untimed_until_ = written_back_ = 0;
  set_online(online_, now_ms);
  return Progress::more;
}

BlobFetch::Progress BlobFetch::on_time(std::uint64_t now_ms) {
  if (deadline_ms_ == 0 || now_ms < deadline_ms_) return Progress::more;
  if (!paused_ && ++silences_ >= policy_.silences_max) {
    return fail(ErrorCode::fetch_timeout,
                "the broker is connected but does not answer requests for " + short_name(digest_));
  }
  if (!paused_) fall_back();
  ask_again_from_held(now_ms);
  return Progress::more;
}

BlobFetch::Progress BlobFetch::fail(ErrorCode code, std::string detail) {
  deadline_ms_ = 0;
  fault_ = {code, std::move(detail)};
  return Progress::failed;
}

}  // namespace muster::edge
