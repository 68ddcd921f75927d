// One device, its broker and the virtual time that both live in. Tests only; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/mcu/session/bench/broker.h"
#include "tests/unit/mcu/session/bench/device.h"
#include "tests/unit/mcu/session/bench/messages.h"

namespace muster::mcu::sim {

inline const std::string device_topics = "muster/v1/device/mcu-0/";
inline const std::string assignment_topic = device_topics + "assignment";
inline const std::string directive_topic = device_topics + "directive";
inline const std::string chunk_topic = device_topics + "chunk";
inline const std::string chunk_get_topic = device_topics + "chunk/get";
inline const std::string state_topic = device_topics + "state";
inline const std::string health_topic = device_topics + "health";
inline const std::string link_topic = device_topics + "link";
inline const std::string ack_topic = device_topics + "ack";
inline const std::string evidence_topic = device_topics + "evidence";
inline const std::string fleet_topic = "muster/v1/fleet/directive";
inline const std::string root_topic = "muster/v1/trust/root";

// The releases that the tests go between, on each plane two beside the factory's firmware; small, and longer than one
// chunk.
struct Releases {
  explicit Releases(const Keys& keys);
  Bytes root;  // the document of version 1
  Release factory, firmware, model, other_model, config, other_config;
};

class World {
 public:
  // Provisioned and not started. The broker retains the chain with the root document of version 1 and has all blobs.
  World(const Keys& keys, const Releases& releases, const DeviceSpec& spec = {});
  // Likewise, with the flash of another one.
  World(const Keys& keys, const Releases& releases, const DeviceSpec& spec, const NorFlash& flash);

  Broker broker;
  Device device;
  std::uint64_t now_ms = 0;
  std::uint64_t polls = 0, busy_polls = 0;  // and those that said that there is more to do
  std::uint32_t idle_ms = Client::idle_ms;  // how long the device sleeps when nothing is to be done
  // Called before each poll.
  std::function<void()> before_poll = [] {};

  // One round: the broker's turn, the device's, and the time that it sleeps.
  void step();
  void run(std::uint64_t ms);
  // Steps until it holds; false when it does not within so many virtual milliseconds.
  bool until(const std::function<bool()>& holds, std::uint64_t ms = 60000);
  // Started, subscribed to everything and quiet.
  bool start_and_settle();
  // The newest report says that this attempt has come to its end.
  bool until_attempt(std::uint64_t epoch, wire::AttemptState state, std::uint64_t ms = 120000);

  // By the control key, retained.
  void assign(std::uint64_t epoch, const std::vector<const Release*>& releases, std::uint32_t soak_s = 0,
              wire::Hold hold = wire::Hold::none, const std::vector<const Release*>& shadow = {});
  void order(std::uint64_t epoch, const std::vector<OrderSpec>& orders, const std::string& scope = "device/mcu-0");
  // Whether this runs, and its first file lies in flash as it should.
  [[nodiscard]] bool runs(const Release& release);
  [[nodiscard]] const StateSeen& last_state() const { return broker.states.back(); }

 private:
  void prepare(const Releases& releases);
  const Keys& keys_;
};

}  // namespace muster::mcu::sim
