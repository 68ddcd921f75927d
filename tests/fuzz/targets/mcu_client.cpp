// The whole MCU client, from the bytes of its MQTT stream to its flash: the input is a life of steps
// (mcu_client_steps.h) with a broker that sends raw bytes or signed messages that were changed, links that are lost,
// power cuts and failing flash. Whatever happens: only what was signed for this device ever runs, sets of releases stay
// together, and with an honest broker the next start takes the next assignment.
#include <algorithm>
#include <iterator>

#include "tests/fuzz/mcu_client_fixed.h"
#include "tests/fuzz/mcu_client_steps.h"
#include "tests/fuzz/target.h"
#include "tests/unit/mcu/session/bench/world.h"

namespace {

using namespace muster;
using namespace muster::mcu;
using namespace muster::mcu::sim;
using namespace muster::fuzz;

const std::string group_topic = "muster/v1/group/region=eu/directive";

class Life {
 public:
  Life() : world_(fixed().keys, fixed().releases, fixed().spec, fixed().pinned->device.nor()) {
    world_.idle_ms = 100;
    world_.broker.serve(fixed().last);
    start(ResetCause::power_on);
  }
  void step(Choices& choices);
  void end();

 private:
  static constexpr unsigned rounds = 24;  // after each step

  void start(ResetCause cause);
  void round();
  void send(Choices& choices);
  void send_raw(Choices& choices);
  void tamper(Choices& choices);
  void set_manners(std::uint8_t bits);
  void set_workload(std::uint8_t bits);
  void damage(Choices& choices);
  void check();
  [[nodiscard]] std::string_view name_of_active(Plane plane);

