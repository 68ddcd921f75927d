#include "host/mqtt_client.h"

#include <MQTTAsync.h>
#include <mqtt/async_client.h>
#include <netdb.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <list>
#include <mutex>
#include <utility>

#include "host/tcp.h"

namespace muster::host {

namespace {

constexpr int reason_failure = 0x80;
constexpr int reason_not_authorised = 0x87;
constexpr int reason_bad_user_or_password = 0x86;
constexpr int reason_connection_ended = -1;

std::string reason_text(int reason) {
  switch (reason) {
    case reason_not_authorised:
      return "the broker says: not authorised";
    case reason_bad_user_or_password:
      return "the broker says: bad user name or password";
    case 0x85:
      return "the broker does not accept this client id";
    case 0x88:
      return "the broker says: server unavailable";
    case 0x89:
      return "the broker is busy";
    case 0x97:
      return "the broker says: quota exceeded";
    default:
      return "the broker answered with reason code " + std::to_string(reason);
  }
}

// Hears of the end of one publish. Paho calls at most one of the two methods, on its own thread.
class AckListener final : public mqtt::iaction_listener {
 public:
  explicit AckListener(MqttClient::AckHandler on_ack) : on_ack_(std::move(on_ack)) {}

  void on_success(const mqtt::token& token) override {
    end(static_cast<int>(token.get_reason_code()));
    released_ = true;
  }
  void on_failure(const mqtt::token& token) override {
    const int reason = static_cast<int>(token.get_reason_code());
    end(reason >= reason_failure ? reason : reason_connection_ended);
    released_ = true;
  }

  // The first call counts: a connection that ends fails what it still carries, and Paho may say so again later.
  void end(int reason) {
    if (!ended_.exchange(true) && on_ack_) on_ack_(reason);
  }
  // True once Paho will not use this object again.
  [[nodiscard]] bool released() const { return released_; }

 private:
  MqttClient::AckHandler on_ack_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> released_{false};
};

// Paho says the same of a name without an address as of a port where nothing listens. Empty when the name is known.
std::string name_trouble(const std::string& host) {
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (failed == 0) ::freeaddrinfo(found);
  return failed == 0 ? std::string() : "the name does not resolve: " + std::string(::gai_strerror(failed));
}

// Paho's threads may still be on their way out when main() has returned, and what libcrypto keeps for each thread needs
// libcrypto until then. It would tear itself down among the first at the process's end; nobody needs that. It must hear
// so before anything else in the process uses it, hence before main().
const bool libcrypto_stays = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;

// Paho formats a line at each of its functions and packets, for a trace that it then throws away. Once, before any of
// its threads runs; its environment variable MQTT_C_CLIENT_TRACE_LEVEL is read later and still turns the trace on.
void silence_trace() {
  static const bool silenced = (MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR), true);
  (void)silenced;
}

mqtt::connect_options connect_options_for(const MqttOptions& options,
                                          const std::function<void(const std::string&)>& on_tls_error) {
  mqtt::connect_options connect;
  connect.set_mqtt_version(MQTTVERSION_5);
  connect.set_clean_start(options.clean_start);
  connect.set_keep_alive_interval(static_cast<int>(options.keepalive_s));
  connect.set_connect_timeout(static_cast<int>(options.connect_timeout_s));
  connect.set_automatic_reconnect(false);
  connect.set_max_inflight(static_cast<int>(std::min<std::size_t>(options.queue_max, 65000)));
  mqtt::properties properties;
  properties.add(
      mqtt::property(mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(options.session_expiry_s)));
  connect.set_properties(std::move(properties));
  if (!options.username.empty()) connect.set_user_name(options.username);
  if (!options.password.empty()) connect.set_password(options.password);
  if (!options.will_topic.empty()) {
    connect.set_will_message(mqtt::message(options.will_topic, options.will_payload.data(), options.will_payload.size(),
                                           1, options.will_retain));
  }
  if (options.tls) {
    mqtt::ssl_options ssl;
    ssl.set_trust_store(options.ca);
    if (!options.cert.empty()) ssl.set_key_store(options.cert);
    if (!options.key.empty()) ssl.set_private_key(options.key);
    ssl.set_enable_server_cert_auth(true);
    ssl.set_verify(true);
    ssl.set_error_handler(on_tls_error);
    connect.set_ssl(std::move(ssl));
  }
  return connect;
}

}  // namespace

struct MqttClient::Impl {
  MqttOptions options;
  MessageHandler on_message;
  LostHandler on_lost;
  std::mutex mutex;                  // guards listeners, tls_error
  std::list<AckListener> listeners;  // of publishes that Paho still holds
  std::string tls_error;
  std::atomic<bool> up{false};  // connect() succeeded and the end has not been told yet
  // Destroyed first, and made anew for each connection: what an earlier one still carried must not come back to life,
  // since every caller sends complete snapshots again.
  std::unique_ptr<mqtt::async_client> client;

  Impl(MqttOptions given, MessageHandler message, LostHandler lost)
      : options(std::move(given)), on_message(std::move(message)), on_lost(std::move(lost)) {}

