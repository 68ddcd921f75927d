#include "mcu-client/ports/posix/socket_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace muster::mcu::posix {
namespace {

constexpr unsigned reads_at_end_max = 64;

// What a call on a socket that does not block left in errno: nothing now, or never again.
int nothing_or_closed() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : err_closed;
}

std::size_t at_most_int(std::size_t size) {
  return size < INT_MAX ? size : INT_MAX;
}

// The size of `address`, or 0.
socklen_t parse(const char* text, std::uint16_t tcp_port, sockaddr_storage& address) {
  std::memset(&address, 0, sizeof address);
  sockaddr_in four{};
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(tcp_port);
    std::memcpy(&address, &four, sizeof four);
    return sizeof four;
  }
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET6, text, &six.sin6_addr) != 1) return 0;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(tcp_port);
  std::memcpy(&address, &six, sizeof six);
  return sizeof six;
}

}  // namespace

void SocketStream::fill(Port& port) {
  port.context = this;
  port.open = [](void* self) { return static_cast<SocketStream*>(self)->open(); };
  port.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
    return static_cast<SocketStream*>(self)->send(bytes, size);
  };
  port.recv = [](void* self, std::uint8_t* to, std::size_t size) {
    return static_cast<SocketStream*>(self)->recv(to, size);
  };
  port.close = [](void* self) { static_cast<SocketStream*>(self)->close(); };
}

int SocketStream::open() {
  close();
  sockaddr_storage address;
  const auto size = parse(address_, tcp_port_, address);
  if (size == 0) return err_io;
  descriptor_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return err_io;
  // Packets are written whole, and each waits for an answer: nothing is gained by collecting.
  const int yes = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0 || errno == EINPROGRESS ||
      errno == EINTR)
    return ok;
  close();
  return err_closed;
}

// A socket that is still connecting takes and gives nothing, which Linux calls EAGAIN.
int SocketStream::send(const std::uint8_t* bytes, std::size_t size) {
  if (descriptor_ < 0) return err_closed;
  const auto sent = ::send(descriptor_, bytes, at_most_int(size), MSG_NOSIGNAL);
  return sent >= 0 ? static_cast<int>(sent) : nothing_or_closed();
}

int SocketStream::recv(std::uint8_t* to, std::size_t size) {
  if (descriptor_ < 0) return err_closed;
  const auto got = ::recv(descriptor_, to, at_most_int(size), 0);
  if (got == 0) return err_closed;
  return got > 0 ? static_cast<int>(got) : nothing_or_closed();
}

// Closing over bytes that nobody read resets the connection, and a reset may overtake what was sent last. So they are
// read, up to a limit: the other side may go on for ever.
void SocketStream::close() {
  if (descriptor_ < 0) return;
  ::shutdown(descriptor_, SHUT_WR);
  char unread[4096];
  for (unsigned i = 0; i<reads_at_end_max&& ::recv(descriptor_, unread, sizeof unread, 0)> 0; ++i) {
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace muster::mcu::posix
