// A byte stream to the broker over plain TCP, in the port's shape: never waits, neither while connecting. TLS is a
// stream of its own above it. Linux; one thread, the one that polls the client.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mcu-client/include/port.h"

namespace muster::mcu::posix {

class SocketStream {
 public:
  // A numeric IPv4 or IPv6 address, because looking up a name waits; it must stay valid.
  SocketStream(const char* address, std::uint16_t tcp_port) : address_(address), tcp_port_(tcp_port) {}
  ~SocketStream() { close(); }
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  // Sets the port's four functions; the port's context becomes this object.
  void fill(Port& port);

  // As in port.h. err_io when the address is none or the system gives no socket, err_closed for what the other side
  // did.
  int open();
  int send(const std::uint8_t* bytes, std::size_t size);
  int recv(std::uint8_t* to, std::size_t size);
  void close();

  // For a caller that waits in poll(2); negative when there is none.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  const char* address_;
  std::uint16_t tcp_port_;
  int descriptor_ = -1;
};

}  // namespace muster::mcu::posix