  void make_client() {
    client.reset();
    {
      const std::lock_guard lock(mutex);
      listeners.clear();
      tls_error.clear();
    }
    client = std::make_unique<mqtt::async_client>(
        (options.tls ? "ssl://" : "tcp://") + options.host + ":" + std::to_string(options.port), options.client_id,
        mqtt::create_options(MQTTVERSION_5, static_cast<int>(options.queue_max)));
    client->set_message_callback([this](const mqtt::const_message_ptr& incoming) {
      if (!incoming || !on_message) return;
      const auto& payload = incoming->get_payload_ref();
      const auto* first = reinterpret_cast<const std::uint8_t*>(payload.data());
      on_message({incoming->get_topic(), Bytes(first, first + payload.size()), incoming->is_retained()});
    });
    client->set_connection_lost_handler([this](const std::string& cause) { lose(cause); });
    client->set_disconnected_handler(
        [this](const mqtt::properties&, mqtt::ReasonCode reason) { lose(reason_text(static_cast<int>(reason))); });
  }

  // Paho tells of one lost connection by either handler, or by both.
  void lose(const std::string& cause) {
    if (!up.exchange(false)) return;
    fail_pending();
    if (on_lost) on_lost(cause.empty() ? "the connection ended" : cause);
  }

  void fail_pending() {
    const std::lock_guard lock(mutex);
    for (auto& listener : listeners) listener.end(reason_connection_ended);
  }

  // Waits for the end of the attempt: the token, or null when there was no answer in time. When the attempt failed,
  // none of Paho's threads is at work on it any more once this has returned or thrown.
  mqtt::token_ptr await_connection(mqtt::token_ptr token) {
    try {
      if (token->wait_for(std::chrono::seconds(options.connect_timeout_s + 2))) return token;
    } catch (const mqtt::exception&) {
      drop_client();
      throw;
    }
    drop_client();
    return {};
  }

  // Waiting for a token ends while Paho's thread is still on its way out of the token's callback, with its lock held.
  // is_connected takes the same lock, so that the client is not destroyed under that thread.
  void drop_client() {
    (void)client->is_connected();
    client.reset();
  }

  AckListener* add_listener(AckHandler on_ack) {
    const std::lock_guard lock(mutex);
    listeners.remove_if([](const AckListener& listener) { return listener.released(); });
    if (listeners.size() >= options.queue_max) return nullptr;
    return &listeners.emplace_back(std::move(on_ack));
  }

  void drop_listener(const AckListener* dropped) {
    const std::lock_guard lock(mutex);
    listeners.remove_if([dropped](const AckListener& listener) { return &listener == dropped; });
  }

  void note_tls_error(const std::string& line) {
    constexpr std::size_t kept_len_max = 400;
    const std::lock_guard lock(mutex);
    if (tls_error.size() < kept_len_max) tls_error += (tls_error.empty() ? "" : "; ") + line;
  }

  Error connect_error(const std::string& what) {
    const std::lock_guard lock(mutex);
    std::string message = "cannot connect to " + options.host + ":" + std::to_string(options.port) + ": " + what;
    if (!tls_error.empty()) message += " (TLS: " + tls_error + ")";
    return {ErrorKind::unreachable, std::move(message)};
  }

  // Paho's clean-up waits for its threads, so nothing of ours runs after this.
  void shut() {
    up = false;
    if (!client) return;
    try {
      if (client->is_connected()) client->disconnect(1000)->wait_for(std::chrono::milliseconds(1000));
      // Waiting ends while Paho's thread is still on its way out of the token's callback, with its lock held. This call
      // takes the same lock, so that the client is not destroyed under that thread.
      (void)client->is_connected();
    } catch (const mqtt::exception&) {
      // The connection ended by itself first, which is as good.
    }
    fail_pending();
    client.reset();
    const std::lock_guard lock(mutex);
    listeners.clear();
  }
};

MqttClient::MqttClient(MqttOptions options, MessageHandler on_message, LostHandler on_lost)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_message), std::move(on_lost))) {
  silence_trace();
}

MqttClient::~MqttClient() {
  impl_->shut();
}

tl::expected<bool, Error> MqttClient::connect() {
  impl_->up = false;
  try {
    impl_->make_client();
    auto* const impl = impl_.get();
    const auto on_tls_error = [impl](const std::string& line) { impl->note_tls_error(line); };
    // In one expression: Paho's connect() takes the options by value and leaves its threads a pointer to that parameter
    // for the TLS error handler (eclipse-paho/paho.mqtt.cpp#325), and a parameter lives until its full expression ends.
    const auto token = impl->await_connection(impl->client->connect(connect_options_for(impl->options, on_tls_error)));
    if (!token) return tl::unexpected(impl->connect_error("no answer in time"));
    send_at_once(impl_->options.port);  // Paho has no setting for it
    impl_->up = true;
    // The connection may have ended before `up` was set; then nobody told of it, and we do.
    if (!impl_->client->is_connected()) {
      impl_->up = false;
      return tl::unexpected(impl_->connect_error("the broker closed the connection at once"));
    }
    return token->get_connect_response().is_session_present();
  } catch (const mqtt::exception& problem) {
    const int reason = problem.get_reason_code();
    if (reason == reason_not_authorised || reason == reason_bad_user_or_password) {
      Error error = impl_->connect_error(reason_text(reason));
      error.kind = ErrorKind::refused;
      return tl::unexpected(std::move(error));
    }
    if (reason >= reason_failure) return tl::unexpected(impl_->connect_error(reason_text(reason)));
    const auto of_name = name_trouble(impl_->options.host);
    return tl::unexpected(impl_->connect_error(of_name.empty() ? problem.what() : of_name));
  }
}

