#include "broker-plugin/core/outbox.h"

#include <utility>

namespace muster::broker {
namespace {

std::size_t bytes_of(const Outbox::Item& item) {
  const auto* publication = std::get_if<Publication>(&item);
  return publication == nullptr ? 0 : publication->payload.bytes().size();
}

}  // namespace

Outbox::Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

void Outbox::put(Item item) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes_of(item);
    items_.push_back(std::move(item));
  }
  wake_();
}

void Outbox::put(std::vector<Item> items) {
  if (items.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (auto& item : items) {
      bytes_ += bytes_of(item);
      items_.push_back(std::move(item));
    }
  }
  wake_();
}

bool Outbox::nudge() {
  {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return false;
  }
  wake_();
  return true;
}

std::size_t Outbox::bytes_waiting() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t Outbox::drain(BrokerPort& port) {
  std::vector<Item> now;
  {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    while (!items_.empty() && now.size() < items_per_tick_max && bytes < bytes_per_tick_max) {
      bytes += bytes_of(items_.front());
      now.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    bytes_ -= bytes;
  }
  for (auto& item : now) {
    if (const auto* publication = std::get_if<Publication>(&item)) {
      port.publish(*publication);
    } else {
      std::get<Call>(item)();
    }
  }
  return now.size();
}

}  // namespace muster::broker
