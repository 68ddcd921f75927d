#include "edge-client/shell/event_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>

namespace muster::edge {

EventLoop::EventLoop() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  assert(wake_fd_ >= 0);
}

EventLoop::~EventLoop() {
  ::close(wake_fd_);
}

std::uint64_t EventLoop::now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

void EventLoop::watch(int fd, Task ready) {
  const bool is_new = watched_.emplace(fd, std::move(ready)).second;
  assert(is_new);
  static_cast<void>(is_new);
}

void EventLoop::unwatch(int fd) {
  watched_.erase(fd);
}

EventLoop::TimerId EventLoop::at(std::uint64_t time_ms, Task task) {
  const auto id = ++last_timer_;
  timer_times_[id] = time_ms;
  timers_.emplace(std::make_pair(time_ms, id), std::move(task));
  return id;
}

void EventLoop::cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, id});
  timer_times_.erase(found);
}

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  // A full counter means that the loop is awake already.
  static_cast<void>(!::write(wake_fd_, &one, sizeof one));
}

void EventLoop::run() {
  while (!stopped_) turn(60000);
}

bool EventLoop::run_until(const std::function<bool()>& done, std::uint64_t timeout_ms) {
  const auto deadline = now_ms() + timeout_ms;
  while (!done()) {
    const auto now = now_ms();
    if (now >= deadline) return false;
    turn(deadline - now);
  }
  return true;
}

void EventLoop::turn(std::uint64_t wait_ms_max) {
  auto wait = wait_ms_max;
  if (!timers_.empty()) {
    const auto next = timers_.begin()->first.first;
    const auto now = now_ms();
    wait = std::min(wait, next > now ? next - now : 0);
  }
  std::vector<pollfd> fds{{wake_fd_, POLLIN, 0}};
  for (const auto& [fd, ready] : watched_) fds.push_back({fd, POLLIN, 0});
  ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::uint64_t>(wait, 60000)));
  if (fds[0].revents != 0) run_posted();
  for (std::size_t i = 1; i < fds.size(); ++i) {
    if (fds[i].revents == 0) continue;
    // A task before it may have unwatched it.
    const auto found = watched_.find(fds[i].fd);
    if (found == watched_.end()) continue;
    const auto ready = found->second;
    ready();
  }
  run_timers();
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_fd_, &count, sizeof count));
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::run_timers() {
  const auto now = now_ms();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto first = timers_.begin();
    const auto task = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    task();
  }
}

}  // namespace muster::edge
