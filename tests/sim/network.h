// The broker's MQTT side and the lines to the devices, simulated: retained messages with their last value, sessions
// that keep messages for a device that is off, connections that lose, delay, repeat and reorder messages and end
// without a word. As with TCP, a connection that lost something does not live on: its ends notice by the keepalive. One
// object a world.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "edge-client/agent/types.h"
#include "rules/engine/event.h"
#include "tests/sim/options.h"
#include "tests/sim/random.h"
#include "tests/sim/scheduler.h"

namespace muster::sim {

using DeviceNumber = std::size_t;
using LinkId = std::uint64_t;  // 0: none

// A health summary as it travels: the host takes it when it is newer than the device's last one.
struct HealthSummary {
  rules::DeviceHealth measured;
  std::uint64_t boot_id = 0, seq = 0;
};

// What travels up.
using Upward = std::variant<rules::DeviceReport, std::shared_ptr<const HealthSummary>>;

// What travels down; shared, because a fleet's directive goes to many.
using Downward = std::variant<std::shared_ptr<const edge::Assignment>, std::shared_ptr<const edge::Directive>>;

class Network {
 public:
  struct Ports {
    // --- the broker's end ---
    std::function<void(DeviceNumber, LinkId)> opened, closed;
    std::function<void(DeviceNumber, LinkId, const Upward&)> said;
    // --- the device's end ---
    std::function<void(DeviceNumber, LinkId)> lost;
    std::function<void(DeviceNumber, const Downward&)> arrived;
  };
  Network(const Options& options, Scheduler& scheduler, Random random, Ports ports);

  // --- the device's end ---
  // 0 when the broker cannot be reached. Subscribes: the session's messages and the retained ones follow.
  LinkId connect(DeviceNumber device, std::vector<std::string> topics);
  // Its process has gone or it has closed the line in order; the broker hears of it, perhaps late.
  void hang_up(DeviceNumber device, bool in_order);
  void send(DeviceNumber device, const Upward& message);

  // --- the broker's end ---
  void broker_up();
  void broker_down();  // all lines break; sessions are lost, and retained messages go back to the last save
  void publish(const std::string& topic, Downward message);

  // --- trouble ---
  void set_partitioned(DeviceNumber device, bool partitioned);
  void heal();  // from now on messages arrive in order and none is lost; lines that lost something have ended

  [[nodiscard]] const std::map<std::string, Downward>& retained() const { return retained_; }

 private:
  struct Line {
    LinkId id = 0;
    bool device_end = false, broker_end = false;  // still open there
    bool doomed = false;
    std::uint64_t up_free_ms = 0, down_free_ms = 0;  // when the last message arrives: order is kept unless reordering
    std::vector<std::string> topics;
  };
  struct Session {
    std::deque<std::pair<std::string, Downward>> waiting;
  };

  [[nodiscard]] Line& line_of(DeviceNumber device) { return lines_[device]; }
  [[nodiscard]] std::uint64_t delay();
  [[nodiscard]] std::uint64_t arrival(std::uint64_t& free_ms);
  void deliver_down(DeviceNumber device, const Downward& message);
  void doom(DeviceNumber device);
  void end_at_device(DeviceNumber device, LinkId id);
  void end_at_broker(DeviceNumber device, LinkId id);

  Options options_;
  Scheduler& scheduler_;
  Random random_;
  Ports ports_;
  bool up_ = false;
  std::uint64_t life_ = 0;  // of the broker
  LinkId last_link_ = 0;
  std::map<DeviceNumber, Line> lines_;
  std::map<DeviceNumber, Session> sessions_;
  std::set<DeviceNumber> partitioned_;
  std::map<std::string, Downward> retained_, saved_;
  std::uint64_t saved_ms_ = 0;
};

}  // namespace muster::sim
