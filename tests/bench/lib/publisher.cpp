#include "tests/bench/lib/publisher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/bench/lib/client.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t write_size = 64 * 1024;
constexpr std::size_t under_way_max = 60'000;  // packet ids are 16 bits
constexpr int patience_ms = 30'000;

}  // namespace

Publisher::Publisher(std::uint16_t port, const std::string& client_id) : handle_(connect_tcp(port)) {
  write_all(handle_, mqtt::connect(client_id, client_id));
  mqtt::Packet packet;
  while (!reader_.next(packet)) {
    const auto room = reader_.room(read_size);
    const auto got = ::recv(handle_, room.data(), room.size(), 0);
    if (got <= 0) break_off("the broker closed the connection of %s", client_id.c_str());
    reader_.filled(static_cast<std::size_t>(got));
  }
  ::fcntl(handle_, F_SETFL, ::fcntl(handle_, F_GETFL) | O_NONBLOCK);
}

Publisher::~Publisher() {
  ::close(handle_);
}

std::size_t Publisher::take_acks() {
  const auto room = reader_.room(read_size);
  const auto got = ::recv(handle_, room.data(), room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) break_off("the broker closed the publisher's connection; its log may say why");
  reader_.filled(static_cast<std::size_t>(got));
  std::size_t acks = 0;
  mqtt::Packet packet;
  while (reader_.next(packet)) acks += packet.type == mqtt::Type::puback ? 1u : 0u;
  return acks;
}

void Publisher::publish_retained(const std::vector<Message>& messages) {
  std::string out;
  std::size_t out_done = 0, sent = 0, acknowledged = 0;
  while (acknowledged < messages.size()) {
    if (out_done == out.size()) {
      out.clear();
      out_done = 0;
      while (sent < messages.size() && out.size() < write_size && sent - acknowledged < under_way_max) {
        const auto id = static_cast<std::uint16_t>(sent % under_way_max + 1);
        out += mqtt::publish(messages[sent].topic, ByteView(messages[sent].payload), 1, true, id);
        ++sent;
      }
    }
    pollfd wait{handle_, static_cast<short>(out.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    if (::poll(&wait, 1, patience_ms) <= 0) break_off("the broker took nothing from the publisher for 30 s");
    if ((wait.revents & POLLIN) != 0) acknowledged += take_acks();
    if ((wait.revents & POLLOUT) == 0) continue;
    const auto written = ::send(handle_, out.data() + out_done, out.size() - out_done, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN && errno != EINTR)
      break_off("the broker closed the publisher's connection: %s", std::strerror(errno));
    if (written > 0) out_done += static_cast<std::size_t>(written);
  }
}

}  // namespace muster::bench
