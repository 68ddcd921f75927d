#include "tests/bench/agent/prober.h"

#include <chrono>
#include <cstring>

#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* topic = "bench/probe";
constexpr auto interval = 2ms;
constexpr auto patience = 30s;
constexpr std::size_t trips_min = 20;

}  // namespace

Prober::Prober(std::uint16_t port, const e2e::Keys& keys) {
  client_ = std::make_unique<host::MqttClient>(
      tls_client(port, keys, keys.device("prober"), "prober"),
      [this](host::MqttMessage&& message) {
        std::uint64_t number = 0;
        if (message.payload.size() != sizeof number) return;
        std::memcpy(&number, message.payload.data(), sizeof number);
        {
          const std::lock_guard lock(mutex_);
          returned_ = number;
        }
        changed_.notify_all();
      },
      [](const std::string&) {});
  if (auto connected = client_->connect(); !connected) break_off("%s", connected.error().message.c_str());
  if (auto subscribed = client_->subscribe({topic}, 0); !subscribed) {
    break_off("%s", subscribed.error().message.c_str());
  }
  thread_ = std::thread([this] { probe(); });
}

Prober::~Prober() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  client_.reset();
}

bool Prober::exchange(std::uint64_t number) {
  Bytes payload(sizeof number);
  std::memcpy(payload.data(), &number, sizeof number);
  if (!client_->publish(topic, payload, 1, false)) return false;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return ending_ || returned_ == number; }) && !ending_;
}

void Prober::probe() {
  for (std::uint64_t number = 1;; ++number) {
    const auto before = Clock::now();
    const bool came_back = exchange(number);
    const auto after = Clock::now();
    std::unique_lock lock(mutex_);
    if (ending_) return;
    if (!came_back) break_off("the probing client's message did not come back within 30 s");
    trips_ms_.push_back(ms_between(before, after));
    if (changed_.wait_until(lock, before + interval, [this] { return ending_; })) return;
  }
}

void Prober::begin() {
  const std::lock_guard lock(mutex_);
  trips_ms_.clear();
}

std::vector<double> Prober::round_trips_ms() {
  const std::lock_guard lock(mutex_);
  if (trips_ms_.size() < trips_min) break_off("the transfer was over before %zu round trips were made", trips_min);
  return trips_ms_;
}

}  // namespace muster::bench
