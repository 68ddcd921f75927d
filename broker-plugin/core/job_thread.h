// One thread for what may touch the disk and is in nobody's hurry: uploads, checks of releases, reading the audit
// record. Jobs run in the order they came. submit() is for any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "broker-plugin/core/outbox.h"

namespace muster::broker {

class JobThread {
 public:
  using Job = std::function<void()>;

  // `on_bug` is called on the job thread when a job throws or asserts, with what went wrong.
  JobThread(Outbox& outbox, std::function<void(const std::string&)> on_bug);
  ~JobThread();
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  void start();
  // Ends after the job under way; jobs that wait are dropped.
  void stop();

  // False when `jobs_max` jobs wait already.
  [[nodiscard]] bool submit(Job job);

  static constexpr std::size_t jobs_max = 512;

 private:
  void run();

  Outbox& outbox_;
  std::function<void(const std::string&)> on_bug_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
};

}  // namespace muster::broker