  World world_;
  bool damaged_ = false;
  std::uint32_t offered_ = 0;  // bit i: the fixed message i was sent, changed or not
};

// A start may itself be cut off; the next one is on its own.
void Life::start(ResetCause cause) {
  world_.device.set_time(world_.now_ms);
  for (unsigned tries = 0; !world_.device.start(cause); ++tries) {
    FUZZ_REQUIRE(tries < 3, "it does not start: " + std::to_string(world_.device.start_error));
    cause = ResetCause::power_on;
  }
}

void Life::round() {
  if (!world_.device.running()) start(ResetCause::power_on);
  world_.step();
}

std::string topic_of(std::uint8_t number) {
  static const std::string* const topics[] = {&assignment_topic, &directive_topic, &chunk_topic, &ack_topic,
                                              &root_topic,       &fleet_topic,     &group_topic, &state_topic};
  return *topics[number % std::size(topics)];
}

void mutate(Bytes& payload, Choices& choices) {
  const auto kind = choices.byte();
  const auto where = static_cast<std::size_t>(choices.byte() << 8 | choices.byte());
  switch (static_cast<Mutation>(kind & 3u)) {
    case Mutation::flip:
      if (!payload.empty()) payload[where % payload.size()] ^= static_cast<std::uint8_t>(1u << (kind >> 5));
      break;
    case Mutation::cut:
      if (!payload.empty()) payload.resize(where % payload.size());
      break;
    case Mutation::grow:
      payload.resize(payload.size() + where % 3000, static_cast<std::uint8_t>(kind));
      break;
    case Mutation::set:
      if (!payload.empty()) payload[where % payload.size()] = choices.byte();
      break;
  }
}

void Life::send(Choices& choices) {
  const std::size_t number = choices.byte() % fixed_messages;
  const auto how = choices.byte();
  const auto& message = fixed().messages[number];
  const auto topic = (how & 0x80) != 0 ? topic_of(choices.byte()) : message.topic;
  auto payload = message.payload;
  for (unsigned i = 0; i < (how & 7u); ++i) mutate(payload, choices);
  offered_ |= 1u << number;
  if (topic == chunk_topic || topic == ack_topic) {
    world_.broker.push(topic, {payload.begin(), payload.end()}, how >> 6 & 1);
  } else {
    world_.broker.publish(topic, payload);
  }
}

void Life::send_raw(Choices& choices) {
  const auto topic = topic_of(choices.byte());
  const auto size = choices.byte() << 8 | choices.byte();
  world_.broker.push(topic, std::string(choices.text(static_cast<std::size_t>(size & 0xfff))), size >> 15 ^ 1);
}

void Life::tamper(Choices& choices) {
  const auto what = choices.byte();
  const auto with = choices.byte();
  const auto count = choices.byte();
  world_.broker.before_chunk = [what, with, left = unsigned{count}](ChunkAnswer& answer) mutable {
    if (left == 0) return;
    --left;
    switch (static_cast<Tamper>(what & 7u)) {
      case Tamper::status:
        answer.status = static_cast<wire::ChunkStatus>(with % 5);  // one more than there are
        break;
      case Tamper::offset:
        answer.offset += with;
        break;
      case Tamper::total:
        answer.total = (what & 8u) != 0 ? ~std::uint64_t{0} - with : answer.total + with;
        break;
      case Tamper::data:
        if (!answer.data.empty()) answer.data[with * 5u % answer.data.size()] ^= 1;
        break;
      case Tamper::shorter:
        answer.data.resize((what & 8u) != 0 ? answer.data.size() + with : with);
        break;
      case Tamper::digest:
        answer.digest.bytes[with % 32u] ^= 1;
        break;
      case Tamper::copies:
        answer.copies = with % 4u;
        break;
      case Tamper::delay:
        answer.delay_ms = with * 40u;
        break;
    }
  };
}

void Life::set_manners(std::uint8_t bits) {
  auto& broker = world_.broker;
  broker.answers = (bits & no_answers) == 0;
  broker.acknowledges = (bits & no_pubacks) == 0;
  broker.serves = (bits & no_chunks) == 0;
  broker.keeps_session = (bits & no_session) == 0;
  broker.reachable = (bits & unreachable) == 0;
  broker.connack_code = (bits & refuses) != 0 ? 5 : 0;
  broker.acknowledges_evidence = (bits & no_acks) == 0;
  broker.reversed = (bits & fuzz::reversed) != 0;
}

void Life::set_workload(std::uint8_t bits) {
  auto& device = world_.device;
  device.sensor_of_slot_b = (bits & sensor_fails) != 0   ? CheckResult::failed
                            : (bits & sensor_waits) != 0 ? CheckResult::waiting
                                                         : CheckResult::healthy;
  device.sensor = (bits & 16u) != 0 ? CheckResult::failed : CheckResult::healthy;
  device.workload_lives = (bits & dead) == 0;
  if ((bits & busy) != 0 && device.running()) {
    device.client().inference(bits * 1000u);
    device.client().drop_frames(bits);
    device.client().remember(EventCode::fault, bits, 1, 2);
  }
}

// A cell that forgets: in what was programmed, because an erased unit that is not one breaks the flash's own rules.
void Life::damage(Choices& choices) {
  auto& nor = world_.device.nor();
  const auto& slots = device_layout().slots;
  const unsigned which = choices.byte();
  const auto& slot = slots[1 + which % 2][which / 2 % 2];
  const auto at = slot.offset + static_cast<std::uint32_t>(choices.byte() << 8 | choices.byte()) % slot.size;
  const auto* unit = nor.bytes() + at / 8 * 8;
  auto byte = nor.bytes()[at];
  if (byte == 0 || std::all_of(unit, unit + 8, [](std::uint8_t one) { return one == 0xff; })) return;
  byte = static_cast<std::uint8_t>(byte & (byte - 1));
  nor.set(at, &byte, 1);
  damaged_ = true;
}

void Life::step(Choices& choices) {
  auto& broker = world_.broker;
  if (!world_.device.running()) start(ResetCause::power_on);
  const unsigned first = choices.byte();
  switch (static_cast<ClientStep>(first & 15u)) {
    case ClientStep::time: {
      const unsigned root = choices.byte();
      for (const auto end = world_.now_ms + root * root; world_.now_ms < end;) round();
      break;
    }
    case ClientStep::raw:
      send_raw(choices);
      break;
    case ClientStep::message:
      send(choices);
      break;
    case ClientStep::give:
      broker.give_max = choices.byte();
      if (broker.give_max == 0) broker.give_max = Broker::all;
      break;
    case ClientStep::take:
      broker.take_max = choices.byte();
      if (broker.take_max == 0) broker.take_max = Broker::all;
      break;
    case ClientStep::drop:
      broker.drop();
      break;
    case ClientStep::cut_power: {
      const unsigned at = choices.byte();
      world_.device.nor().cut_power_at(1 + at, choices.byte());
      break;
    }
    case ClientStep::chunks:
      tamper(choices);
      break;
    case ClientStep::stream:
      broker.judges = false;  // what it answers to this is anybody's guess
      if (const auto bytes = choices.text(choices.byte()); !bytes.empty()) broker.push_bytes(std::string(bytes));
      break;
    case ClientStep::manners:
      set_manners(choices.byte());
      break;
    case ClientStep::cut_given:
      broker.cut_after_given = broker.given + 1 + static_cast<unsigned>(choices.byte() << 8 | choices.byte());
      break;
    case ClientStep::cut_taken:
      broker.cut_after_taken = broker.taken + 1 + static_cast<unsigned>(choices.byte() << 8 | choices.byte());
      break;
    case ClientStep::workload:
      set_workload(choices.byte());
      break;
    case ClientStep::start:
      start(static_cast<ResetCause>(choices.byte() % 5));
      break;
    case ClientStep::flash_fault:
      world_.device.nor().fail_at(1 + choices.byte());
      break;
    case ClientStep::damage:
      if ((first >> 4 & 1u) != 0) damage(choices);
      break;
  }
  for (unsigned i = 0; i < rounds; ++i) round();
  check();
}

std::string_view Life::name_of_active(Plane plane) {
  const auto& active = world_.device.active(plane);
  const auto& all = fixed().releases;
  if (active.is_zero()) return "none";
  for (const auto* release :
       {&all.factory, &all.firmware, &all.model, &all.other_model, &all.config, &all.other_config, &fixed().last}) {
    if (release->assigned.manifest == active && release->assigned.plane == plane)
      return release == &all.other_model || release == &all.other_config ? "other" : std::string_view(release->name);
  }
  return "a stranger's";
}

// While an attempt is under way its set is whole or not there at all, too: the pointers change in one record.
void Life::check() {
  if (!world_.device.running()) return;
  const auto was_offered = [&](std::initializer_list<FixedMessage> any) {
    return std::any_of(any.begin(), any.end(), [&](auto one) { return (offered_ >> one & 1u) != 0; });
  };
  const auto firmware = name_of_active(Plane::firmware);
  FUZZ_REQUIRE(firmware == "factory" || (firmware == "firmware" && was_offered({assign_firmware, assign_all})),
               "runs the firmware " + std::string(firmware));
  const auto model = name_of_active(Plane::model);
  const auto config = name_of_active(Plane::config);
  const auto pair = std::string(model) + "+" + std::string(config);
  const bool first = was_offered({assign_pair, assign_all});
  const bool other = was_offered({assign_other_pair});
  const bool known_model = model == "none" || (model == "model" && first) || (model == "other" && other);
  const bool known_config = config == "none" || (config == "config" && first) || (config == "other" && other);
  FUZZ_REQUIRE(known_model && known_config, "runs " + pair);
  // An order may take one plane of a set back alone, and damage may.
  const bool whole = pair == "none+none" || pair == "model+config" || pair == "other+other";
  FUZZ_REQUIRE(whole || damaged_ || was_offered({order_rollback}), "runs half of a set: " + pair);
}

// From here on everybody is honest.
void Life::end() {
  auto& broker = world_.broker;
  set_manners(0);
  set_workload(0);
  broker.give_max = broker.take_max = Broker::all;
  broker.cut_after_given = broker.cut_after_taken = Broker::all;
  broker.before_chunk = nullptr;
  broker.keeps_session = false;  // and what was on its way is forgotten
  world_.device.nor().power_on();
  world_.device.nor().fail_at(std::uint64_t{1} << 60);  // not any more
  FUZZ_REQUIRE(broker.violations.empty(), broker.violations.front());
  broker.judges = true;
  broker.retained = {{assignment_topic, fixed().last_assignment}};
  for (const auto& order : fixed().last_orders) {
    if ((offered_ >> order_safe_mode) != 0) broker.retained[order.topic] = order.payload;
  }
  start(ResetCause::power_on);
  check();
  FUZZ_REQUIRE(world_.until_attempt(Fixed::last_epoch, wire::AttemptState::committed, 600000),
               "does not take what is right: " +
                   (broker.states.empty() ? std::string("it says nothing") : broker.states.back().detail));
  FUZZ_REQUIRE(world_.runs(fixed().last), "does not run what it says");
  FUZZ_REQUIRE(broker.violations.empty(), broker.violations.front());
}

}  // namespace

FUZZ_TARGET(mcu_client) {
  Choices choices(input);
  Life life;
  for (unsigned steps = 0; !choices.empty() && steps < 200; ++steps) life.step(choices);
  life.end();
}
