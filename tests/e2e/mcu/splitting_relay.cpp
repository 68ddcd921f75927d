#include "tests/e2e/mcu/splitting_relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace muster::e2e {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// What has come, without waiting.
std::string take(int handle) {
  char bytes[16384];
  const auto got = ::recv(handle, bytes, sizeof bytes, MSG_DONTWAIT);
  return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
}

void send_all(int handle, const char* bytes, std::size_t size) {
  EXPECT_EQ(::send(handle, bytes, size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
}

}  // namespace

SplittingRelay::SplittingRelay(std::uint16_t target) : target_(target) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener_, 1), 0);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
}

SplittingRelay::~SplittingRelay() {
  for (const int handle : {listener_, device_, broker_}) {
    if (handle >= 0) ::close(handle);
  }
}

void SplittingRelay::turn(std::uint64_t read_by_device) {
  if (device_ < 0) {
    device_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (device_ < 0) return;
    const int yes = 1;
    ::setsockopt(device_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    broker_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(target_);
    ASSERT_EQ(::connect(broker_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  const auto up = take(device_);
  if (!up.empty()) send_all(broker_, up.data(), up.size());
  down_ += take(broker_);
  if (down_.empty() || read_by_device < given_) return;
  if (split_ == 0) {
    give(down_.size());
  } else if (down_.size() > split_) {  // else the byte behind the cut has not come yet
    give(split_);
    split_ = 0;
  }
}

void SplittingRelay::give(std::size_t size) {
  send_all(device_, down_.data(), size);
  down_.erase(0, size);
  given_ += size;
}

}  // namespace muster::e2e
