// What every life of the target mcu_client begins with, made once: keys, releases, signed messages, and a flash that a
// factory wrote and that has pinned its root. Tests only; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fixed_keys.h"
#include "tests/fuzz/mcu_client_steps.h"
#include "tests/unit/mcu/session/bench/world.h"

namespace muster::fuzz {

struct DeviceMessage {
  std::string topic;
  Bytes payload;
};

struct Fixed {
  static constexpr std::uint64_t last_epoch = 1000;

  mcu::sim::Keys keys{fixed_key(FixedKey::root), fixed_key(FixedKey::release), fixed_key(FixedKey::control)};
  mcu::sim::Releases releases{keys};
  std::vector<DeviceMessage> messages;  // by FixedMessage
  // What an honest broker says at the end of a life: a release of its own, and no orders.
  mcu::sim::Release last;
  Bytes last_assignment;
  std::vector<DeviceMessage> last_orders;
  mcu::sim::DeviceSpec spec;
  std::unique_ptr<mcu::sim::World> pinned;

  Fixed();

 private:
  [[nodiscard]] Bytes assigned(const mcu::sim::AssignmentSpec& wanted) const;
  [[nodiscard]] Bytes assigned(std::uint64_t epoch, std::vector<const mcu::sim::Release*> wanted,
                               std::uint32_t soak_s = 0) const;
  [[nodiscard]] DeviceMessage ordered(const std::string& scope, std::uint64_t epoch,
                                      std::vector<mcu::sim::OrderSpec> orders) const;
  [[nodiscard]] DeviceMessage chain(std::initializer_list<std::uint32_t> versions) const;
  void make_rules();
  void make_assignments();
  void make_orders();
  void make_others();
};

[[nodiscard]] const Fixed& fixed();

}  // namespace muster::fuzz
