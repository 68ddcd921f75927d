#include "tests/e2e/harness/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <utility>

#include "schemas/topics.h"
#include "tests/e2e/harness/eventually.h"

namespace muster::e2e {
namespace {

std::string next_client_id() {
  static std::atomic<unsigned> count{0};
  return "test-" + std::to_string(++count);
}

host::MqttOptions options_for(std::uint16_t port, const std::string& ca, const std::string& stem,
                              std::string client_id) {
  host::MqttOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.client_id = client_id.empty() ? next_client_id() : std::move(client_id);
  options.ca = ca;
  options.cert = stem + ".crt";
  options.key = stem + ".key";
  options.queue_max = 4096;
  options.connect_timeout_s =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(stretched(10s)).count());
  return options;
}

}  // namespace

Session::Session(std::uint16_t port, const std::string& ca, const std::string& stem, std::string client_id)
    : client_(std::make_unique<host::MqttClient>(
          options_for(port, ca, stem, std::move(client_id)),
          [this](host::MqttMessage&& message) { keep(std::move(message)); },
          [this](const std::string&) { changed_.notify_all(); })) {}

Session::~Session() {
  client_.reset();
}

void Session::connect() {
  const auto connected = client_->connect();
  ASSERT_TRUE(connected.has_value()) << connected.error().message;
}

std::string Session::connect_refused() {
  const auto connected = client_->connect();
  return connected ? std::string() : connected.error().message;
}

bool Session::subscribe(const std::string& filter) {
  return client_->subscribe({filter}, 1).has_value();
}

int Session::publish(const std::string& topic, ByteView payload, bool retain) {
  // Shared with the handler, which may run after this function has given up.
  const auto reason = std::make_shared<std::atomic<int>>(-2);
  const auto handed = client_->publish(topic, payload, 1, retain, [reason](int code) { *reason = code; });
  if (!handed) return -1;
  if (!eventually(5s, [&] { return *reason != -2; })) return -1;
  return *reason;
}

void Session::publish_qos0(const std::string& topic, ByteView payload) {
  const auto handed = client_->publish(topic, payload, 0, false);
  EXPECT_TRUE(handed.has_value()) << handed.error().message;
}

std::optional<host::MqttMessage> Session::wait_for(const std::string& topic, std::chrono::milliseconds patience,
                                                   const std::function<bool(const host::MqttMessage&)>& good) {
  const auto deadline = std::chrono::steady_clock::now() + stretched(patience);
  std::unique_lock lock(mutex_);
  while (true) {
    for (auto message = messages_.rbegin(); message != messages_.rend(); ++message) {
      if (message->topic == topic && (!good || good(*message))) return *message;
    }
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) return std::nullopt;
  }
}

std::vector<host::MqttMessage> Session::received(const std::string& topic_prefix) const {
  const std::lock_guard lock(mutex_);
  std::vector<host::MqttMessage> found;
  for (const auto& message : messages_) {
    if (message.topic.compare(0, topic_prefix.size(), topic_prefix) == 0) found.push_back(message);
  }
  return found;
}

void Session::forget() {
  const std::lock_guard lock(mutex_);
  messages_.clear();
}

nlohmann::json Session::control(const std::string& command, const nlohmann::json& fields) {
  nlohmann::json request = fields;
  const std::string correlation = "c" + std::to_string(++correlation_);
  request["command"] = command;
  request["correlationData"] = correlation;
  const std::string text = nlohmann::json{{"commands", {request}}}.dump();
  if (!client_->publish(std::string(control_topic), ByteView(text), 1, false)) return nlohmann::json::object();
  nlohmann::json response;
  const auto is_ours = [&](const host::MqttMessage& message) {
    const auto body = nlohmann::json::parse(ByteView(message.payload).text(), nullptr, false);
    if (!body.is_object() || !body.contains("responses")) return false;
    for (const auto& one : body["responses"]) {
      if (one.value("correlationData", "") == correlation) response = one;
    }
    return !response.is_null();
  };
  (void)wait_for(std::string(control_response_topic), 10s, is_ours);
  return response.is_null() ? nlohmann::json::object() : response;
}

nlohmann::json Session::control(const std::string& command) {
  return control(command, nlohmann::json::object());
}

std::string Session::control_raw(const std::string& request) {
  const auto before = received_count(std::string(control_response_topic));
  if (publish(std::string(control_topic), ByteView(std::string_view(request))) < 0) return {};
  if (!eventually(5s, [&] { return received_count(std::string(control_response_topic)) > before; })) return {};
  return std::string(ByteView(received(std::string(control_response_topic)).back().payload).text());
}

void Session::keep(host::MqttMessage&& message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  changed_.notify_all();
}

}  // namespace muster::e2e
