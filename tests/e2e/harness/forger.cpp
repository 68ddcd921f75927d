#include "tests/e2e/harness/forger.h"

#include <gtest/gtest.h>

#include <utility>

namespace muster::e2e {

Forger::Forger(const Keys& keys) {
  for (const auto* name : {"root", "release", "control"}) {
    auto key = trust::SigningKey::load(keys.folder() + "/" + name + ".key");
    EXPECT_TRUE(key.has_value()) << name;
    if (key) keys_.push_back(std::move(*key));
  }
  auto stranger = trust::SigningKey::generate();
  EXPECT_TRUE(stranger.has_value());
  if (stranger) keys_.push_back(std::move(*stranger));
}

Bytes Forger::sealed(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) {
  auto envelopes = trust::seal({{kind, payload}}, {&key});
  EXPECT_TRUE(envelopes.has_value());
  return envelopes ? envelopes->front() : Bytes{};
}

Bytes Forger::assignment(const AssignmentToSend& given) const {
  return sealed(wire::PayloadKind::assignment, e2e::assignment(given), control());
}

Bytes Forger::directive(const DirectiveToSend& given) const {
  return sealed(wire::PayloadKind::directive, e2e::directive(given), control());
}

AssignmentToSend Forger::wish(const std::string& device, std::uint64_t epoch, std::uint8_t marker) {
  AssignmentToSend given;
  given.device = device;
  given.epoch = epoch;
  given.issued_s = now_s();
  given.expires_s = now_s() + 3600;
  ReleaseToAssign release;
  release.manifest.bytes[0] = marker;
  release.envelope.bytes[0] = marker;
  release.envelope_size = 1000;
  given.releases.push_back(release);
  return given;
}

DirectiveToSend Forger::order(const std::string& scope, std::uint64_t epoch, std::uint8_t kind) {
  return {.scope = scope, .epoch = epoch, .issued_s = now_s(), .expires_s = now_s() + 3600, .order = kind};
}

}  // namespace muster::e2e
