#include "tests/e2e/harness/stir.h"

#include <chrono>
#include <string_view>

#include "tests/e2e/harness/eventually.h"

namespace muster::e2e {

Stir::Stir(std::uint16_t port, const Keys& keys) : client_(port, keys, keys.operator_("viewer")) {
  client_.connect();
  thread_ = std::thread([this] { go_on(); });
}

Stir::~Stir() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Stir::go_on() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, 5ms, [this] { return ends_; })) {
    lock.unlock();
    client_.send("stir", ByteView(std::string_view("x")));
    const bool answered = client_.drained(10s);
    lock.lock();
    if (!answered) return;  // the broker was killed or has ended
  }
}

}  // namespace muster::e2e
