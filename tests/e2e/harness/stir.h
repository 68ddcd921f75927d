// Makes connecting quick in a test that connects many times. Paho waits for all connections of a process in one poll()
// of a second, into which a new one comes only when an older one has moved: here is one that moves, on a thread of its
// own. Its messages are on a topic that is none of Muster's and refused by the broker itself. Owned by one thread;
// tests only.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "tests/e2e/harness/hostile_client.h"

namespace muster::e2e {

class Stir {
 public:
  // Connects as the operator who may only look. Ends with the object.
  Stir(std::uint16_t port, const Keys& keys);
  ~Stir();
  Stir(const Stir&) = delete;
  Stir& operator=(const Stir&) = delete;

 private:
  void go_on();

  HostileClient client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ends_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace muster::e2e
