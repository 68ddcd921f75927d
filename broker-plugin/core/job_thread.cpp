#include "broker-plugin/core/job_thread.h"

#include <chrono>
#include <utility>

#include "broker-plugin/core/bug_guard.h"

namespace muster::broker {

JobThread::JobThread(Outbox& outbox, std::function<void(const std::string&)> on_bug)
    : outbox_(outbox), on_bug_(std::move(on_bug)) {}

JobThread::~JobThread() {
  stop();
}

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
    if (const auto bug = catch_bugs(job); !bug.empty()) on_bug_(bug);
  }
}

}  // namespace muster::broker