tl::expected<void, Error> MqttClient::subscribe(const std::vector<std::string>& filters, int qos) {
  if (filters.empty()) return {};
  if (!connected()) return tl::unexpected(Error{ErrorKind::unreachable, "cannot subscribe: not connected"});
  // Paho leaves the token of a connection that is lost without an end, so that waiting for it alone would take all of
  // the patience: the listener hears of either.
  const auto ended = std::make_shared<std::promise<int>>();
  auto answer = ended->get_future();
  AckListener* listener = impl_->add_listener([ended](int code) { ended->set_value(code); });
  if (listener == nullptr) {
    return tl::unexpected(Error{ErrorKind::no_space, "cannot subscribe: too many messages wait for the broker"});
  }
  try {
    const auto collection = std::make_shared<mqtt::string_collection>(filters);
    const auto token = impl_->client->subscribe(collection, mqtt::iasync_client::qos_collection(filters.size(), qos),
                                                nullptr, *listener);
    // The connection may have ended between the look at it and the request: then nobody ends the listener.
    if (!connected()) listener->end(reason_connection_ended);
    if (answer.wait_for(std::chrono::seconds(impl_->options.connect_timeout_s)) != std::future_status::ready) {
      return tl::unexpected(Error{ErrorKind::timeout, "subscribing to " + filters.front() + ": no answer in time"});
    }
    if (answer.get() == reason_connection_ended) {
      return tl::unexpected(
          Error{ErrorKind::unreachable, "subscribing to " + filters.front() + ": the connection ended first"});
    }
    // Answered; this throws what the broker refused.
    token->wait_for(std::chrono::seconds(1));
    const auto response = token->get_subscribe_response();
    const auto& reasons = response.get_reason_codes();
    for (std::size_t i = 0; i < reasons.size() && i < filters.size(); ++i) {
      if (static_cast<int>(reasons[i]) < reason_failure) continue;
      return tl::unexpected(
          Error{ErrorKind::refused, "subscribing to " + filters[i] + ": " + reason_text(static_cast<int>(reasons[i]))});
    }
    return {};
  } catch (const mqtt::exception& problem) {
    const int reason = problem.get_reason_code();
    if (reason >= reason_failure) {
      return tl::unexpected(
          Error{ErrorKind::refused, "subscribing to " + filters.front() + ": " + reason_text(reason)});
    }
    return tl::unexpected(Error{ErrorKind::unreachable, "subscribing to " + filters.front() + ": " + problem.what()});
  }
}

tl::expected<void, Error> MqttClient::publish(const std::string& topic, ByteView payload, int qos, bool retain,
                                              AckHandler on_ack) {
  if (!connected())
    return tl::unexpected(Error{ErrorKind::unreachable, "cannot publish on " + topic + ": not connected"});
  AckListener* listener = impl_->add_listener(std::move(on_ack));
  if (listener == nullptr) {
    return tl::unexpected(
        Error{ErrorKind::no_space, "cannot publish on " + topic + ": too many messages wait for the broker"});
  }
  try {
    impl_->client->publish(topic, payload.data(), payload.size(), qos, retain, nullptr, *listener);
    return {};
  } catch (const mqtt::exception& problem) {
    impl_->drop_listener(listener);
    return tl::unexpected(Error{ErrorKind::unreachable, "cannot publish on " + topic + ": " + problem.what()});
  }
}

tl::expected<void, Error> MqttClient::publish_and_wait(const std::string& topic, ByteView payload, int qos, bool retain,
                                                       std::uint32_t timeout_ms) {
  const auto ended = std::make_shared<std::promise<int>>();
  auto reason = ended->get_future();
  if (auto sent = publish(topic, payload, qos, retain, [ended](int code) { ended->set_value(code); }); !sent)
    return sent;
  if (reason.wait_for(std::chrono::milliseconds(timeout_ms)) != std::future_status::ready) {
    return tl::unexpected(Error{ErrorKind::timeout, "publishing on " + topic + ": no acknowledgement in time"});
  }
  const int code = reason.get();
  if (code == reason_connection_ended) {
    return tl::unexpected(Error{ErrorKind::unreachable, "publishing on " + topic + ": the connection ended first"});
  }
  if (code >= reason_failure)
    return tl::unexpected(Error{ErrorKind::refused, "publishing on " + topic + ": " + reason_text(code)});
  return {};
}

bool MqttClient::connected() const {
  return impl_->up && impl_->client && impl_->client->is_connected();
}

void MqttClient::close() {
  impl_->shut();
}

}  // namespace muster::host
