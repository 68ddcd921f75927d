#include "tests/e2e/harness/proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>
#include <utility>

namespace muster::e2e {
namespace {

constexpr int turn_ms = 3;                // while time alone can let something go on
constexpr int quiet_ms = 1000;            // else; every method wakes the thread
constexpr int socket_buffer = 64 * 1024;  // a slow link must not hide in the kernel's buffers

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int new_socket(int flags) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  const int yes = 1;
  ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::setsockopt(handle, SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
  ::setsockopt(handle, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return handle;
}

// To the broker; negative when nobody listens there.
int connect_to(std::uint16_t port) {
  const int handle = new_socket(0);
  const timeval patience{1, 0};
  ::setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto address = loopback(port);
  if (::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return handle;
  ::close(handle);
  return -1;
}

}  // namespace

std::uint64_t Proxy::Numbers::faults() const {
  return std::accumulate(struck.begin(), struck.end(), std::uint64_t{0});
}

std::string Proxy::Numbers::text() const {
  std::string words = std::to_string(accepted) + " connections";
  for (std::size_t i = 0; i < struck.size(); ++i) {
    if (struck[i] > 0) words += ", " + std::to_string(struck[i]) + " " + name_of(static_cast<LinkFault>(i));
  }
  return words;
}

Proxy::Proxy(std::uint16_t target, std::uint64_t seed) : target_(target), random_(seed) {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  listen_now();
  thread_ = std::thread([this] { serve(); });
}

Proxy::~Proxy() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ::eventfd_write(wake_, 1);
  thread_.join();
  links_.clear();
  if (listener_ >= 0) ::close(listener_);
  ::close(wake_);
}

// The first time on a free port, later on the same one.
void Proxy::listen_now() {
  if (listener_ >= 0) return;
  listener_ = new_socket(SOCK_NONBLOCK);
  auto address = loopback(port_);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(::listen(listener_, 64), 0);
  port_ = ntohs(address.sin_port);
}

void Proxy::plan(Planner planner) {
  const std::lock_guard lock(mutex_);
  planner_ = std::move(planner);
}

void Proxy::plan(const LinkPlan& always) {
  plan([always](std::mt19937_64&) { return always; });
}

void Proxy::strike(const LinkPlan& plan) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& entry : links_) {
      if (entry.link.over()) continue;
      entry.fault = plan.fault;
      entry.counted = false;
      entry.link.strike(plan, ProxyLink::Clock::now());
    }
  }
  ::eventfd_write(wake_, 1);
}

void Proxy::heal() {
  {
    const std::lock_guard lock(mutex_);
    planner_ = nullptr;
    for (auto& entry : links_) entry.link.heal(ProxyLink::Clock::now());
  }
  ::eventfd_write(wake_, 1);
}

void Proxy::refuse(bool refusing) {
  const std::lock_guard lock(mutex_);
  refusing_ = refusing;
  if (refusing) {
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  } else {
    listen_now();
  }
  ::eventfd_write(wake_, 1);
}

Proxy::Numbers Proxy::numbers() {
  const std::lock_guard lock(mutex_);
  auto numbers = numbers_;
  for (const auto& entry : links_) numbers.live += entry.link.over() ? 0u : 1u;
  return numbers;
}

std::vector<ProxyLink::Clock::time_point> Proxy::accepted_at() {
  const std::lock_guard lock(mutex_);
  return accepted_at_;
}

void Proxy::accept_all() {
  while (listener_ >= 0) {
    const int device = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (device < 0) return;
    const int yes = 1;
    ::setsockopt(device, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto plan = planner_ ? planner_(random_) : LinkPlan{};
    const auto seed = random_();
    ++numbers_.accepted;
    accepted_at_.push_back(ProxyLink::Clock::now());
    const int broker = connect_to(target_);
    if (broker < 0) {
      ::close(device);
      continue;
    }
    links_.emplace_back(device, broker, plan, seed);
  }
}

void Proxy::turn() {
  const auto now = ProxyLink::Clock::now();
  accept_all();
  for (auto entry = links_.begin(); entry != links_.end();) {
    entry->link.turn(now);
    numbers_.bytes_up += entry->link.take_carried(ProxyLink::broker_side);
    numbers_.bytes_down += entry->link.take_carried(ProxyLink::device_side);
    if (entry->link.struck() && !std::exchange(entry->counted, true))
      ++numbers_.struck[static_cast<std::size_t>(entry->fault)];
    entry = entry->link.over() ? links_.erase(entry) : std::next(entry);
  }
}

void Proxy::serve() {
  std::vector<pollfd> polled;
  for (;;) {
    polled.clear();
    int wait_ms = quiet_ms;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      turn();
      polled.push_back({wake_, POLLIN, 0});
      if (listener_ >= 0) polled.push_back({listener_, POLLIN, 0});
      const auto now = ProxyLink::Clock::now();
      for (const auto& entry : links_) {
        if (entry.link.waits_for_time()) wait_ms = turn_ms;
        for (const auto side : {ProxyLink::device_side, ProxyLink::broker_side}) {
          const auto events = entry.link.events(side, now);
          if (events != 0) polled.push_back({entry.link.socket(side), events, 0});
        }
      }
    }
    ::poll(polled.data(), polled.size(), wait_ms);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_, &ignored);
  }
}

}  // namespace muster::e2e
