#include "tests/fuzz/mcu_client_fixed.h"

#include "rules/condition/compile.h"
#include "tests/fuzz/target.h"
#include "trust/sha256.h"

namespace muster::fuzz {

using mcu::OrderKind;
using mcu::Plane;
using mcu::RecoveryAction;
using mcu::sim::AssignmentSpec;
using mcu::sim::OrderSpec;
using mcu::sim::Release;

Fixed::Fixed()
    : last(mcu::sim::make_release({Plane::model, "last", "9", {{"weights.bin", mcu::sim::some_bytes(1300, 99)}}},
                                  keys.release)) {
  spec.unix_s = 1790000000;  // so that what has expired has
  spec.watchdog_ms = 4000;
  spec.settings.health_window_ms = 5000;
  spec.settings.check_window_ms = 8000;
  spec.settings.healthy_after_ms = 8000;
  messages.resize(fixed_messages);
  make_rules();
  make_assignments();
  make_orders();
  make_others();
  pinned = std::make_unique<mcu::sim::World>(keys, releases, spec);
  FUZZ_REQUIRE(pinned->start_and_settle(), "the factory's device does not start");
}

// Both configurations have rules that a workload of the target can bring about.
void Fixed::make_rules() {
  const auto with = [&](const Release& plain, RecoveryAction on_drops, RecoveryAction on_latency) {
    const auto program = [](const char* condition) {
      return rules::compile_condition(condition, rules::recovery_vocabulary()).program;
    };
    mcu::sim::ReleaseSpec made{Plane::config, plain.name, plain.version, plain.files};
    made.rules = {{program("dropped_frames > 200"), on_drops}, {program("p95_ms > 100"), on_latency}};
    return make_release(made, keys.release);
  };
  releases.config = with(releases.config, RecoveryAction::restart_workload, RecoveryAction::rollback_release);
  releases.other_config =
      with(releases.other_config, RecoveryAction::drop_to_safe_mode, RecoveryAction::switch_to_degraded_model);
}

Bytes Fixed::assigned(const AssignmentSpec& wanted) const {
  return mcu::sim::sealed(wire::PayloadKind::assignment, mcu::sim::assignment(wanted), keys.control);
}

Bytes Fixed::assigned(std::uint64_t epoch, std::vector<const Release*> wanted, std::uint32_t soak_s) const {
  AssignmentSpec made;
  made.epoch = epoch;
  made.soak_s = soak_s;
  made.releases = std::move(wanted);
  return assigned(made);
}

DeviceMessage Fixed::ordered(const std::string& scope, std::uint64_t epoch, std::vector<OrderSpec> orders) const {
  mcu::sim::DirectiveSpec made;
  made.scope = scope;
  made.epoch = epoch;
  made.orders = std::move(orders);
  return {"muster/v1/" + scope + "/directive",
          mcu::sim::sealed(wire::PayloadKind::directive, mcu::sim::directive(made), keys.control)};
}

DeviceMessage Fixed::chain(std::initializer_list<std::uint32_t> versions) const {
  std::vector<Bytes> documents;
  for (const auto version : versions) documents.push_back(mcu::sim::root_document(keys, version));
  return {mcu::sim::root_topic, trust::make_root_chain(documents)};
}

void Fixed::make_assignments() {
  const auto& topic = mcu::sim::assignment_topic;
  const auto& r = releases;
  messages[assign_pair] = {topic, assigned(10, {&r.model, &r.config})};
  messages[assign_other_pair] = {topic, assigned(20, {&r.other_model, &r.other_config}, 3)};
  messages[assign_firmware] = {topic, assigned(30, {&r.firmware})};
  messages[assign_all] = {topic, assigned(40, {&r.firmware, &r.model, &r.config}, 2)};
  AssignmentSpec nothing;
  nothing.epoch = 25;
  nothing.emptied = {Plane::model, Plane::config};
  messages[assign_nothing] = {topic, assigned(nothing)};
  AssignmentSpec stranger;
  stranger.epoch = 50;
  stranger.device_id = "mcu-9";
  stranger.releases = {&r.other_model};
  messages[assign_stranger] = {topic, assigned(stranger)};
  AssignmentSpec expired;
  expired.epoch = 60;
  expired.expires_s = 1;
  expired.releases = {&r.model};
  messages[assign_expired] = {topic, assigned(expired)};
  last_assignment = assigned(last_epoch, {&last});
}

void Fixed::make_orders() {
  const auto on_model = [&](OrderKind kind, std::uint64_t epoch) {
    return OrderSpec{kind, epoch, Plane::model, releases.model.assigned.manifest, "why", "ops"};
  };
  const std::string own = "device/mcu-0", region = "group/region=eu", device_class = "group/class=cortex-m3";
  messages[order_safe_mode] = ordered(own, 1, {on_model(OrderKind::safe_mode, 1)});
  messages[order_resume] = ordered(own, 2, {on_model(OrderKind::resume, 2)});
  messages[order_pause] = ordered("fleet", 3, {on_model(OrderKind::pause_updates, 3)});
  messages[order_none] = ordered("fleet", 4, {});
  messages[order_freeze] = ordered(region, 5, {on_model(OrderKind::freeze, 5)});
  messages[order_rollback] = ordered(own, 6, {on_model(OrderKind::rollback, 6)});
  messages[order_evidence] = ordered(own, 7, {on_model(OrderKind::send_evidence, 7)});
  messages[order_many] =
      ordered("fleet", 8, std::vector<OrderSpec>(mcu::orders_max, on_model(OrderKind::pause_updates, 8)));
  messages[order_of_group] = ordered(device_class, 9, {on_model(OrderKind::safe_mode, 9)});
  for (const auto& scope : {own, std::string("fleet"), region, device_class})
    last_orders.push_back(ordered(scope, last_epoch, {}));
}

void Fixed::make_others() {
  messages[chain_short] = chain({1, 2});
  messages[chain_long] = chain({1, 2, 3, 4});
  messages[chain_gap] = chain({1, 3});
  messages[manifest_there] = {mcu::sim::assignment_topic, releases.model.envelope};
  mcu::sim::ChunkAnswer answer;
  answer.digest = releases.model.assigned.envelope;
  answer.data = releases.model.envelope;
  answer.total = answer.data.size();
  messages[chunk_of_envelope] = {mcu::sim::chunk_topic, mcu::sim::chunk(answer)};
  const auto& file = releases.model.files[0].second;
  answer.digest = trust::sha256(file);
  answer.data = Bytes(file.begin(), file.begin() + mcu::chunk_size);
  answer.total = file.size();
  messages[chunk_of_file] = {mcu::sim::chunk_topic, mcu::sim::chunk(answer)};
  messages[ack_of_bundle] = {mcu::sim::ack_topic, mcu::sim::ack(answer.digest, sizeof(EvidenceBundleHeader))};
}

const Fixed& fixed() {
  static const Fixed made;
  return made;
}

}  // namespace muster::fuzz
