// What other threads want done on the broker's thread: messages to publish, functions to call. They leave from TICK, in
// the order they were put in. put(), nudge() and bytes_waiting() are for any thread; drain() for the broker's.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <variant>
#include <vector>

#include "broker-plugin/core/broker_port.h"

namespace muster::broker {

class Outbox {
 public:
  using Call = std::function<void()>;
  using Item = std::variant<Publication, Call>;

  // `wake` makes the broker's loop run soon; it may be called from any thread and must not block.
  explicit Outbox(std::function<void()> wake);

  void put(Item item);
  void put(std::vector<Item> items);

  // Wakes the broker again while something waits. A wake-up that arrives while the broker is between its tick and its
  // poll is lost, so the threads that fill the outbox repeat it until it has been emptied. Returns true when something
  // still waits.
  bool nudge();

  // Payload bytes that have not left yet; producers of bulk data stop while this is large.
  [[nodiscard]] std::size_t bytes_waiting() const;

  // Performs items in order until it is empty or a bound of one tick is reached. A call may put new items in, which
  // leave in a later drain. Returns how many were performed.
  std::size_t drain(BrokerPort& port);

  // One tick must not hold the broker's other clients up: a MiB takes its thread 1 to 2 ms to encrypt and send, and it
  // does 1 M small messages/s. Less at a time is also faster: who receives works while the next is read and encrypted.
  static constexpr std::size_t items_per_tick_max = 4096;
  static constexpr std::size_t bytes_per_tick_max = std::size_t{1} << 18;

 private:
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
};

}  // namespace muster::broker
