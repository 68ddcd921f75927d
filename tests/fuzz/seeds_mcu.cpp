// Conversations for the target mcu_mqtt: what a broker sends to the MCU client, in its steps.
#include "tests/fuzz/seeds.h"
#include "tests/unit/mcu/mqtt/twin.h"

namespace muster::fuzz {
namespace {

namespace twin = mcu::test::twin;

// The target's steps: a byte that says which, and what it needs.
std::string step(int which) {
  return std::string(1, static_cast<char>(which));
}
std::string bytes(const std::string& given) {
  return step(6) + step(static_cast<int>(given.size())) + given;
}
std::string each_byte(const std::string& given) {
  std::string steps;
  for (const char byte : given) steps += bytes(std::string(1, byte));
  return steps;
}

}  // namespace

void write_mcu_seeds(const SeedFolder& seeds) {
  const std::string small = step(0x42), longer(100, 'l');
  const auto answers = step(4) + bytes(twin::suback(1)) + step(2) + step(3) + "abc" + bytes(twin::puback(2));
  const auto messages = twin::publish({"t", "one", 7, false, false}) + twin::publish({"a/b", "two", 0, false, true}) +
                        twin::publish({"t", longer, 9, true, false});
  seeds.write("mcu_mqtt", "talk",
              small + bytes(twin::connack(true)) + answers + bytes(messages) + step(3) + step(2) + "qq" + step(5));
  seeds.write("mcu_mqtt", "split", small + each_byte(twin::connack()) + each_byte(messages));
  seeds.write("mcu_mqtt", "refused", small + bytes(twin::connack(false, 5)) + bytes(twin::connack()) + bytes(messages));
  seeds.write("mcu_mqtt", "again",
              small + bytes(twin::connack()) + step(2) + step(2) + "ab" + step(0x15) + step(6) +
                  bytes(twin::connack(true)) + bytes(twin::puback(1)));
  seeds.write("mcu_mqtt", "pings",
              small + bytes(twin::connack()) + step(0) + step(200) + bytes(twin::pingresp()) + step(0) + step(255) +
                  step(0) + step(255));
  seeds.write("mcu_mqtt", "blocked",
              small + bytes(twin::connack()) + step(1) + step(3) + step(3) + step(2) + "xy" + bytes(messages) +
                  step(1) + step(200) + step(0) + step(1));
}

}  // namespace muster::fuzz
