// The writer thread: takes what the engine's steps leave, signs it as one batch, makes it durable in one synced write,
// and only then lets its effects go to the outbox, in the order of the steps. The queue is the only thing between it
// and the broker's thread, and the broker's thread never waits for it. submit(), depth() and numbers() are for any
// thread; start() and stop() for the one that owns the writer.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/sealing.h"
#include "broker-plugin/core/work.h"
#include "broker-plugin/store/record.h"

namespace muster::broker {

// What the metrics tell of it.
struct WriterNumbers {
  std::uint64_t batches = 0, records = 0, last_sync_us = 0, audit_seq = 0;
  std::size_t queue_depth = 0, queue_max = 0;
};

class Writer {
 public:
  // `on_failure` is called once, on the broker's thread, when a batch could not be signed or written; from then on
  // nothing is written any more and every AfterCall gets durable = false.
  Writer(BatchSink& sink, Sealer sealer, AuditTail tail, Outbox& outbox,
         std::function<void(const std::string&)> on_failure);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void start();
  // Writes what is queued and ends the thread. What it puts into the outbox then may never leave.
  void stop();

  // Never blocks and never refuses: who feeds it looks at depth() before it takes a step that may be refused.
  void submit(Work work);

  // Records, audit entries, assignments and effects not durable yet.
  [[nodiscard]] std::size_t depth() const { return depth_.load(std::memory_order_relaxed); }
  [[nodiscard]] WriterNumbers numbers() const;

 private:
  struct Batch;
  void run();
  [[nodiscard]] bool take(std::vector<Work>& works);
  void process(std::vector<Work>& works);
  static void collect(std::vector<Work>& works, Batch& batch);
  [[nodiscard]] tl::expected<void, Error> make_durable(Batch& batch);
  void release(std::vector<Work>& works, Batch& batch);
  void fail(std::vector<Work>& works, const Error& error);

  BatchSink& sink_;
  Sealer sealer_;
  Outbox& outbox_;
  std::function<void(const std::string&)> on_failure_;
  AuditTail tail_;       // writer thread
  bool failed_ = false;  // writer thread
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Work> queue_;
  bool stopping_ = false;

  std::atomic<std::size_t> depth_{0}, depth_max_{0};
  std::atomic<std::uint64_t> batches_{0}, records_{0}, last_sync_us_{0}, audit_seq_{0};
};

}  // namespace muster::broker
