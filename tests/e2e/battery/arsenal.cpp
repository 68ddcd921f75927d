#include "tests/e2e/battery/arsenal.h"

#include <gtest/gtest.h>

#include <utility>

#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "schemas/state_report_generated.h"
#include "tests/e2e/harness/messages.h"

namespace muster::e2e {
namespace {

constexpr std::uint64_t boot = 5, seq = 1000;  // what the broker has of the attacker
constexpr std::string_view request = "{\"commands\":[{\"command\":\"getMetrics\"}]}";

Bytes seal(const trust::SigningKey& key, wire::PayloadKind kind, const Bytes& payload) {
  auto envelopes = trust::seal({{kind, payload}}, {&key});
  EXPECT_TRUE(envelopes.has_value());
  return envelopes ? std::move(envelopes->front()) : Bytes();
}

}  // namespace

const char* name_of(Attack attack) {
  constexpr const char* names[] = {"random bytes",
                                   "truncated",
                                   "bit-flipped",
                                   "not 8-aligned",
                                   "replayed",
                                   "oversized",
                                   "foreign device in the payload",
                                   "foreign device's topic",
                                   "captured",
                                   "unknown topic",
                                   "downward, wrongly signed",
                                   "unknown plane",
                                   "wrong retain flag",
                                   "evidence",
                                   "chunk request",
                                   "control without a role"};
  static_assert(std::size(names) == static_cast<std::size_t>(Attack::count));
  return names[static_cast<std::size_t>(attack)];
}

Bytes report_with_plane(const std::string& device, std::uint8_t plane) {
  flatbuffers::FlatBufferBuilder builder;
  const auto facts = wire::CreateFacts(builder, builder.CreateString("rk3566"), builder.CreateString("eu"));
  const std::vector<flatbuffers::Offset<wire::PlaneState>> planes = {
      wire::CreatePlaneState(builder, static_cast<wire::Plane>(plane))};
  wire::FinishStateReportBuffer(builder,
                                wire::CreateStateReport(builder, builder.CreateString(device), seq + 1, boot, 1, facts,
                                                        wire::DeviceState::healthy, builder.CreateVector(planes)));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Arsenal::Arsenal(std::uint64_t seed, std::string device, std::vector<std::string> victims, Bytes captured)
    : random_(seed), device_(std::move(device)), victims_(std::move(victims)), captured_(std::move(captured)) {
  const auto stranger = trust::SigningKey::generate();
  EXPECT_TRUE(stranger.has_value());
  for (const auto& name : victims_) {
    AssignmentToSend expired{.device = name, .epoch = 1u << 20, .issued_s = 1000, .expires_s = 2000};
    AssignmentToSend strange{.device = name, .epoch = 1u << 20};
    strange.releases.push_back({.plane = 7, .manifest = {}, .envelope = {}});
    for (const auto& each : {expired, strange})
      sealed_.push_back(seal(*stranger, wire::PayloadKind::assignment, assignment(each)));
  }
  sealed_.push_back(seal(*stranger, wire::PayloadKind::directive, directive({.scope = "fleet", .epoch = 1u << 20})));
}

Shot Arsenal::next() {
  // The long list twice for what breaks parsers; a large message now and then only, as it takes the network's time.
  const auto attack = static_cast<Attack>(pick(static_cast<std::uint64_t>(Attack::count)));
  return attack == Attack::oversized && pick(4) != 0 ? make(Attack::bit_flipped) : make(attack);
}

Bytes Arsenal::noise(std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
  return bytes;
}

// A message that would be taken, but for what the attack does to it.
Bytes Arsenal::good(std::string& leaf, bool& retain) {
  switch (pick(3)) {
    case 0:
      leaf = "state";
      retain = true;
      return state_report({.device = device_, .boot_id = boot, .seq = seq});
    case 1:
      leaf = "health";
      retain = false;
      return health_summary({.device = device_, .boot_id = boot, .seq = ++health_seq_});
    default:
      leaf = "chunk/get";
      retain = false;
      return chunk_get({}, pick(1000), 1 + static_cast<std::uint32_t>(pick(65536)));
  }
}

Shot Arsenal::downward() {
  const std::string topics[] = {"muster/v1/device/" + victim() + "/assignment",
                                "muster/v1/device/" + victim() + "/directive",
                                "muster/v1/device/" + device_ + "/assignment",
                                "muster/v1/device/" + victim() + "/chunk",
                                "muster/v1/group/region=eu/directive",
                                "muster/v1/fleet/directive",
                                "muster/v1/trust/root",
                                "muster/v1/rollout/quiet",
                                "muster/v1/metrics"};
  return {Attack::downward, topics[pick(std::size(topics))], sealed_[pick(sealed_.size())], pick(2) == 0};
}

std::string Arsenal::unknown_topic() {
  const std::string topics[] = {
      own("shell"),   "muster/v1/device//state",    "muster/v2/device/" + device_ + "/state", "muster/v1",
      own("state/x"), "muster/v1/device/" + device_};
  return topics[pick(std::size(topics))];
}

Shot Arsenal::make(Attack attack) {
  std::string leaf;
  bool retain = false;
  auto payload = good(leaf, retain);
  Shot shot{attack, own(leaf), {}, retain};
  switch (attack) {
    case Attack::random_bytes:
      payload = noise(pick(600));
      break;
    case Attack::truncated:
      payload.resize(pick(payload.size()));
      break;
    case Attack::bit_flipped:
      for (auto flips = 1 + pick(8); flips > 0; --flips)
        payload[pick(payload.size())] ^= static_cast<std::uint8_t>(1u << pick(8));
      break;
    case Attack::misaligned:
      payload.insert(payload.begin(), 1 + pick(7), std::uint8_t{0});
      break;
    case Attack::replayed:
      shot = {attack, own("state"), {}, true};
      payload = state_report({.device = device_, .boot_id = boot - pick(2), .seq = pick(seq), .region = "us"});
      break;
    case Attack::oversized:
      shot = {attack, own("state"), {}, true};
      payload = noise(pick(40) == 0 ? 300'000 : limits::state_report_len_max + 1 + pick(2000));
      break;
    case Attack::foreign_payload:
      shot = {attack, own("state"), {}, true};
      payload = state_report({.device = victim(), .boot_id = 1u << 30, .seq = 1, .region = "us"});
      break;
    case Attack::foreign_topic:
      shot.topic = "muster/v1/device/" + victim() + "/" + leaf;
      break;
    case Attack::captured:
      shot = {attack, pick(2) == 0 ? own("state") : "muster/v1/device/" + victim() + "/state", {}, true};
      payload = captured_;
      break;
    case Attack::unknown_topic:
      shot.topic = unknown_topic();
      break;
    case Attack::downward:
      return downward();
    case Attack::unknown_plane:
      shot = {attack, own("state"), {}, true};
      payload = report_with_plane(device_, static_cast<std::uint8_t>(3 + pick(253)));
      break;
    case Attack::wrong_retain:
      shot = {attack, own("health"), {}, true};
      payload = health_summary({.device = device_, .boot_id = boot, .seq = ++health_seq_});
      break;
    case Attack::evidence:
      shot = {attack, own("evidence"), {}, false};
      payload =
          evidence_chunk({device_, {}, pick(1u << 20), limits::evidence_bundle_len_max + 1 + pick(1u << 30), {0}});
      break;
    case Attack::chunk_request:
      shot = {attack, own("chunk/get"), {}, false};
      payload = chunk_get({}, pick(1u << 30), 1 + static_cast<std::uint32_t>(pick(65536)));
      break;
    case Attack::control:
      shot = {attack, "$CONTROL/muster/v1", {}, false};
      payload.assign(request.begin(), request.end());
      break;
    case Attack::count:
      break;
  }
  shot.payload = std::move(payload);
  return shot;
}

}  // namespace muster::e2e
