#include "tests/bench/lib/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "schemas/topics.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

constexpr std::chrono::seconds answer_patience(30);
constexpr std::size_t read_size = 256 * 1024;

}  // namespace

int connect_tcp(std::uint16_t port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (handle < 0 || ::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    break_off("nothing answers on port %u: %s", static_cast<unsigned>(port), std::strerror(errno));
  const int on = 1;
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return handle;
}

void write_all(int handle, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::send(handle, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) break_off("the broker closed a connection: %s", std::strerror(errno));
    pollfd wait{handle, POLLOUT, 0};
    ::poll(&wait, 1, -1);
  }
}

Client::Client(std::uint16_t port, const std::string& client_id, const std::string& user)
    : handle_(connect_tcp(port)), name_(client_id) {
  write_all(handle_, mqtt::connect(client_id, user));
  expect(mqtt::Type::connack);
}

Client::~Client() {
  const auto goodbye = mqtt::disconnect();
  static_cast<void>(::send(handle_, goodbye.data(), goodbye.size(), MSG_NOSIGNAL));
  ::close(handle_);
}

bool Client::fill(std::chrono::milliseconds patience) {
  if (!acks_.empty()) {
    write_all(handle_, acks_);
    acks_.clear();
  }
  pollfd wait{handle_, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(patience.count())) <= 0) return false;
  const auto room = reader_.room(read_size);
  const auto got = ::recv(handle_, room.data(), room.size(), 0);
  if (got <= 0) break_off("the broker closed the connection of %s; its log may say why", name_.c_str());
  reader_.filled(static_cast<std::size_t>(got));
  return true;
}

void Client::acknowledge(const mqtt::Publish& publish) {
  if (publish.qos == 1) acks_ += mqtt::puback(publish.packet_id);
}

// The answer to connect or subscribe. Its last byte is the result: 0 or the granted QoS, or at least 0x80 for a refusal
// (of connect: anything but 0).
void Client::expect(mqtt::Type type) {
  mqtt::Packet packet;
  while (true) {
    while (reader_.next(packet)) {
      mqtt::Publish publish;
      if (packet.type == mqtt::Type::publish && mqtt::read_publish(packet, publish)) acknowledge(publish);
      if (packet.type != type) continue;
      const auto result = packet.body.empty() ? 0xff : packet.body.data()[packet.body.size() - 1];
      const bool granted = type == mqtt::Type::connack ? result == 0 : result < 0x80;
      if (!granted) break_off("the broker refused %s (%u)", name_.c_str(), static_cast<unsigned>(result));
      return;
    }
    if (!fill(answer_patience)) break_off("the broker did not answer %s within 30 s", name_.c_str());
  }
}

void Client::subscribe(std::string_view filter, std::uint8_t qos) {
  write_all(handle_, mqtt::subscribe(filter, qos, 1));
  expect(mqtt::Type::suback);
}

void Client::publish(std::string_view topic, ByteView payload, bool retain) {
  next_id_ = next_id_ == 0xffff ? std::uint16_t{1} : static_cast<std::uint16_t>(next_id_ + 1);
  write_all(handle_, mqtt::publish(topic, payload, 1, retain, next_id_));
  ++unacknowledged_;
}

void Client::settle() {
  mqtt::Packet packet;
  while (true) {
    while (unacknowledged_ > 0 && reader_.next(packet)) {
      mqtt::Publish publish;
      if (packet.type == mqtt::Type::puback) --unacknowledged_;
      if (packet.type == mqtt::Type::publish && mqtt::read_publish(packet, publish)) acknowledge(publish);
    }
    if (unacknowledged_ == 0) return;
    if (!fill(answer_patience)) break_off("the broker did not acknowledge what %s sent within 30 s", name_.c_str());
  }
}

bool Client::receive(std::chrono::milliseconds patience, const OnMessage& message) {
  mqtt::Packet packet;
  while (true) {
    while (reader_.next(packet)) {
      mqtt::Publish publish;
      if (packet.type == mqtt::Type::puback && unacknowledged_ > 0) --unacknowledged_;
      if (packet.type != mqtt::Type::publish || !mqtt::read_publish(packet, publish)) continue;
      acknowledge(publish);
      if (!message(publish)) return true;
    }
    if (!fill(patience)) return false;
  }
}

std::string Client::control(const std::string& command_json) {
  publish(control_topic, ByteView(std::string_view("{\"commands\": [" + command_json + "]}")), false);
  std::string response;
  const bool came = receive(answer_patience, [&](const mqtt::Publish& publish) {
    if (publish.topic != control_response_topic) return true;
    response = std::string(publish.payload.text());
    return false;
  });
  if (!came) break_off("the plugin did not answer %s within 30 s", command_json.c_str());
  return response;
}

}  // namespace muster::bench
