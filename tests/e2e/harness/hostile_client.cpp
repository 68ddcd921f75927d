#include "tests/e2e/harness/hostile_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "tests/e2e/harness/eventually.h"

namespace muster::e2e {
namespace {

host::MqttOptions options_for(std::uint16_t port, const Keys& keys, const std::string& stem,
                              const std::string& client_id) {
  static std::atomic<unsigned> number{0};
  host::MqttOptions options;
  options.port = port;
  options.client_id =
      client_id.empty() ? "hostile-" + std::to_string(::getpid()) + "-" + std::to_string(++number) : client_id;
  options.ca = keys.ca();
  options.cert = stem + ".crt";
  options.key = stem + ".key";
  options.queue_max = 2 * HostileClient::window;
  return options;
}

}  // namespace

HostileClient::HostileClient(std::uint16_t port, const Keys& keys, const std::string& stem,
                             const std::string& client_id)
    : client_(
          options_for(port, keys, stem, client_id),
          [state = state_](host::MqttMessage&&) {
            const std::lock_guard lock(state->mutex);
            ++state->counts.heard;
          },
          [](const std::string&) {}) {}

void HostileClient::connect() {
  const auto connected = client_.connect();
  ASSERT_TRUE(connected.has_value()) << connected.error().message;
}

void HostileClient::send(const std::string& topic, ByteView payload, bool retain) {
  {
    std::unique_lock lock(state_->mutex);
    const bool room = state_->changed.wait_for(lock, stretched(30s), [&] { return state_->under_way < window; });
    ASSERT_TRUE(room) << "the broker answers nothing any more";
    ++state_->counts.sent;
    ++state_->under_way;
  }
  const auto answered = [state = state_](int reason) {
    {
      const std::lock_guard lock(state->mutex);
      auto& counts = state->counts;
      ++(reason >= 0 && reason < 0x80 ? counts.taken : reason == 0x87 ? counts.denied : counts.lost);
      --state->under_way;
    }
    state->changed.notify_all();
  };
  if (!client_.publish(topic, payload, 1, retain, answered)) answered(-1);
}

void HostileClient::send_qos0(const std::string& topic, ByteView payload) {
  const bool handed = client_.publish(topic, payload, 0, false).has_value();
  const std::lock_guard lock(state_->mutex);
  ++state_->counts.sent;
  ++(handed ? state_->counts.taken : state_->counts.lost);
}

bool HostileClient::drained(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, stretched(patience), [&] { return state_->under_way == 0; });
}

HostileClient::Counts HostileClient::counts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts;
}

}  // namespace muster::e2e
