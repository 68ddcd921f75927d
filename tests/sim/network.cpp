#include "tests/sim/network.h"

#include <algorithm>

namespace muster::sim {

namespace {

constexpr std::uint64_t keepalive_ms = 30'000;
constexpr std::size_t session_messages_max = 100;
constexpr std::uint64_t save_interval_ms = 120'000;

}  // namespace

Network::Network(const Options& options, Scheduler& scheduler, Random random, Ports ports)
    : options_(options), scheduler_(scheduler), random_(random), ports_(std::move(ports)) {}

std::uint64_t Network::delay() {
  return 1 + (options_.delay_ms_max == 0 ? 0 : random_.below(options_.delay_ms_max));
}

std::uint64_t Network::arrival(std::uint64_t& free_ms) {
  const auto at_ms = scheduler_.now_ms() + delay();
  if (options_.reordering) return at_ms;
  free_ms = std::max(free_ms, at_ms);
  return free_ms;
}

LinkId Network::connect(DeviceNumber device, std::vector<std::string> topics) {
  if (!up_ || partitioned_.contains(device)) return 0;
  auto& line = line_of(device);
  // The new connection takes the session over: the broker ends the one before it.
  if (line.broker_end) end_at_broker(device, line.id);
  line = Line();
  line.id = ++last_link_;
  line.device_end = line.broker_end = true;
  line.topics = std::move(topics);
  ports_.opened(device, line.id);
  auto waiting = std::exchange(sessions_[device].waiting, {});
  for (const auto& [topic, message] : waiting) deliver_down(device, message);
  for (const auto& topic : line.topics) {
    const auto found = retained_.find(topic);
    if (found != retained_.end()) deliver_down(device, found->second);
  }
  return line.id;
}

void Network::hang_up(DeviceNumber device, bool in_order) {
  auto& line = line_of(device);
  line.device_end = false;
  const auto wait_ms = in_order ? delay() : 1 + random_.below(keepalive_ms);
  scheduler_.after(wait_ms, [this, device, id = line.id] { end_at_broker(device, id); });
}

void Network::send(DeviceNumber device, const Upward& message) {
  auto& line = line_of(device);
  if (!line.device_end) return;
  const auto deliver = [this, device, message, id = line.id, life = life_](bool again) {
    if (!up_ || life != life_) return;
    const auto& now = line_of(device);
    // What is sent once more comes on whatever connection there is then.
    if (!now.broker_end || (now.id != id && !again)) return;
    ports_.said(device, now.id, message);
  };
  if (random_.per_mille(options_.loss) || partitioned_.contains(device)) return doom(device);
  scheduler_.at(arrival(line.up_free_ms), [deliver] { deliver(false); });
  if (random_.per_mille(options_.duplication)) {
    scheduler_.after(delay() + random_.below(keepalive_ms), [deliver] { deliver(true); });
  }
}

void Network::deliver_down(DeviceNumber device, const Downward& message) {
  auto& line = line_of(device);
  const auto deliver = [this, device, message, id = line.id](bool again) {
    const auto& now = line_of(device);
    if (!now.device_end || (now.id != id && !again)) return;
    ports_.arrived(device, message);
  };
  if (random_.per_mille(options_.loss) || partitioned_.contains(device)) return doom(device);
  scheduler_.at(arrival(line.down_free_ms), [deliver] { deliver(false); });
  if (random_.per_mille(options_.duplication)) {
    scheduler_.after(delay() + random_.below(keepalive_ms), [deliver] { deliver(true); });
  }
}

// Both ends notice, each in its own time.
void Network::doom(DeviceNumber device) {
  auto& line = line_of(device);
  if (line.doomed) return;
  line.doomed = true;
  const auto id = line.id;
  scheduler_.after(1 + random_.below(keepalive_ms), [this, device, id] { end_at_device(device, id); });
  scheduler_.after(1 + random_.below(keepalive_ms), [this, device, id] { end_at_broker(device, id); });
}

void Network::end_at_device(DeviceNumber device, LinkId id) {
  auto& line = line_of(device);
  if (line.id != id || !line.device_end) return;
  line.device_end = false;
  ports_.lost(device, id);
  if (line.broker_end)
    scheduler_.after(1 + random_.below(keepalive_ms), [this, device, id] { end_at_broker(device, id); });
}

void Network::end_at_broker(DeviceNumber device, LinkId id) {
  auto& line = line_of(device);
  if (line.id != id || !line.broker_end) return;
  line.broker_end = false;
  ports_.closed(device, id);
  if (line.device_end) scheduler_.after(delay(), [this, device, id] { end_at_device(device, id); });
}

void Network::broker_up() {
  up_ = true;
  ++life_;
}

void Network::broker_down() {
  up_ = false;
  sessions_.clear();
  if (options_.stale_retained) retained_ = saved_;
  for (auto& [device, line] : lines_) {
    line.broker_end = false;
    if (line.device_end) {
      scheduler_.after(1 + random_.below(1000), [this, number = device, id = line.id] { end_at_device(number, id); });
    }
  }
}

void Network::publish(const std::string& topic, Downward message) {
  retained_[topic] = message;
  if (scheduler_.now_ms() >= saved_ms_ + save_interval_ms) {
    saved_ms_ = scheduler_.now_ms();
    saved_ = retained_;
  }
  for (auto& [device, line] : lines_) {
    if (std::find(line.topics.begin(), line.topics.end(), topic) == line.topics.end()) continue;
    if (line.broker_end) {
      deliver_down(device, message);
      continue;
    }
    auto& waiting = sessions_[device].waiting;
    if (waiting.size() < session_messages_max) waiting.emplace_back(topic, message);
  }
}

void Network::set_partitioned(DeviceNumber device, bool partitioned) {
  if (!partitioned) {
    partitioned_.erase(device);
    return;
  }
  partitioned_.insert(device);
  const auto& line = line_of(device);
  if (line.device_end || line.broker_end) doom(device);
}

void Network::heal() {
  options_.loss = options_.duplication = 0;
  options_.reordering = options_.stale_retained = false;
  options_.delay_ms_max = std::min<std::uint64_t>(options_.delay_ms_max, 200);
  partitioned_.clear();
}

}  // namespace muster::sim
