#include "edge-client/shell/connection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "host/certificate.h"

namespace muster::edge {
namespace {

constexpr std::uint32_t last_words_ms = 1000;
const Bytes link_up = {'1'};
const Bytes link_down = {'0'};

// A broker that refuses a certificate says so in its own log at most; here the handshake just ends.
std::string with_certificate_hint(std::string why, const host::MqttOptions& mqtt) {
  if (!mqtt.tls) return why;
  const auto trouble =
      host::certificate_trouble({mqtt.cert, mqtt.key, mqtt.ca}, static_cast<std::uint64_t>(std::time(nullptr)));
  return trouble.empty() ? why : why + "; " + trouble;
}

// A device that lost its battery's time refuses every certificate, and nobody thinks of its clock.
std::string with_clock_hint(std::string why) {
  if (why.find("certificate verify failed") == std::string::npos) return why;
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::array<char, 40> text{};
  if (::gmtime_r(&now, &utc) != nullptr) std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return why + "; by the clock of this device it is " + text.data() +
         ": is that right, and is the broker's certificate valid then and signed by the CA in broker.ca?";
}

// splitmix64 (Steele, Lea, Flood, OOPSLA 2014): small, and good enough to spread a fleet.
std::uint64_t mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t Backoff::next_ms() {
  const auto step = std::min<std::uint32_t>(attempts_, 32);
  ++attempts_;
  const auto most = first_ms_ > (max_ms_ >> step) ? max_ms_ : first_ms_ << step;
  return mix(state_) % (most + 1);
}

std::uint64_t backoff_seed(const std::string& device_id, std::uint64_t boot_id) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : device_id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash ^ (boot_id * 0x9e3779b97f4a7c15u);
}

Connection::Connection(EventLoop& loop, ConnectionSettings settings, Handlers handlers)
    : loop_(loop),
      settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      backoff_(settings_.backoff_first_ms, settings_.backoff_max_ms, settings_.seed) {
  settings_.mqtt.will_topic = settings_.link_topic;
  settings_.mqtt.will_payload = link_down;
  settings_.mqtt.will_retain = true;
}

Connection::~Connection() {
  if (!stop()) thread_.join();
}

void Connection::start() {
  thread_ = std::thread([this] {
    serve();
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  });
}

bool Connection::stop() {
  *lives_ = false;
  if (!thread_.joinable()) return true;
  {
    const std::lock_guard lock(client_mutex_);
    if (client_ && up_)
      static_cast<void>(client_->publish_and_wait(settings_.link_topic, link_down, 1, true, last_words_ms));
  }
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  up_ = false;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::milliseconds(stop_ms_max), [this] { return ended_; })) return false;
  }
  thread_.join();
  return true;
}

bool Connection::publish(const std::string& topic, ByteView payload, int qos, bool retain,
                         host::MqttClient::AckHandler on_ack) {
  if (!up_) return false;
  host::MqttClient::AckHandler on_loop;
  if (on_ack) {
    on_loop = [this, on_ack = std::move(on_ack)](int reason) { tell([on_ack, reason] { on_ack(reason); }); };
  }
  const std::lock_guard lock(client_mutex_);
  return client_ && client_->publish(topic, payload, qos, retain, std::move(on_loop)).has_value();
}

void Connection::tell(std::function<void()> task) {
  loop_.post([task = std::move(task), lives = lives_] {
    if (*lives) task();
  });
}

void Connection::receive(host::MqttMessage&& message) {
  if (waiting_.fetch_add(1) >= inbound_max) {
    waiting_.fetch_sub(1);
    dropped_.fetch_add(1);
    return;
  }
  const auto shared = std::make_shared<host::MqttMessage>(std::move(message));
  tell([this, shared] {
    waiting_.fetch_sub(1);
    handlers_.message(std::move(*shared));
  });
}

void Connection::serve() {
  for (;;) {
    bool was_steady = false;
    auto why = live_once(was_steady);
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    if (was_steady) backoff_.reset();
    const auto next_ms = backoff_.next_ms();
    tell([this, why = std::move(why), next_ms] {
      up_ = false;
      handlers_.down(why, next_ms);
    });
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(next_ms), [this] { return ending_; })) return;
  }
}

std::string Connection::live_once(bool& was_steady) {
  auto client = std::make_unique<host::MqttClient>(
      settings_.mqtt, [this](host::MqttMessage&& message) { receive(std::move(message)); },
      [this](const std::string& why) {
        {
          const std::lock_guard lock(mutex_);
          lost_ = true;
          lost_why_ = why;
        }
        changed_.notify_all();
      });
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return {};
    lost_ = false;
  }
  if (auto connected = client->connect(); !connected)
    return with_certificate_hint(with_clock_hint(std::move(connected.error().message)), settings_.mqtt);
  if (auto said = client->publish(settings_.link_topic, link_up, 1, true); !said) return said.error().message;
  if (auto subscribed = client->subscribe(settings_.filters, 1); !subscribed) return subscribed.error().message;
  const auto since = EventLoop::now_ms();
  {
    const std::lock_guard lock(client_mutex_);
    client_ = std::move(client);
  }
  tell([this] {
    up_ = true;
    handlers_.up();
  });
  std::string why;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || lost_; });
    why = lost_why_;
  }
  was_steady = EventLoop::now_ms() - since >= steady_ms;
  // Destroyed without any lock: it waits for its handlers.
  {
    const std::lock_guard lock(client_mutex_);
    client = std::move(client_);
  }
  client.reset();
  return why;
}

}  // namespace muster::edge
