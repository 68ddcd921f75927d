// One thread for what may block: syncing and hashing files, an HTTP probe. Jobs run in order; what each returns runs on
// the loop afterwards. run() is called on the loop only. The destructor waits for the job under way and drops the rest;
// until then a job may run although those who gave it are gone, so it may only use what outlives the worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "edge-client/shell/event_loop.h"

namespace muster::edge {

class Worker {
 public:
  // Runs on the worker's thread; the returned task runs on the loop.
  using Job = std::function<EventLoop::Task()>;

  explicit Worker(EventLoop& loop) : loop_(loop) {}
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The thread is started by the first job, so that an idle agent has one less.
  void run(Job job);

 private:
  void serve();

  EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster::edge
