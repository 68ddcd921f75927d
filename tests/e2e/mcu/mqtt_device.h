// The MCU client's MQTT session over a real socket, with everything that it heard. Tests only; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mcu-client/ports/posix/socket_stream.h"
#include "mcu-client/src/mqtt/session.h"
#include "tests/e2e/harness/eventually.h"

namespace muster::e2e {

class MqttDevice : public mcu::MqttHandler {
 public:
  explicit MqttDevice(std::uint16_t tcp_port, std::size_t in_size = 1280)
      : in_(in_size / 8),
        out_(9000),
        stream_("127.0.0.1", tcp_port),
        port_(make_port()),
        session_(port_,
                 {reinterpret_cast<std::uint8_t*>(in_.data()), in_size, reinterpret_cast<std::uint8_t*>(out_.data()),
                  out_.size() * 8},
                 *this) {
    options.client_id = "mcu-1";
  }
  virtual ~MqttDevice() = default;

  struct Message {
    std::string topic, payload;
  };
  mcu::MqttConnect options;
  std::vector<Message> messages;  // whole ones, put together from pieces
  unsigned connections = 0, acknowledged = 0, pieces = 0;
  bool session_present = false, granted = false;
  int lost = 0;                             // what on_lost said last
  std::uint64_t bytes_read = 0;             // from the socket
  std::size_t send_step = ~std::size_t{0};  // bytes that the port takes at once
  std::function<void()> besides = [] {};    // done with every turn

  [[nodiscard]] mcu::MqttSession& session() { return session_; }
  void turn() {
    besides();
    session_.poll(now_ms());
  }
  // Turns until it holds; false when it does not in time.
  [[nodiscard]] bool until(const std::function<bool()>& condition, std::chrono::milliseconds patience = 15s) {
    return eventually(
        patience,
        [&] {
          turn();
          return condition();
        },
        1ms);
  }
  [[nodiscard]] bool connect() {
    lost = 0;
    return session_.connect(options, now_ms()) == mcu::ok && until([&] { return session_.connected() || lost != 0; }) &&
           session_.connected();
  }
  [[nodiscard]] bool subscribe(const std::string& filter) {
    granted = false;
    return session_.subscribe(filter) == mcu::ok && until([&] { return granted || lost != 0; }) && granted;
  }
  // Up to its acknowledgement.
  [[nodiscard]] bool publish(const std::string& topic, const std::string& payload, bool retain = false) {
    const auto before = acknowledged;
    return session_.publish(topic, ByteView(std::string_view(payload)), retain) == mcu::ok &&
           until([&] { return acknowledged > before || lost != 0; }) && acknowledged > before;
  }
  // As a reset does: nothing is said.
  void cut() { stream_.close(); }

  static std::uint64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }

  void on_connected(bool present) override {
    ++connections;
    session_present = present;
  }
  void on_lost(int why) override { lost = why; }
  bool on_message(std::string_view topic, ByteView payload) override {
    messages.push_back({std::string(topic), std::string(payload.text())});
    return payload.aligned();
  }
  bool on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) override {
    ++pieces;
    if (offset == 0) partial_.clear();
    if (partial_.size() != offset || !piece.aligned()) return false;
    partial_ += piece.text();
    if (partial_.size() == total) messages.push_back({std::string(topic), partial_});
    return true;
  }
  void on_acknowledged() override { ++acknowledged; }
  void on_subscribed(bool was_granted) override { granted = was_granted; }

 private:
  mcu::Port make_port() {
    mcu::Port port;
    port.context = this;
    port.open = [](void* self) { return of(self).stream_.open(); };
    port.close = [](void* self) { of(self).stream_.close(); };
    port.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
      return of(self).stream_.send(bytes, size < of(self).send_step ? size : of(self).send_step);
    };
    port.recv = [](void* self, std::uint8_t* to, std::size_t size) {
      const int got = of(self).stream_.recv(to, size);
      if (got > 0) of(self).bytes_read += static_cast<std::uint64_t>(got);
      return got;
    };
    return port;
  }
  static MqttDevice& of(void* self) { return *static_cast<MqttDevice*>(self); }

  std::vector<std::uint64_t> in_, out_;
  std::string partial_;
  mcu::posix::SocketStream stream_;
  mcu::Port port_;
  mcu::MqttSession session_;
};

}  // namespace muster::e2e
