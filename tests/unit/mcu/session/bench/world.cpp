#include "tests/unit/mcu/session/bench/world.h"

namespace muster::mcu::sim {

Releases::Releases(const Keys& keys)
    : root(root_document(keys, 1)),
      factory(make_release({Plane::firmware, "factory", "0", {{"slot_a.bin", some_bytes(900, 1)}}}, keys.release)),
      firmware(make_release({Plane::firmware,
                             "firmware",
                             "1",
                             {{"slot_a.bin", some_bytes(2500, 2)}, {"slot_b.bin", some_bytes(2600, 3)}}},
                            keys.release)),
      model(make_release({Plane::model, "model", "1", {{"weights.bin", some_bytes(1700, 4)}}}, keys.release)),
      other_model(make_release({Plane::model, "model", "2", {{"weights.bin", some_bytes(1100, 5)}}}, keys.release)),
      config(make_release({Plane::config, "config", "1", {{"settings.txt", some_bytes(300, 6)}}}, keys.release)),
      other_config(make_release({Plane::config, "config", "2", {{"settings.txt", some_bytes(200, 7)}}}, keys.release)) {
}

World::World(const Keys& keys, const Releases& releases, const DeviceSpec& spec)
    : device(spec, broker, releases.root, releases.factory), keys_(keys) {
  prepare(releases);
}

World::World(const Keys& keys, const Releases& releases, const DeviceSpec& spec, const NorFlash& flash)
    : device(spec, broker, flash), keys_(keys) {
  prepare(releases);
}

void World::prepare(const Releases& releases) {
  broker.retained[root_topic] = trust::make_root_chain({releases.root});
  for (const auto* release : {&releases.factory, &releases.firmware, &releases.model, &releases.other_model,
                              &releases.config, &releases.other_config})
    broker.serve(*release);
}

void World::step() {
  device.set_time(now_ms);
  broker.turn(now_ms);
  before_poll();
  const bool more = device.poll();
  ++polls;
  if (more) ++busy_polls;
  // Bytes that come wake it.
  broker.turn(now_ms);
  now_ms += more || broker.has_bytes() ? 1 : idle_ms;
}

void World::run(std::uint64_t ms) {
  for (const auto end = now_ms + ms; now_ms < end;) step();
}

bool World::until(const std::function<bool()>& holds, std::uint64_t ms) {
  for (const auto end = now_ms + ms; now_ms < end;) {
    if (holds()) return true;
    step();
  }
  return holds();
}

bool World::start_and_settle() {
  device.set_time(now_ms);
  if (!device.start()) return false;
  return until([&] {
    if (!broker.has_session() || broker.has_bytes() || broker.subscribed.empty()) return false;
    const auto& last = broker.subscribed.back();
    return last.connection == broker.connected.size() && last.filter == assignment_topic;
  });
}

bool World::until_attempt(std::uint64_t epoch, wire::AttemptState state, std::uint64_t ms) {
  return until(
      [&] {
        return !broker.states.empty() && last_state().epoch == epoch && last_state().attempt == state &&
               device.running();
      },
      ms);
}

void World::assign(std::uint64_t epoch, const std::vector<const Release*>& releases, std::uint32_t soak_s,
                   wire::Hold hold, const std::vector<const Release*>& shadow) {
  AssignmentSpec spec;
  spec.epoch = epoch;
  spec.issued_s = 1000 + epoch;
  spec.soak_s = soak_s;
  spec.releases = releases;
  spec.hold = hold;
  spec.shadow = shadow;
  broker.publish(assignment_topic, sealed(wire::PayloadKind::assignment, assignment(spec), keys_.control));
}

void World::order(std::uint64_t epoch, const std::vector<OrderSpec>& orders, const std::string& scope) {
  DirectiveSpec spec;
  spec.scope = scope;
  spec.epoch = epoch;
  spec.orders = orders;
  broker.publish("muster/v1/" + scope + "/directive",
                 sealed(wire::PayloadKind::directive, directive(spec), keys_.control));
}

bool World::runs(const Release& release) {
  if (!device.running() || device.active(release.assigned.plane) != release.assigned.manifest) return false;
  for (const auto& [name, bytes] : release.files) {
    const bool other_slot = release.assigned.plane == Plane::firmware && release.files.size() == 2 &&
                            name == (device.running_slot == 0 ? "slot_b.bin" : "slot_a.bin");
    if (!other_slot && device.file(release.assigned.plane, name) != bytes) return false;
  }
  return true;
}

}  // namespace muster::mcu::sim
