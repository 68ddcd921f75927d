// A connection whose handle somebody else keeps: found by its peer's port, and no other one is touched.
#include "host/tcp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace muster::host {
namespace {

// A socket on the loopback interface that is closed at the end.
class Socket {
 public:
  Socket() : handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { ::close(handle_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Listens on a free port.
  std::uint16_t listen() {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(handle_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(handle_, 1), 0);
    EXPECT_EQ(::getsockname(handle_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }
  void connect(std::uint16_t port) {
    const auto address = loopback(port);
    EXPECT_EQ(::connect(handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  [[nodiscard]] bool sends_at_once() const {
    int on = 0;
    socklen_t size = sizeof on;
    EXPECT_EQ(::getsockopt(handle_, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    return on != 0;
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  int handle_;
};

TEST(SendAtOnce, FindsTheConnectionToThatPortAndNoOther) {
  Socket listening, other_listening, connection, other;
  const auto port = listening.listen();
  connection.connect(port);
  other.connect(other_listening.listen());
  EXPECT_EQ(send_at_once(port), 1u);
  EXPECT_TRUE(connection.sends_at_once());
  EXPECT_FALSE(other.sends_at_once());
}

TEST(SendAtOnce, FindsNothingWhereNothingIsConnected) {
  Socket listening;
  EXPECT_EQ(send_at_once(listening.listen()), 0u);
  EXPECT_FALSE(listening.sends_at_once());
}

}  // namespace
}  // namespace muster::host
