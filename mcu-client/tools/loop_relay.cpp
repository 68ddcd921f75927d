// What QEMU starts for each connection of a board to its broker: muster-mcu-relay PORT carries bytes between its standard
// input and output (one socket, of QEMU's) and 127.0.0.1:PORT, and ends when either side does, after what it holds has
// been handed on.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace {

// One direction. Neither waits for the other.
struct Pump {
  int from, to;
  std::array<char, 16 * 1024> held{};
  std::size_t begin = 0, end = 0;
  bool input_over = false, broken = false;

  [[nodiscard]] bool empty() const { return begin == end; }
  [[nodiscard]] bool done() const { return broken || (input_over && empty()); }

  void take() {
    const ssize_t count = ::read(from, held.data(), held.size());
    if (count > 0) {
      begin = 0;
      end = static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      input_over = true;
    }
  }
  void give() {
    const ssize_t count = ::write(to, held.data() + begin, end - begin);
    if (count > 0) begin += static_cast<std::size_t>(count);
    if (count < 0 && errno != EAGAIN && errno != EINTR) broken = true;
  }
};

int connected_to(int port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return ::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? handle : -1;
}

void set_non_blocking(int handle) {
  ::fcntl(handle, F_SETFL, ::fcntl(handle, F_GETFL) | O_NONBLOCK);
}

void wait_and_move(Pump& pump, short revents_from, short revents_to) {
  if (!pump.empty() && (revents_to & (POLLOUT | POLLERR | POLLHUP)) != 0) pump.give();
  if (pump.empty() && !pump.input_over && (revents_from & (POLLIN | POLLERR | POLLHUP)) != 0) pump.take();
}

int relay(int broker) {
  Pump up{0, broker}, down{broker, 1};
  for (const int handle : {0, 1, broker}) set_non_blocking(handle);
  while (!up.done() && !down.done()) {
    const auto wants = [](const Pump& pump) {
      return static_cast<short>(pump.empty() && !pump.input_over ? POLLIN : 0);
    };
    const auto has = [](const Pump& pump) { return static_cast<short>(pump.empty() ? 0 : POLLOUT); };
    std::array<pollfd, 3> handles = {pollfd{0, wants(up), 0}, pollfd{1, has(down), 0},
                                     pollfd{broker, static_cast<short>(wants(down) | has(up)), 0}};
    if (::poll(handles.data(), handles.size(), -1) < 0 && errno != EINTR) return 1;
    wait_and_move(up, handles[0].revents, handles[2].revents);
    wait_and_move(down, handles[2].revents, handles[1].revents);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int broker = connected_to(std::atoi(argv[1]));
  return broker < 0 ? 1 : relay(broker);
}
