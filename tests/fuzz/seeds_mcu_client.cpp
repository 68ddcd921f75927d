// Lives for the target mcu_client, one for each kind of message that comes to a device and for the ways in which a life
// can go wrong.
#include "tests/fuzz/mcu_client_steps.h"
#include "tests/fuzz/seeds.h"
#include "tests/unit/mcu/mqtt/twin.h"

namespace muster::fuzz {
namespace {

namespace twin = mcu::test::twin;

std::string byte(std::size_t value) {
  return std::string(1, static_cast<char>(value));
}
std::string step(ClientStep which) {
  return byte(static_cast<unsigned>(which));
}
std::string time(unsigned ms) {
  unsigned root = 1;
  while (root < 255 && root * root < ms) ++root;
  return step(ClientStep::time) + byte(root);
}
std::string message(FixedMessage which, const std::string& mutations = {}) {
  return step(ClientStep::message) + byte(which) + byte(mutations.size() / 3) + mutations;
}
std::string on_topic(FixedMessage which, unsigned topic) {
  return step(ClientStep::message) + byte(which) + byte(0x80) + byte(topic);
}
std::string flip(unsigned at) {
  return byte(static_cast<unsigned>(Mutation::flip)) + byte(at >> 8) + byte(at & 255);
}
std::string raw(unsigned topic, const std::string& payload) {
  return step(ClientStep::raw) + byte(topic) + byte(payload.size() >> 8) + byte(payload.size() & 255) + payload;
}
std::string with(ClientStep which, unsigned value) {
  return step(which) + byte(value);
}
std::string tamper(Tamper what, unsigned value, unsigned count) {
  return with(ClientStep::chunks, static_cast<unsigned>(what)) + byte(value) + byte(count);
}

}  // namespace

void write_mcu_client_seeds(const SeedFolder& seeds) {
  const auto write = [&](const char* name, const std::string& life) { seeds.write("mcu_client", name, life); };
  const auto settled = time(1000);
  const auto update = settled + message(assign_pair) + time(4000);
  write("update", update + message(assign_other_pair) + time(10000) + message(assign_nothing) + time(4000));
  write("firmware", settled + message(assign_firmware) + time(20000));
  write("all", settled + message(assign_all) + time(30000));
  write("firmware_fails", settled + with(ClientStep::workload, sensor_fails) + message(assign_all) + time(30000));
  write("firmware_hangs",
        settled + message(assign_firmware) + with(ClientStep::workload, dead) + time(60000) + time(60000));
  write("orders", update + message(order_safe_mode) + message(order_resume) + message(order_pause) +
                      message(assign_other_pair) + time(4000) + message(order_none) + time(4000) +
                      message(order_freeze) + message(order_rollback) + message(order_many) + message(order_of_group) +
                      time(4000));
  write("evidence", update + message(order_evidence) + time(30000) + message(ack_of_bundle));
  write("chains", settled + message(chain_short) + message(chain_gap) + message(chain_long) + message(chain_short) +
                      message(chain_long, flip(300) + flip(700)));
  write("chunks", settled + message(assign_pair) + message(chunk_of_envelope) + message(chunk_of_file) +
                      tamper(Tamper::delay, 100, 3) + time(10000) + tamper(Tamper::copies, 2, 9) + time(9000));
  write("refused", settled + message(assign_stranger) + message(assign_expired) + message(manifest_there) +
                       message(assign_pair, flip(400)) + on_topic(assign_pair, 1) + on_topic(order_safe_mode, 5));
  unsigned number = 0;
  for (const auto what : {Tamper::status, Tamper::offset, Tamper::total, Tamper::data, Tamper::shorter, Tamper::digest,
                          Tamper::copies, Tamper::delay}) {
    seeds.write("mcu_client", "tamper_" + std::to_string(number++),
                settled + tamper(what, 1, 2) + message(assign_pair) + time(12000));
  }
  write("raw", settled + raw(0, "noise") + raw(1, std::string(300, 'x')) + raw(4, std::string(2000, 'r')) +
                   raw(2, "MCHK") + raw(3, std::string(8, '\0')) + raw(0, std::string(2500, 'l')));
  write("stream", settled + step(ClientStep::stream) + byte(twin::pingresp().size()) + twin::pingresp() +
                      with(ClientStep::stream, 3) + "abc" + time(4000) + message(assign_pair) + time(4000));
  write("links", with(ClientStep::give, 3) + with(ClientStep::take, 5) + settled + message(assign_pair) +
                     step(ClientStep::drop) + time(3000) + with(ClientStep::cut_given, 1) + byte(0) + time(4000) +
                     with(ClientStep::cut_taken, 0) + byte(90) + time(9000));
  write("power", settled + message(assign_all) + with(ClientStep::cut_power, 9) + byte(3) + time(9000) +
                     with(ClientStep::cut_power, 40) + byte(5) + time(9000) + with(ClientStep::start, 3) +
                     with(ClientStep::flash_fault, 20) + time(9000));
  write("manners", settled + with(ClientStep::manners, no_pubacks) + message(assign_pair) + time(60000) +
                       with(ClientStep::manners, no_answers) + time(65000) + with(ClientStep::manners, unreachable) +
                       time(9000) + with(ClientStep::manners, refuses) + time(9000));
  const auto busy_for = [](unsigned bits, unsigned times) {
    std::string steps;
    for (unsigned i = 0; i < times; ++i) steps += with(ClientStep::workload, bits | busy);
    return steps;
  };
  write("policy", update + busy_for(96, 4) + time(9000) + busy_for(160, 3) + time(9000));
  write("other_policy", settled + message(assign_other_pair) + time(9000) + busy_for(160, 1) + time(9000) +
                            busy_for(96, 4) + time(20000));
  const auto damage = byte(31) + byte(0) + byte(4) + byte(5);
  write("damage", update + damage + with(ClientStep::start, 1) + time(9000) + byte(31) + byte(1) + byte(0) + byte(20) +
                      with(ClientStep::start, 1) + time(9000));
  write("crashes", update + with(ClientStep::start, 3) + with(ClientStep::start, 4) + with(ClientStep::start, 3) +
                       with(ClientStep::start, 3) + with(ClientStep::start, 3) + with(ClientStep::start, 3) +
                       message(order_resume) + time(4000));
}

}  // namespace muster::fuzz
