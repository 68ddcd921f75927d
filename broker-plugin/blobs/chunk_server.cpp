#include "broker-plugin/blobs/chunk_server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <optional>
#include <utility>

#include "broker-plugin/blobs/file_io.h"
#include "broker-plugin/core/bug_guard.h"
#include "broker-plugin/core/wire_digest.h"
#include "schemas/chunk_generated.h"
#include "schemas/limits.h"
#include "schemas/topics.h"

namespace muster::broker {

// Open blobs, the one used longest ago closed first. Reader thread.
class ChunkServer::Files {
 public:
  explicit Files(const BlobStore& blobs) : blobs_(blobs) {}
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    for (const auto& file : files_) ::close(file.fd);
  }

  // Negative, with errno set, when it cannot be opened.
  int open(const Sha256& digest) {
    const auto known =
        std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.digest == digest; });
    if (known != files_.end()) {
      files_.splice(files_.begin(), files_, known);
      return files_.front().fd;
    }
    const int fd = ::open(blobs_.path_of(digest).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    if (files_.size() >= open_files_max) {
      ::close(files_.back().fd);
      files_.pop_back();
    }
    files_.push_front({digest, fd});
    return fd;
  }

  // So that a repaired file is seen.
  void close(const Sha256& digest) {
    const auto known =
        std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.digest == digest; });
    if (known == files_.end()) return;
    ::close(known->fd);
    files_.erase(known);
  }

 private:
  struct File {
    Sha256 digest;
    int fd;
  };
  const BlobStore& blobs_;
  std::list<File> files_;
};

namespace {

constexpr std::chrono::milliseconds nudge_interval(2);

Payload finish_chunk(flatbuffers::FlatBufferBuilder& builder, const ChunkRequest& request, std::uint64_t total,
                     wire::ChunkStatus status, flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> data) {
  const auto digest = wire_digest(request.digest);
  wire::FinishChunkBuffer(builder, wire::CreateChunk(builder, &digest, request.offset, total, status, data));
  return Payload::owning(builder.Release(),
                         [](const flatbuffers::DetachedBuffer& kept) { return ByteView(kept.data(), kept.size()); });
}

}  // namespace

ChunkServer::ChunkServer(BlobStore blobs, const ReleaseRegistry& releases, Outbox& outbox,
                         std::function<void(const std::string&)> on_trouble)
    : blobs_(std::move(blobs)), releases_(releases), outbox_(outbox), on_trouble_(std::move(on_trouble)) {}

ChunkServer::~ChunkServer() {
  stop();
}

void ChunkServer::start() {
  thread_ = std::thread([this] { run(); });
}

void ChunkServer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::string_view ChunkServer::request(const ChunkRequest& request, Time now) {
  auto& device = devices_[request.device];
  if (device.unanswered >= limits_.window) {
    ++numbers_.refused;
    return "chunk_window";
  }
  ++device.unanswered;
  Job job{request, 0, static_cast<std::uint8_t>(wire::ChunkStatus::ok), false};
  std::string_view refusal;
  const auto size = releases_.served(request.digest);
  if (!size) {
    job.refusal = static_cast<std::uint8_t>(wire::ChunkStatus::unknown_blob);
    refusal = "unknown_blob";
  } else if (request.offset > *size || request.length == 0 || request.length > limits::chunk_data_len_max) {
    job.refusal = static_cast<std::uint8_t>(wire::ChunkStatus::out_of_range);
    refusal = "over_limit";
  } else if (!within_rate(device, request.length, now)) {
    job.refusal = static_cast<std::uint8_t>(wire::ChunkStatus::busy);
    refusal = "chunk_rate";
  }
  if (!refusal.empty()) ++numbers_.refused;
  job.total = size.value_or(0);
  enqueue(std::move(job));
  return refusal;
}

bool ChunkServer::within_rate(Device& device, std::uint32_t length, Time now) const {
  if (limits_.bytes_per_s == 0) return true;
  // A bucket that holds one second's worth, and at least one chunk: a cap below 64 KiB/s must still let chunks through.
  const double rate = static_cast<double>(limits_.bytes_per_s);
  const double bucket = std::max(rate, static_cast<double>(limits::chunk_data_len_max));
  const bool first = device.refilled == Time{};
  const double elapsed_s = std::chrono::duration<double>(now - device.refilled).count();
  device.allowance = first ? bucket : std::min(bucket, device.allowance + elapsed_s * rate);
  device.refilled = now;
  if (device.allowance < length) return false;
  device.allowance -= length;
  return true;
}

void ChunkServer::forget_blob(const Sha256& digest) {
  Job job;
  job.request.digest = digest;
  job.close = true;
  enqueue(std::move(job));
}

void ChunkServer::forget(std::string_view device) {
  const auto known = devices_.find(device);
  // Answers under way still count when it comes back at once.
  if (known != devices_.end() && known->second.unanswered == 0) devices_.erase(known);
}

void ChunkServer::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  filled_.notify_one();
}

void ChunkServer::run() {
  Files files(blobs_);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || !jobs_.empty(); };
      while (!ready() || (!stopping_ && outbox_.bytes_waiting() > outbox_bytes_max)) {
        lock.unlock();
        const bool waiting = outbox_.nudge();
        lock.lock();
        if (waiting) {
          filled_.wait_for(lock, nudge_interval);
        } else {
          filled_.wait(lock, ready);
        }
      }
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    const auto bug = catch_bugs([&] { answer(job, files); });
    if (!bug.empty()) on_trouble_("a bug in the chunk reader: " + bug);
  }
}

void ChunkServer::answer(const Job& job, Files& files) {
  const auto& request = job.request;
  if (job.close) return files.close(request.digest);
  auto status = static_cast<wire::ChunkStatus>(job.refusal);
  flatbuffers::FlatBufferBuilder builder(status == wire::ChunkStatus::ok ? request.length + 256u : 256u);
  flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> data;
  std::uint64_t data_len = 0;
  if (status == wire::ChunkStatus::ok) {
    data_len = std::min<std::uint64_t>(request.length, job.total - request.offset);
    builder.ForceVectorAlignment(data_len, 1, 8);
    std::uint8_t* into = nullptr;
    data = builder.CreateUninitializedVector<std::uint8_t>(static_cast<std::size_t>(data_len), &into);
    const int fd = files.open(request.digest);
    const int failed = fd < 0 ? errno : read_all(fd, into, static_cast<std::size_t>(data_len), request.offset);
    if (failed != 0) {
      files.close(request.digest);
      on_trouble_("cannot read " + blobs_.path_of(request.digest) + " (" +
                  (failed == EIO && fd >= 0 ? "shorter than its release says" : std::strerror(failed)) +
                  "); publish its release again");
      builder.Clear();
      data = 0;
      data_len = 0;
      status = wire::ChunkStatus::unknown_blob;
    }
  }
  Publication publication{request.client, std::string(format_topic({TopicKind::chunk, request.device}).view()),
                          finish_chunk(builder, request, job.total, status, data), 0, false};
  std::vector<Outbox::Item> items;
  items.emplace_back(std::move(publication));
  items.emplace_back([this, device = request.device, data_len, status] {
    answered(device, status == wire::ChunkStatus::ok ? data_len : 0);
    if (status == wire::ChunkStatus::ok) ++numbers_.served;
  });
  outbox_.put(std::move(items));
}

void ChunkServer::answered(const std::string& device, std::uint64_t data_len) {
  numbers_.bytes += data_len;
  const auto known = devices_.find(device);
  if (known != devices_.end() && known->second.unanswered > 0) --known->second.unanswered;
}

}  // namespace muster::broker
