// The agent's one loop: file descriptors, timers, and work handed over by other threads. Everything in shell/ runs on
// it unless its header says otherwise; what may block goes to a Worker.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace muster::edge {

class EventLoop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // 0 is never one

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Milliseconds on a clock that never goes back.
  [[nodiscard]] static std::uint64_t now_ms();

  // Calls `ready` whenever `fd` can be read. REQUIRES: fd is not watched yet, and is unwatched before it is closed.
  void watch(int fd, Task ready);
  void unwatch(int fd);

  TimerId at(std::uint64_t time_ms, Task task);
  TimerId after(std::uint64_t delay_ms, Task task) { return at(now_ms() + delay_ms, std::move(task)); }
  // An id that has fired, or 0, is fine.
  void cancel(TimerId id);

  // The only method for other threads: runs `task` on the loop, in order of posting.
  void post(Task task);

  // Until stop(), which may come from a task.
  void run();
  void stop() { stopped_ = true; }
  // Until `done` holds; false when it does not within `timeout_ms`. For tests and for an orderly end.
  bool run_until(const std::function<bool()>& done, std::uint64_t timeout_ms);

 private:
  void turn(std::uint64_t wait_ms_max);
  void run_posted();
  void run_timers();

  int wake_fd_;
  std::map<int, Task> watched_;
  std::map<TimerId, std::uint64_t> timer_times_;
  std::map<std::pair<std::uint64_t, TimerId>, Task> timers_;
  TimerId last_timer_ = 0;
  bool stopped_ = false;
  std::mutex mutex_;
  std::vector<Task> posted_;
};

}  // namespace muster::edge
