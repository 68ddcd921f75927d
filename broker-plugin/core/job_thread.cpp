#include "broker-plugin/core/job_thread.h"

#include <chrono>
#include <exception>
#include <utility>

namespace muster::broker {

JobThread::JobThread(Outbox& outbox, std::function<void(const char*)> on_bug)
    : outbox_(outbox), on_bug_(std::move(on_bug)) {}

JobThread::~JobThread() { stop(); }

void JobThread::start() {
  thread_ = std::thread([this] { run(); });
}

void JobThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool JobThread::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= jobs_max) return false;
    jobs_.push_back(std::move(job));
  }
  filled_.notify_one();
  return true;
}

void JobThread::run() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      filled_.wait_for(lock, std::chrono::milliseconds(2), [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty() && !stopping_) {
        lock.unlock();
        const bool waiting = outbox_.nudge();
        lock.lock();
        if (!waiting) filled_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      }
      if (stopping_) return;
      if (jobs_.empty()) continue;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception& thrown) {
      on_bug_(thrown.what());
    }
  }
}

}  // namespace muster::broker
