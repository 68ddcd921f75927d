// Answers ChunkGet requests. The desk half (broker thread) decides which requests are taken: a window of unanswered
// ones a device, a rate, blobs of published releases only. The reader thread reads and builds the answers, which leave
// through the outbox, to the client that asked, in the order of the requests.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/core/text_hash.h"
#include "schemas/bytes.h"

namespace muster::broker {

struct ChunkLimits {
  unsigned window = 16;           // requests of one device without an answer
  std::uint64_t bytes_per_s = 0;  // of one device; 0: no cap
};

struct ChunkRequest {
  std::string client;  // the MQTT client id that gets the answer
  std::string device;
  Sha256 digest;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};

struct ChunkNumbers {
  std::uint64_t served = 0, bytes = 0, refused = 0;
};

class ChunkServer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `on_trouble` is called on the reader thread when a stored blob cannot be read.
  ChunkServer(BlobStore blobs, const ReleaseRegistry& releases, Outbox& outbox,
              std::function<void(const std::string&)> on_trouble);
  ~ChunkServer();
  ChunkServer(const ChunkServer&) = delete;
  ChunkServer& operator=(const ChunkServer&) = delete;

  void start();
  void stop();

  // --- broker thread ---
  void set_limits(const ChunkLimits& limits) { limits_ = limits; }
  // Takes the request, or says why not: the label of a counter (chunk_window, chunk_rate, unknown_blob); empty when
  // taken. What is refused for its rate or its blob is answered with that status; beyond the window there is no answer.
  std::string_view request(const ChunkRequest& request, Time now);
  // The blob is about to be removed: the reader closes it.
  void forget_blob(const Sha256& digest);
  // The device has no connection any more.
  void forget(std::string_view device);
  [[nodiscard]] const ChunkNumbers& numbers() const { return numbers_; }

  // The reader pauses while so many bytes wait in the outbox for the broker.
  static constexpr std::size_t outbox_bytes_max = std::size_t{16} << 20;
  static constexpr std::size_t open_files_max = 64;

 private:
  struct Job {
    ChunkRequest request;
    std::uint64_t total = 0;
    std::uint8_t refusal = 0;  // wire::ChunkStatus; ok: read it
    bool close = false;        // no request: only close the blob of this digest
  };
  struct Device {
    unsigned unanswered = 0;
    double allowance = 0;  // bytes it may still ask for now
    Time refilled{};
  };
  class Files;

  void enqueue(Job job);
  [[nodiscard]] bool within_rate(Device& device, std::uint32_t length, Time now) const;
  void run();
  void answer(const Job& job, Files& files);
  void answered(const std::string& device, std::uint64_t data_len);

  BlobStore blobs_;
  const ReleaseRegistry& releases_;
  Outbox& outbox_;
  std::function<void(const std::string&)> on_trouble_;

  ChunkLimits limits_;
  ChunkNumbers numbers_;
  TextMap<Device> devices_;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
};

}  // namespace muster::broker
